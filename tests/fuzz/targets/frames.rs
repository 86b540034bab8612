//! Frames of a websocket, right and wrong ones, on a socket of somebody or of nobody.
//!
//! What has to hold: each request that has an id gets one answer, and nothing else does; the first message that is none ends the
//! socket with the contract's code; and as long as there is none, it does not end.
#![no_main]
#![recursion_limit = "256"]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use signet::tunnel::frame::{self, Heard};
use signet_fuzz::socket::{self, BINARY, CLOSE, CONTINUATION, Next, PING, Socket, TEXT};
use signet_fuzz::{World, with_world};

const MOST: usize = 24;
/// Beyond what a message may have.
const TOO_LONG: usize = 600 * 1024;

#[derive(Arbitrary, Debug)]
struct Input {
    as_device: bool,
    pieces: Vec<Piece>,
}

#[derive(Arbitrary, Debug)]
enum Piece {
    Binary(Vec<u8>),
    /// In two frames, with a ping between them.
    Split(Vec<u8>, u8),
    Text(String),
    Ping(Vec<u8>),
    TooLong,
    Close(Option<u16>, String),
    /// Bytes as they are: from here on nobody knows what they are to mean.
    Raw(Vec<u8>),
}

/// What the registry has to make of it all.
#[derive(Default)]
struct Expected {
    answers: HashMap<u64, usize>,
    /// With one of these codes, if with any.
    end: Option<&'static [u16]>,
    /// After what nobody understands, or a goodbye, answers may be missing.
    lawless: bool,
}

fuzz_target!(|input: Input| with_world(async |world| play(world, &input).await));

async fn play(world: &World, input: &Input) {
    let mut socket = Socket::open(world, input.as_device).await;
    let mut expected = Expected::default();
    for piece in input.pieces.iter().take(MOST) {
        send(&mut socket, piece, &mut expected).await;
        if expected.end.is_some() {
            break;
        }
    }
    if expected.lawless {
        socket.frame(true, CLOSE, &1000_u16.to_be_bytes()).await;
        expected.end = Some(&[]);
    }
    let mut open: usize = expected.answers.values().sum();
    while open > 0 || expected.end.is_some() {
        match socket.next().await {
            Next::Response(response) => {
                socket::check(&response);
                let id = response.id.expect("it was looked at");
                let left = expected.answers.get_mut(&id).filter(|left| **left > 0);
                assert!(left.is_some() || expected.lawless, "an answer that nobody waits for");
                left.into_iter().for_each(|left| *left -= 1);
                open = open.saturating_sub(1);
            }
            // It has ended its own account.
            Next::Closed(Some(4401)) if input.as_device => return,
            Next::Closed(code) => {
                let end = expected.end.expect("the socket ends for nothing");
                // A goodbye is answered by its own code.
                assert!(expected.lawless || code.is_some_and(|code| end.contains(&code)), "{code:?}");
                return;
            }
            Next::Request(_) | Next::Pong => {}
        }
    }
    socket.frame(true, CLOSE, &1000_u16.to_be_bytes()).await;
    while !matches!(socket.next().await, Next::Closed(_)) {}
}

async fn send(socket: &mut Socket, piece: &Piece, expected: &mut Expected) {
    match piece {
        Piece::Binary(bytes) => {
            socket.frame(true, BINARY, bytes).await;
            expect(bytes, expected);
        }
        Piece::Split(bytes, at) => {
            let (first, rest) = bytes.split_at(usize::from(*at).min(bytes.len()));
            socket.frame(false, BINARY, first).await;
            socket.frame(true, PING, b"between").await;
            socket.frame(true, CONTINUATION, rest).await;
            expect(bytes, expected);
        }
        Piece::Text(text) => socket.frame(true, TEXT, text.as_bytes()).await,
        Piece::Ping(bytes) => socket.frame(true, PING, &bytes[..bytes.len().min(125)]).await,
        Piece::TooLong => {
            socket.announce(TOO_LONG).await;
            expected.end = Some(&[1009]);
        }
        Piece::Close(code, reason) => {
            let code = code.map_or_else(Vec::new, |code| code.to_be_bytes().to_vec());
            let reason = if code.is_empty() { "" } else { reason.get(..reason.len().min(100)).unwrap_or_default() };
            socket.frame(true, CLOSE, &[&code, reason.as_bytes()].concat()).await;
            expected.lawless = true;
        }
        Piece::Raw(bytes) => {
            socket.write(bytes).await;
            expected.lawless = true;
        }
    }
}

fn expect(message: &[u8], expected: &mut Expected) {
    match frame::read(message.to_vec().into()) {
        Ok(Heard::Request(asked)) => {
            if let Some(id) = asked.id {
                *expected.answers.entry(id).or_default() += 1;
            }
        }
        Ok(Heard::Response { .. }) => {}
        Err(frame::BadlyFormatted) if !expected.lawless => expected.end = Some(&[1007]),
        Err(frame::BadlyFormatted) => {}
    }
}
