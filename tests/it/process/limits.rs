//! `signet limits`, and reading the configuration again.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use signet_tests::Client;
use signet_tests::process::Serving;
use tempfile::tempdir;

use super::say;

const NUMBER: &str = "+12025550123";

fn write(file: &Path, limits: &str) {
    std::fs::write(file, limits).unwrap();
}

/// The permits of a limiter of the number: left, size.
async fn permits(client: &Client, limiter: &str) -> (u64, u64) {
    let overview = client.manage(&format!("/limits/{NUMBER}")).await.expect(200);
    let mut rows = overview["limiters"].as_array().unwrap().iter();
    let row = rows.find(|row| row["limiter"] == limiter).unwrap();
    (row["left"].as_u64().unwrap(), row["size"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_shown_and_reset() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &["--set", "limits.code_per_number.size=3"]);
    let management = serving.client.management.trim_start_matches("http://").to_owned();
    let limits = |verb: &str, key: &str| say(["limits", verb, key, "--management", &management]);
    let begun = serving.client.begin_session(NUMBER).await.expect(200);
    serving.client.request_code(begun["id"].as_str().unwrap(), "sms").await.expect(200);

    for (verb, used) in [("show", true), ("reset", false), ("show", false)] {
        let (code, said, complaint) = limits(verb, NUMBER);
        assert_eq!((code, complaint.as_str()), (0, ""));
        let line = said.lines().find(|line| line.starts_with("codePerNumber ")).unwrap();
        if used {
            assert!(line.contains("2/3 left, next permit in 3") && line.contains(" s, full in 3"), "{said}");
        } else {
            assert!(line.ends_with("3/3 left"), "{verb}: {said}");
        }
        assert!(said.lines().all(|line| line.contains(NUMBER)), "{said}");
    }
    let (code, said, _) = limits("show", "127.0.0.1");
    assert_eq!((code, said.lines().next().unwrap().split_whitespace().next()), (0, Some("registrationPerAddress")));
    let refused = (1, String::new(), "signet: KEY is to be a number, an ACI or an address\n".to_owned());
    assert_eq!(limits("show", "rubbish"), refused);
    assert_eq!(limits("reset", "../readyz"), refused);
    drop(serving);
    let (code, said, complaint) = limits("show", NUMBER);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(complaint.contains("cannot be reached"), "{complaint}");
}

#[tokio::test]
async fn a_configuration_read_again_changes_the_limits_and_keeps_what_was_taken() {
    let data = tempdir().unwrap();
    let file = data.path().join("signet.toml");
    write(&file, "[limits.code_per_number]\nsize = 3\n");
    // The environment and the flags still win over the file.
    let serving =
        Serving::start(data.path(), &["--config", file.to_str().unwrap(), "--set", "limits.registration.size=9"]);
    let client = &serving.client;
    let begun = client.begin_session(NUMBER).await.expect(200);
    client.request_code(begun["id"].as_str().unwrap(), "sms").await.expect(200);
    assert_eq!(permits(client, "codePerNumber").await, (2, 3));

    write(&file, "[limits.code_per_number]\nsize = 7\n[limits.registration]\nsize = 1\n[log]\nfilter = \"debug\"\n");
    let reloaded = client.manage_by("POST", "/reload").await.expect(200);
    let expected = json!({"inForce": ["limits.code_per_number.size"], "needsRestart": ["log.filter"]});
    assert_eq!(reloaded, expected);
    assert_eq!(permits(client, "codePerNumber").await, (6, 7));
    assert_eq!(permits(client, "registration").await, (9, 9));

    // What is wrong changes nothing, not even the part of it that is right.
    write(&file, "[limits.code_per_number]\nsize = 1\n[limits.pin]\nper = \"0s\"\n[limits.registration]\nsiez = 1\n");
    let problems = client.manage_by("POST", "/reload").await.expect(400)["problems"].clone();
    let [Value::String(problem)] = &problems.as_array().unwrap()[..] else { panic!("{problems}") };
    assert!(problem.starts_with("limits.registration.siez: unknown key"), "{problem}");
    assert_eq!(permits(client, "codePerNumber").await, (6, 7));

    // The shield too.
    write(&file, "[limits.code_per_number]\nsize = 7\n[limits.address]\nsize = 2\nper = \"1h\"\n");
    let reloaded = client.manage_by("POST", "/reload").await.expect(200);
    assert_eq!(reloaded["inForce"], json!(["limits.address.per", "limits.address.size"]));
    let statuses = [client.whoami("x", "y").await.status, client.whoami("x", "y").await.status];
    assert_eq!((statuses, client.whoami("x", "y").await.status), ([401, 401], 429));
}

#[tokio::test]
async fn sighup_reads_the_configuration_again() {
    let data = tempdir().unwrap();
    let file = data.path().join("signet.toml");
    write(&file, "[limits.pin]\nsize = 3\n");
    let serving = Serving::start(data.path(), &["--config", file.to_str().unwrap()]);
    let becomes = async |size: u64| {
        for _ in 0..400 {
            if permits(&serving.client, "pin").await == (size, size) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("SIGHUP changes nothing");
    };
    becomes(3).await;
    write(&file, "[limits.pin]\nsize = 4\n");
    serving.signal("HUP");
    becomes(4).await;
    // What is wrong ends nothing and changes nothing.
    write(&file, "[limits.pin]\nsize = 5\n[limits.check_totp]\nsize = 0\n");
    serving.signal("HUP");
    serving.client.manage_by("POST", "/reload").await.expect(400);
    becomes(4).await;
    write(&file, "[limits.pin]\nsize = 6\n");
    serving.signal("HUP");
    becomes(6).await;
    assert_eq!(serving.terminate(), Some(0));
}
