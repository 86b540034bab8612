//! Who may open a socket, and what they are told who may not.

use signet_tests::client::basic;
use signet_tests::socket::{CHAT, PROVISIONING};
use signet_tests::{Socket, Table, TestRegistry};

use super::Person;

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
