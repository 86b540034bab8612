//! Requests through a socket: verb, path, headers and body of any kind.
//!
//! What has to hold: each is answered, by what the contract lists for its route, and the socket stays open.
#![no_main]
#![recursion_limit = "256"]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use signet_fuzz::said::Request;
use signet_fuzz::socket::{self, Next, Socket};
use signet_fuzz::{World, answers, judge, with_world};

const MOST: usize = 12;

#[derive(Arbitrary, Debug)]
struct Input {
    as_device: bool,
    requests: Vec<Request>,
}

fuzz_target!(|input: Input| with_world(async |world| play(world, &input).await));

async fn play(world: &World, input: &Input) {
    let mut socket = Socket::open(world, input.as_device).await;
    let mut asked = HashMap::new();
    for (id, request) in (0..).zip(input.requests.iter().take(MOST)) {
        let said = request.speak(&world.known);
        let headers = said.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        socket.request(Some(id), &said.verb, &said.path, headers, said.body).await;
        asked.insert(id, (said.verb, said.path));
    }
    let mut ended = false;
    while !asked.is_empty() {
        match socket.next().await {
            Next::Response(response) => {
                let status = socket::check(&response);
                let id = response.id.expect("it was looked at");
                let (verb, path) = asked.remove(&id).expect("an answer that nobody waits for");
                let path = path.split('?').next().unwrap_or_default();
                if (verb.as_str(), path) == ("GET", "/v1/keepalive") {
                    assert_eq!(status, 200);
                    continue;
                }
                let template = answers::template(&verb, path);
                let waits = template.is_some_and(|template| template.contains("wait") || verb == "GET");
                // Of those that wait, a socket may have some and no more.
                if !(status == 503 && waits) {
                    judge(&verb, template, status, response.body.as_deref());
                }
            }
            // Its account may be gone, or another one's now.
            Next::Closed(code) => {
                assert_eq!(code, Some(4401), "the socket ends for nothing");
                ended = true;
                break;
            }
            Next::Request(_) | Next::Pong => {}
        }
    }
    if !ended {
        socket.frame(true, socket::CLOSE, &1000_u16.to_be_bytes()).await;
        while !matches!(socket.next().await, Next::Closed(_)) {}
    }
}
