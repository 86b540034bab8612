//! What is said through a socket: requests and answers, whatever their order; what is no request; what is too much.

use std::time::Duration;

use prost::Message as _;
use serde_json::json;
use signet::routes::LONGEST_BODY;
use signet::tunnel::frame::{Frame, Kind, TunnelRequest, TunnelResponse};
use signet_tests::socket::Next;
use signet_tests::{Socket, Table, TestRegistry};
use tokio_tungstenite::tungstenite::protocol::Message;

use super::Person;

/// The answer to the contract's sample has an id although it is 0.
#[tokio::test]
async fn the_first_request_has_the_id_0_and_so_has_its_answer() {
    let t = TestRegistry::start();
    let mut socket = Socket::anonymous(t.plain).await;
    socket.raw(sample("080112160a03474554120d2f76312f6b656570616c6976652000")).await;
    let Next::Response(response) = socket.next().await else { panic!("it answers") };
    let timestamp = format!("x-signal-timestamp:{}", t.clock.clock().now().millis());
    assert_eq!((response.id, response.status, response.message.as_deref()), (Some(0), Some(200), Some("OK")));
    assert_eq!((response.body, response.headers), (None, vec![timestamp, "Content-Length:0".to_owned()]));
}

fn sample(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

#[tokio::test]
async fn a_session_is_proved_through_a_socket() {
    let t = TestRegistry::start();
    let mut socket = Socket::anonymous(t.plain).await;
    let json = [("content-type", "application/json")];
    let begun =
        socket.send("POST", "/v1/verification/session", &json, json!({"number": "+12025550101"}).to_string()).await;
    assert_eq!(begun.header("content-type"), Some("application/json"), "exactly this");
    let id = begun.expect(200)["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/verification/session/{id}/code");
    let body = json!({"transport": "sms", "client": "test"}).to_string();
    socket.send("POST", &path, &json, body).await.expect(200);
    let code = json!({"code": t.code("+12025550101")}).to_string();
    assert_eq!(socket.send("PUT", &path, &json, code).await.expect(200)["verified"], true);
    assert_eq!(socket.send("GET", "/v1/verification/session/none", &[], "").await.status, 422);
    assert_eq!(socket.send("GET", "/v1/nothing", &[], "").await.status, 404);
    assert_eq!(socket.send("PATCH", "/v2/keys", &[], "").await.status, 405);
}

#[tokio::test]
async fn what_breaks_the_rules_ends_the_socket_and_says_so() {
    let t = TestRegistry::start();
    let request = |change: fn(&mut TunnelRequest)| {
        let mut request = TunnelRequest {
            verb: Some("GET".to_owned()),
            path: Some("/v1/keepalive".to_owned()),
            body: None,
            id: Some(3),
            headers: Vec::new(),
        };
        change(&mut request);
        Frame { kind: Some(Kind::Request.into()), request: Some(request), response: None }
    };
    let response = |change: fn(&mut TunnelResponse)| {
        let message = Some("OK".to_owned());
        let mut response = TunnelResponse { id: Some(1), status: Some(200), message, body: None, headers: Vec::new() };
        change(&mut response);
        Frame { kind: Some(Kind::Response.into()), request: None, response: Some(response) }
    };
    let both = Frame { response: response(|_| {}).response, ..request(|_| {}) };
    let badly = Some((1007, "Badly formatted".to_owned()));
    let mut table = Table::default();
    for (what, bytes, expected) in [
        ("no message at all", vec![0xff; 9], &badly),
        ("nothing", Vec::new(), &badly),
        ("no verb", request(|r| r.verb = None).encode_to_vec(), &badly),
        ("no path", request(|r| r.path = None).encode_to_vec(), &badly),
        ("no kind", Frame { kind: None, ..request(|_| {}) }.encode_to_vec(), &badly),
        ("unknown kind", Frame { kind: Some(0), ..request(|_| {}) }.encode_to_vec(), &badly),
        ("a kind of the future", Frame { kind: Some(7), ..request(|_| {}) }.encode_to_vec(), &badly),
        ("a request and an answer", both.encode_to_vec(), &badly),
        ("an answer said to be a request", Frame { kind: Some(1), ..response(|_| {}) }.encode_to_vec(), &badly),
        ("an answer without an id", response(|r| r.id = None).encode_to_vec(), &badly),
        ("an answer without a status", response(|r| r.status = None).encode_to_vec(), &badly),
        ("an answer without a reason", response(|r| r.message = None).encode_to_vec(), &badly),
        ("too much", vec![0; LONGEST_BODY + 1], &Some((1009, "Frame too large".to_owned()))),
    ] {
        let mut socket = Socket::anonymous(t.plain).await;
        socket.raw(bytes).await;
        table.row(what, &socket.closed().await, expected);
    }
    table.close();
}

#[tokio::test]
async fn what_says_nothing_is_passed_over() {
    let t = TestRegistry::start();
    let mut socket = Socket::anonymous(t.plain).await;
    socket.say(Message::Text("hello".into())).await;
    socket.say(Message::Ping("are you there".into())).await;
    socket.acknowledge(99, 200).await;
    let unheard = TunnelRequest {
        verb: Some("GET".to_owned()),
        path: Some("/v1/keepalive".to_owned()),
        body: None,
        id: None,
        headers: vec!["no colon".to_owned()],
    };
    socket.raw(Frame { kind: Some(1), request: Some(unheard), response: None }.encode_to_vec()).await;
    let id = socket.ask("GET", "/v1/keepalive", &[], "").await;
    let Next::Response(response) = socket.next().await else { panic!("it answers") };
    assert_eq!(response.id, Some(id), "a request without an id is not answered");
}

/// A long poll does not keep other requests waiting, and more of them than there may be are told to come back.
#[tokio::test]
async fn answers_come_in_any_order() {
    let t = TestRegistry::start();
    let alice = Person::register(&t, "+12025550101").await;
    let mut socket = alice.open(&t).await;
    let mut waits = Vec::new();
    for _ in 0..9 {
        waits.push(socket.ask("GET", "/v1/devices/transfer_archive?timeout=3600", &[], "").await);
    }
    assert_eq!(socket.answer_to(waits[8]).await.status, 503, "eight things are enough to wait for");
    socket.send("GET", "/v1/accounts/whoami", &[], "").await.expect(200);
}

/// A client may send what it likes before it takes an answer: it gets all of them, and the registry holds a few at a time.
#[tokio::test]
async fn a_slow_reader_gets_every_answer() {
    let t = TestRegistry::start();
    let alice = Person::register(&t, "+12025550101").await;
    let mut socket = alice.open(&t).await;
    let mut asked = std::collections::BTreeSet::new();
    for _ in 0..500 {
        asked.insert(socket.ask("GET", "/v1/accounts/whoami", &[], "").await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    while !asked.is_empty() {
        if let Next::Response(response) = socket.next().await {
            assert_eq!(response.status, Some(200));
            assert!(asked.remove(&response.id.unwrap()), "answered once");
        }
    }
}
