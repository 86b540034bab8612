//! Sockets that nothing is heard of. Time is the runtime's and stands still until everybody waits, so a minute takes no time; the
//! socket therefore runs over a pipe.

use std::time::Duration;

use signet::tunnel::{self, Kind};
use signet_tests::socket::{Next, Stream};
use signet_tests::{Socket, TestRegistry};
use tokio_tungstenite::tungstenite::protocol::Message;

const SECOND: Duration = Duration::from_secs(1);

/// A socket of nobody's that is open already.
async fn open(t: &TestRegistry, kind: Kind) -> Socket {
    let (here, there) = tokio::io::duplex(64 * 1024);
    tokio::spawn(tunnel::serve_over(Box::new(there), kind, t.registry.clone(), None));
    let here: Box<dyn Stream> = Box::new(here);
    Socket::opened(here).await
}

#[tokio::test(start_paused = true)]
#[allow(clippy::disallowed_methods, reason = "the runtime's time is what this is about")]
async fn who_says_nothing_for_long_is_closed_and_who_pings_is_not() {
    let t = TestRegistry::start();
    for (kind, patience) in [(Kind::Chat, 90), (Kind::Provisioning, 60)] {
        let mut socket = open(&t, kind).await;
        let begun = tokio::time::Instant::now();
        assert_eq!(socket.closed().await, Some((1000, "Timeout".to_owned())), "{kind:?}");
        let waited = begun.elapsed();
        assert!(waited >= patience * SECOND && waited < (patience + 2) * SECOND, "{kind:?}: {waited:?}");
    }
    let mut socket = open(&t, Kind::Chat).await;
    for _ in 0..10 {
        tokio::time::sleep(31 * SECOND).await;
        socket.say(Message::Ping("here".into())).await;
    }
    assert_eq!(socket.send("GET", "/v1/keepalive", &[], "").await.status, 200);
}

#[tokio::test(start_paused = true)]
#[allow(clippy::disallowed_methods, reason = "the runtime's time is what this is about")]
async fn an_address_is_shown_for_a_minute_and_a_half_whatever_is_said() {
    let t = TestRegistry::start();
    let mut socket = open(&t, Kind::Provisioning).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(socket.request().await.path.as_deref(), Some("/v1/address"));
    let end = loop {
        tokio::time::sleep(20 * SECOND).await;
        let id = socket.ask("GET", "/v1/keepalive", &[], "").await;
        match socket.next().await {
            Next::Response(response) => assert_eq!((response.id, response.status), (Some(id), Some(200))),
            Next::Closed(end) => break end,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end, Some((1000, "Timeout".to_owned())));
    assert!(begun.elapsed() >= 90 * SECOND && begun.elapsed() <= 101 * SECOND, "{:?}", begun.elapsed());
}

/// What it has asked for is waited for, however long it is silent itself.
#[tokio::test(start_paused = true)]
async fn who_waits_for_something_is_not_silent() {
    let t = TestRegistry::start();
    let mut socket = open(&t, Kind::Chat).await;
    let path = "/v1/devices/restore_account/0123456789abcdef?timeout=300";
    let id = socket.ask("GET", path, &[], "").await;
    assert_eq!(socket.answer_to(id).await.status, 204);
}
