//! What one client can make the registry hold, and that it gets its answers all the same.

use std::time::Duration;

use prost::Message as _;
use signet::tunnel::frame::{Frame, Kind as FrameKind, TunnelRequest};
use signet::tunnel::{self, Kind};
use signet_storage::dynamo::faults::Fault;
use signet_tests::{Socket, TestRegistry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Person;

const PIPE: usize = 64 * 1024;

/// A masked binary frame, as a client sends it; the mask is nothing.
fn masked(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82, 0x80 | 127];
    frame.extend((payload.len() as u64).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn request(id: u64, path: &str, body: usize) -> Vec<u8> {
    let request = TunnelRequest {
        verb: Some("GET".to_owned()),
        path: Some(path.to_owned()),
        body: Some(vec![b' '; body].into()),
        id: Some(id),
        headers: Vec::new(),
    };
    masked(&Frame { kind: Some(FrameKind::Request.into()), request: Some(request), response: None }.encode_to_vec())
}

/// Writes until nothing more is taken for a second; returns how much was.
async fn push(pipe: &mut (impl tokio::io::AsyncWrite + Unpin), message: impl Fn(u64) -> Vec<u8>, most: usize) -> usize {
    let mut taken = 0;
    for id in 0.. {
        let message = message(id);
        let mut rest = &message[..];
        while !rest.is_empty() {
            match tokio::time::timeout(Duration::from_secs(1), pipe.write(rest)).await {
                Ok(written) => {
                    let written = written.unwrap();
                    (taken, rest) = (taken + written, &rest[written..]);
                }
                Err(_) => return taken,
            }
        }
        assert!(taken < most, "it takes whatever it is sent");
    }
    unreachable!("ids do not run out")
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_not_read_for_long() {
    let t = TestRegistry::start();
    let (mut here, there) = tokio::io::duplex(PIPE);
    let serving = tokio::spawn(tunnel::serve_over(Box::new(there), Kind::Chat, t.registry.clone(), None));
    // 404 each: answers pile up until the pipe is full, and then nobody reads.
    push(&mut here, |id| request(id, "/v1/nothing", 10), 20 * PIPE).await;
    // When the client does take them, it goes on.
    let mut answers = vec![0; 4096];
    assert!(here.read(&mut answers).await.unwrap() > 0);
    serving.abort();
}

#[tokio::test]
async fn no_more_is_read_than_is_under_way() {
    let t = TestRegistry::start();
    let begun = t.client.begin_session("+12025550101").await.expect(200);
    let session = format!("/v1/verification/session/{}", begun["id"].as_str().unwrap());
    t.faults.always("GetItem", Fault::Delay(Duration::from_secs(4)));
    for (body, most) in [(200_000, 2_000_000), (10, 100_000)] {
        let (mut here, there) = tokio::io::duplex(PIPE);
        let serving = tokio::spawn(tunnel::serve_over(Box::new(there), Kind::Chat, t.registry.clone(), None));
        let taken = push(&mut here, |id| request(id, &session, body), 10_000_000).await;
        assert!(taken < most + PIPE, "with bodies of {body}: {taken} bytes");
        serving.abort();
    }
    t.faults.heal();
}

/// It hears of each request, whatever became of it.
#[tokio::test]
async fn an_endpoint_that_dies_or_fails_answers_by_the_requests_id() {
    let t = TestRegistry::start();
    let alice = Person::register(&t, "+12025550101").await;
    let mut socket = alice.open(&t).await;
    let mut nobody = Socket::anonymous(t.plain).await;
    let begun = t.client.begin_session("+12025550102").await.expect(200);
    let session = format!("/v1/verification/session/{}", begun["id"].as_str().unwrap());
    for (fault, status) in [(Fault::Panic, 500), (Fault::LoseRequest, 503)] {
        t.faults.always("GetItem", fault);
        let ids = [nobody.ask("GET", &session, &[], "").await, nobody.ask("GET", "/v1/keepalive", &[], "").await];
        let answers = [nobody.answer_to(ids[0]).await.status, nobody.answer_to(ids[1]).await.status];
        assert_eq!(answers, [status, 200]);
        t.faults.heal();
        socket.send("GET", "/v1/accounts/whoami", &[], "").await.expect(200);
    }
}
