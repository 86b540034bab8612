//! Sockets over HTTP/2 (RFC 8441), the client library's production route: the same as over HTTP/1.1.
//!
//! The connection is driven by a task: it has to run while the registry stops, hence the threads.

use signet_tests::client::basic;
use signet_tests::socket::{CHAT, PROVISIONING, Stream};
use signet_tests::{Socket, TestRegistry};
use tokio::net::TcpStream;

use super::Person;

async fn connect(t: &TestRegistry) -> Box<dyn Stream> {
    Box::new(TcpStream::connect(t.plain).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_socket_opens_by_extended_connect() {
    let t = TestRegistry::start();
    let alice = Person::register(&t, "+12025550101").await;
    let authorization = basic(&alice.aci, &alice.password);
    let headers = [("authorization", authorization.as_str())];
    let mut socket =
        Socket::open_h2(connect(&t).await, CHAT, &headers).await.unwrap_or_else(|refused| panic!("{refused:?}"));
    assert!(socket.opening.contains_key("x-signal-timestamp"));
    assert!(!socket.opening.contains_key("sec-websocket-extensions"));
    assert_eq!(socket.request().await.path.as_deref(), Some("/api/v1/queue/empty"));
    assert_eq!(socket.send("GET", "/v1/accounts/whoami", &[], "").await.expect(200)["uuid"], alice.aci.as_str());
    let large = vec![b' '; 400_000];
    assert_eq!(socket.send("PUT", "/v2/keys", &[], large).await.status, 400, "a large frame comes through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_refusal_is_the_same() {
    let t = TestRegistry::start();
    let wrong = basic("00000000-0000-4000-8000-000000000000", "wrong");
    let headers = [("authorization", wrong.as_str())];
    let refused = Socket::open_h2(connect(&t).await, CHAT, &headers).await.err().expect("refused");
    assert_eq!((refused.status, refused.header("x-signal-timestamp").is_some()), (403, true));
    let nowhere = Socket::open_h2(connect(&t).await, "/v1/nowhere/", &[]).await.err().expect("refused");
    assert_eq!(nowhere.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_provisioning_socket_opens_too() {
    let t = TestRegistry::start();
    let mut socket =
        Socket::open_h2(connect(&t).await, PROVISIONING, &[]).await.unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!(socket.request().await.path.as_deref(), Some("/v1/address"));
}
