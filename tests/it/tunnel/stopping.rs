//! A registry that stops: sockets are told, behind the answers they wait for. (Two nodes under load: `process/restarts.rs`.)

use std::time::Duration;

use signet_storage::dynamo::faults::Fault;
use signet_tests::socket::CHAT;
use signet_tests::{Socket, TestRegistry};
use tokio::net::TcpStream;

const A_WHILE: Duration = Duration::from_millis(300);

fn farewell() -> Option<(u16, String)> {
    Some((1001, "Restarting".to_owned()))
}

/// In a thread of its own, as it takes its time.
fn stop(t: TestRegistry) -> tokio::task::JoinHandle<()> {
    tokio::task::spawn_blocking(move || drop(t))
}

#[tokio::test]
async fn what_is_under_way_is_answered_and_then_the_socket_ends() {
    let t = TestRegistry::start();
    let begun = t.client.begin_session("+12025550101").await.expect(200);
    let session = format!("/v1/verification/session/{}", begun["id"].as_str().unwrap());
    let (mut busy, mut idle) = (Socket::anonymous(t.plain).await, Socket::anonymous(t.plain).await);
    let mut waiting = Socket::anonymous(t.plain).await;
    let poll = waiting.ask("GET", "/v1/devices/restore_account/0123456789abcdef?timeout=3600", &[], "").await;
    t.faults.always("GetItem", Fault::Delay(Duration::from_secs(1)));
    let id = busy.ask("GET", &session, &[], "").await;
    tokio::time::sleep(A_WHILE).await;
    let stopped = stop(t);
    assert_eq!(idle.closed().await, farewell());
    assert_eq!(waiting.answer_to(poll).await.status, 204, "it is asked again elsewhere");
    assert_eq!(waiting.closed().await, farewell());
    assert_eq!(busy.answer_to(id).await.status, 200);
    assert_eq!(busy.closed().await, farewell());
    stopped.await.unwrap();
}

/// It was made just before, and its client thinks that it is connected.
#[tokio::test]
async fn a_connection_that_was_not_asked_anything_yet_may_ask() {
    let t = TestRegistry::start();
    let address = t.plain;
    let connections = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let stopped = stop(t);
    tokio::time::sleep(A_WHILE).await;
    let [first, _silent] = connections;
    let socket = Socket::over(Box::new(first), CHAT, &[]).await;
    let mut socket = socket.unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!(socket.closed().await, farewell());
    drop(socket);
    // Who says nothing at all is not waited for any longer than that.
    tokio::time::timeout(Duration::from_secs(5), stopped).await.expect("it ends").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
