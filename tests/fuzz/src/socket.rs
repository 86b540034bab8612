//! A client's end of a socket in this process, which speaks the websocket's own bytes: also wrong ones.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use prost::Message as _;
use signet::entrance;
use signet::tunnel::frame::{Frame, Kind, TunnelRequest, TunnelResponse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::world::{CLIENT, PASSWORD, World, basic};

/// In time that passes at once: longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(8 * 3_600);
/// What the two ends hold for each other.
const PIPE: usize = 1024 * 1024;

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;

pub struct Socket {
    io: DuplexStream,
    arrived: BytesMut,
}

/// What came next.
#[derive(Debug)]
pub enum Next {
    Request(TunnelRequest),
    Response(TunnelResponse),
    Pong,
    /// The code; none if it ended without one.
    Closed(Option<u16>),
}

impl Socket {
    /// By the primary device, or by nobody.
    pub async fn open(world: &World, as_device: bool) -> Self {
        let (io, theirs) = tokio::io::duplex(PIPE);
        tokio::spawn(entrance::serve_here(theirs, CLIENT, world.registry.clone()));
        let mut socket = Self { io, arrived: BytesMut::new() };
        let authorization = if as_device { basic(&world.known.aci, PASSWORD) } else { String::new() };
        let authorization = if as_device { format!("authorization: {authorization}\r\n") } else { String::new() };
        let asked = format!(
            "GET /v1/websocket/ HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{authorization}\r\n"
        );
        socket.write(asked.as_bytes()).await;
        let head = loop {
            if let Some(end) = socket.arrived.windows(4).position(|four| four == b"\r\n\r\n") {
                break socket.arrived.split_to(end + 4);
            }
            assert!(socket.more().await, "no answer to the upgrade");
        };
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{:?}", String::from_utf8_lossy(&head));
        socket
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        // Whether somebody is there shows when we read.
        let _ = self.io.write_all(bytes).await;
    }

    /// One frame; clients mask theirs, if only by zeros.
    pub async fn frame(&mut self, last: bool, opcode: u8, payload: &[u8]) {
        let mut bytes = head(last, opcode, payload.len());
        bytes.extend_from_slice(payload);
        self.write(&bytes).await;
    }

    /// The beginning of a frame that says it is so long.
    pub async fn announce(&mut self, length: usize) {
        self.write(&head(true, BINARY, length)).await;
    }

    pub async fn request(&mut self, id: Option<u64>, verb: &str, path: &str, headers: Vec<String>, body: Vec<u8>) {
        let body = (!body.is_empty()).then(|| body.into());
        let request = TunnelRequest { verb: Some(verb.to_owned()), path: Some(path.to_owned()), body, id, headers };
        let frame = Frame { kind: Some(Kind::Request.into()), request: Some(request), response: None };
        self.frame(true, BINARY, &frame.encode_to_vec()).await;
    }

    pub async fn next(&mut self) -> Next {
        tokio::time::timeout(PATIENCE, self.next_whenever()).await.expect("nothing comes any more")
    }

    async fn next_whenever(&mut self) -> Next {
        loop {
            if let Some((opcode, payload)) = self.take() {
                match opcode {
                    BINARY => return read(payload),
                    CLOSE => return Next::Closed(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
                    PING => {}
                    10 => return Next::Pong,
                    other => panic!("the registry sends a frame of kind {other}"),
                }
            } else if !self.more().await {
                return Next::Closed(None);
            }
        }
    }

    /// A whole frame, if one has arrived. The registry neither masks nor splits.
    fn take(&mut self) -> Option<(u8, Bytes)> {
        let [first, second] = *self.arrived.first_chunk()?;
        assert!(first & 0xf0 == 0x80 && second & 0x80 == 0, "an odd frame");
        let (length, head) = match second {
            126 => (usize::from(u16::from_be_bytes(*self.arrived.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*self.arrived.get(2..)?.first_chunk()?) as usize, 10),
            short => (usize::from(short), 2),
        };
        if self.arrived.len() < head + length {
            return None;
        }
        self.arrived.advance(head);
        Some((first & 0x0f, self.arrived.split_to(length).freeze()))
    }

    async fn more(&mut self) -> bool {
        matches!(self.io.read_buf(&mut self.arrived).await, Ok(1..))
    }
}

fn head(last: bool, opcode: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![u8::from(last) << 7 | (opcode & 0x0f)];
    match length {
        0..126 => bytes.push(0x80 | length as u8),
        126..0x1_0000 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes
}

fn read(payload: Bytes) -> Next {
    let frame = Frame::decode(payload).expect("a frame of the registry can be read");
    match (frame.kind.map(Kind::try_from), frame.request, frame.response) {
        (Some(Ok(Kind::Request)), Some(request), None) => {
            let path = request.path.as_deref();
            assert!(request.verb.as_deref() == Some("PUT") && path == Some("/api/v1/queue/empty"), "{path:?}");
            Next::Request(request)
        }
        (Some(Ok(Kind::Response)), None, Some(response)) => Next::Response(response),
        other => panic!("the registry says {other:?}"),
    }
}

/// What every answer in the tunnel is like, whatever it is to. Returns its status.
pub fn check(response: &TunnelResponse) -> u16 {
    let status = response.status.and_then(|status| u16::try_from(status).ok()).expect("an answer has a status");
    assert!(response.id.is_some() && response.message.is_some(), "{status} lacks something");
    assert!(!(500..600).contains(&status) || status == 503, "{status}");
    let values = |name: &str| {
        let lines = response.headers.iter().map(|line| line.split_once(':').expect("a header line"));
        lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect::<Vec<_>>()
    };
    let body = response.body.as_deref().unwrap_or_default();
    assert!(response.body.is_none() || !body.is_empty(), "{status} has an empty body");
    let json: &[&str] = if body.is_empty() { &[] } else { &["application/json"] };
    assert_eq!(values("content-type"), json, "{status}");
    assert_eq!(values("content-length"), [body.len().to_string()], "{status}");
    assert!(matches!(values("x-signal-timestamp")[..], [at] if at.parse::<u64>().is_ok()), "{status}");
    status
}
