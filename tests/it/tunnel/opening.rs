//! Who may open a socket, and what they are told who may not.

use std::time::Duration;

use signet_tests::client::basic;
use signet_tests::socket::{CHAT, PROVISIONING};
use signet_tests::{Client, Socket, Table, TestRegistry};

use super::Person;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_device_opens_a_socket_and_hears_that_its_queue_is_empty() {
    let t = TestRegistry::start();
    let alice = Person::register(&t, "+12025550101").await;
    for user in [alice.aci.clone(), format!("{}.1", alice.aci)] {
        let mut socket = Socket::of_device(t.plain, &user, &alice.password).await;
        assert!(socket.opening.contains_key("x-signal-timestamp"));
        for never in ["sec-websocket-extensions", "sec-websocket-protocol", "x-signal-alert"] {
            assert!(!socket.opening.contains_key(never), "{never}");
        }
        let request = socket.request().await;
        assert_eq!((request.verb.as_deref(), request.path.as_deref()), (Some("PUT"), Some("/api/v1/queue/empty")));
        assert!(request.id.is_some() && request.body.is_none());
        assert_eq!(request.headers, [format!("X-Signal-Timestamp:{}", t.clock.clock().now().millis())]);
        let me = socket.send("GET", "/v1/accounts/whoami", &[], "").await.expect(200);
        assert_eq!(me["uuid"], alice.aci.as_str());
    }
}

#[tokio::test]
async fn bad_credentials_are_403_and_none_are_nobodys() {
    let t = TestRegistry::start();
    let alice = Person::register(&t, "+12025550101").await;
    let mut table = Table::default();
    for (what, user, password) in [
        ("wrong password", alice.aci.as_str(), "wrong"),
        ("unknown account", "00000000-0000-4000-8000-000000000000", alice.password.as_str()),
        ("unknown device", &format!("{}.2", alice.aci), &alice.password),
        ("no ACI", "test", "test"),
        ("a number", "+12025550101", &alice.password),
    ] {
        let refused = Socket::open(t.plain, CHAT, &[("authorization", &basic(user, password))]).await;
        let refused = refused.err().expect("refused");
        table.row(what, (refused.status, refused.header("x-signal-timestamp").is_some()), (403, true));
        assert!(refused.header("retry-after").is_none(), "the client library would take it for a limit");
        assert_eq!(refused.text, "");
    }
    table.close();
    let mut nobody = Socket::anonymous(t.plain).await;
    nobody.send("GET", "/v1/accounts/whoami", &[], "").await.expect(401);
    let authorization = basic(&alice.aci, &alice.password);
    let fields = [("authorization", authorization.as_str())];
    nobody.send("GET", "/v1/accounts/whoami", &fields, "").await.expect(401);
    // A device that is to be linked has no credentials yet; whatever it sends is not looked at.
    let wrong = basic("wrong", "wrong");
    assert!(Socket::open(t.plain, PROVISIONING, &[("authorization", &wrong)]).await.is_ok());
}

#[tokio::test]
async fn a_linked_device_is_told_that_its_primary_was_not_seen_for_long() {
    let t = TestRegistry::start();
    let alice = Person::register(&t, "+12025550101").await;
    let (user, password) = alice.link(&t).await;
    let alert = |socket: &Socket| socket.opening.get("x-signal-alert").map(|alert| alert.to_str().unwrap().to_owned());
    t.advance(29 * DAY);
    assert_eq!(alert(&Socket::of_device(t.plain, &user, password).await), None);
    t.advance(2 * DAY);
    let told = alert(&Socket::of_device(t.plain, &user, password).await);
    assert_eq!(told.as_deref(), Some("idle-primary-device"));
    assert_eq!(alert(&alice.open(&t).await), None, "the primary itself is here");
    assert_eq!(alert(&Socket::of_device(t.plain, &user, password).await), None, "and was seen");
}

/// What is no handshake is told what it lacks, and no socket is opened.
#[tokio::test]
async fn a_handshake_has_all_its_parts() {
    let t = TestRegistry::start();
    let entrance = Client::new(t.plain, t.management);
    let complete = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let without = |name: &str| complete.into_iter().filter(|(other, _)| *other != name).collect::<Vec<_>>();
    let mut table = Table::default();
    for path in [CHAT, PROVISIONING] {
        for (lacking, status) in
            [("connection", 426), ("upgrade", 426), ("sec-websocket-version", 426), ("sec-websocket-key", 400)]
        {
            let answer = entrance.send("GET", path, &without(lacking), "").await;
            let seen = (answer.status, answer.header("x-signal-timestamp").is_some());
            table.row(format!("{path} without {lacking}"), seen, (status, true));
        }
        let answer = entrance.send("GET", path, &complete, "").await;
        let accepted = answer.header("sec-websocket-accept").map(str::to_owned);
        let expected = Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned());
        table.row(format!("{path} with all"), (answer.status, accepted), (101, expected));
        table.row(format!("{path} by POST"), entrance.send("POST", path, &complete, "").await.status, 426);
        table.row(format!("{path} at server.http"), t.client.send("GET", path, &complete, "").await.status, 404);
    }
    table.close();
}
