//! The real binary in production: it starts with a sender that delivers, and refuses what only development may do.

use signet_tests::process::{Serving, signet};
use signet_tests::{Reaction, Receiver};
use tempfile::{TempDir, tempdir};

use super::{NUMBER, begin, code_in, sns, verifies};

/// A directory with `signet.toml` in it: production, and this.
fn configured(more: &str) -> TempDir {
    let directory = tempdir().expect("a directory");
    let key = "5ec12e75".repeat(8);
    let toml = format!(
        "profile = \"production\"
        audit.path = \"off\"
        server.tls = \"off\"
        sms = {{ countries = \"US\", daily_cap = 1000 }}
        svr = {{ auth_key = \"{key}\", user_key = \"{key}\" }}
        devices.link_secret = \"{key}\"
        [verification]
        challenge = \"stub\"
        code_key = \"{key}\"
        {more}"
    );
    std::fs::write(directory.path().join("signet.toml"), toml).expect("written");
    directory
}

fn start(directory: &TempDir) -> Serving {
    let file = directory.path().join("signet.toml");
    Serving::start(&directory.path().join("data"), &["--config", file.to_str().expect("a plain path")])
}

#[tokio::test]
async fn a_number_is_proved_by_sns() {
    let receiver = Receiver::start([sns::published()]).await;
    let directory = configured(&format!(
        "sender = \"sns\"\n[sns]\nendpoint = \"{}\"\naccess_key_id = \"test\"\nsecret_access_key = \"test\"\n",
        receiver.url()
    ));
    let serving = start(&directory);
    assert!(!serving.introduction.iter().any(|line| line.contains("/outbox")), "{:?}", serving.introduction);
    let client = &serving.client;
    let id = begin(client, NUMBER).await;
    client.request_code(&id, "sms").await.expect(409);
    let solved = serde_json::json!({"captcha": "noop.noop.registration.noop"});
    client.update_session(&id, &solved).await.expect(200);
    client.request_code(&id, "sms").await.expect(200);
    assert_eq!(client.manage(&format!("/outbox/{NUMBER}")).await.status, 404);
    assert!(verifies(client, &id, &code_in(&receiver.last().field("Message").expect("a text"))).await);
    assert_eq!(serving.terminate(), Some(0));
}

#[tokio::test]
async fn a_number_is_proved_by_a_webhook() {
    let receiver = Receiver::start([Reaction::Answer(200, String::new())]).await;
    let directory = configured(&format!(
        "sender = \"webhook\"\n[webhook]\nurl = \"{}/codes\"\nsecret = \"a secret of the receiver's\"\n",
        receiver.url()
    ));
    let serving = start(&directory);
    let client = &serving.client;
    let id = begin(client, NUMBER).await;
    client.update_session(&id, &serde_json::json!({"captcha": "noop.noop.registration.noop"})).await.expect(200);
    client.request_code(&id, "sms").await.expect(200);
    assert!(receiver.last().header("x-signet-signature").is_some());
    assert!(verifies(client, &id, receiver.last().json()["code"].as_str().expect("a code")).await);
}

#[test]
fn what_it_refuses_is_named() {
    for (more, complaint) in [
        ("", "verification.sender: \"outbox\" shows codes"),
        ("sender = \"sns\"\nvoice_sender = \"outbox\"", "verification.voice_sender: \"outbox\" shows codes"),
        (
            "sender = \"sns\"\ntest_numbers = { \"+12025550123\" = { code = \"123456\", until = \"2027-01-01\" } }",
            "verification.test_numbers: are for development only",
        ),
        ("sender = \"webhook\"\n[webhook]\nurl = \"https://example.org\"", "webhook.secret: required in production"),
        (
            "sender = \"webhook\"\n[webhook]\nurl = \"http://example.org\"\nsecret = \"sixteen letters.\"",
            "webhook.url: would send codes in clear",
        ),
    ] {
        let directory = configured(more);
        let output = signet().arg("serve").arg("--config").arg(directory.path().join("signet.toml")).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(complaint) && said.lines().count() == 1, "{said}");
        assert!(!said.contains("sixteen letters.") && !said.contains("123456"), "{said}");
    }
}
