//! One binary message of a socket: a request or an answer to one (contract keys-devices §6.1).
//!
//! Presence counts: the first request of the published client library has the id 0, and says so. What is absent is `None`,
//! and is not written.

use bytes::Bytes;
use http::StatusCode;
use prost::Message as _;

use crate::call::Reply;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Frame {
    #[prost(enumeration = "Kind", optional, tag = "1")]
    pub kind: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub request: Option<TunnelRequest>,
    #[prost(message, optional, tag = "3")]
    pub response: Option<TunnelResponse>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
pub enum Kind {
    Unknown = 0,
    Request = 1,
    Response = 2,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct TunnelRequest {
    #[prost(string, optional, tag = "1")]
    pub verb: Option<String>,
    /// With the query.
    #[prost(string, optional, tag = "2")]
    pub path: Option<String>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    pub body: Option<Bytes>,
    #[prost(uint64, optional, tag = "4")]
    pub id: Option<u64>,
    /// `name: value`, each.
    #[prost(string, repeated, tag = "5")]
    pub headers: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct TunnelResponse {
    #[prost(uint64, optional, tag = "1")]
    pub id: Option<u64>,
    #[prost(uint32, optional, tag = "2")]
    pub status: Option<u32>,
    /// The reason phrase.
    #[prost(string, optional, tag = "3")]
    pub message: Option<String>,
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub body: Option<Bytes>,
    #[prost(string, repeated, tag = "5")]
    pub headers: Vec<String>,
}

/// Requests and answers hold credentials and keys.
macro_rules! say_nothing {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}
say_nothing!(TunnelRequest TunnelResponse);

/// What came in.
#[derive(Debug)]
pub enum Heard {
    Request(Asked),
    /// The client has taken a request of ours, or not: the status says.
    Response {
        id: u64,
        status: u32,
    },
}

/// A request that has all it needs.
pub struct Asked {
    pub verb: String,
    pub path: String,
    pub body: Bytes,
    /// Without one, nobody waits for the answer.
    pub id: Option<u64>,
    pub headers: Vec<String>,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asked({:?}, …)", self.id)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct BadlyFormatted;

/// Reads a message of the client.
///
/// # Errors
/// If it is none, or lacks what it must have: a request its verb or path, an answer its id, status or reason (§6.4).
pub fn read(message: Bytes) -> Result<Heard, BadlyFormatted> {
    let frame = Frame::decode(message).map_err(|_| BadlyFormatted)?;
    match (frame.kind.map(Kind::try_from), frame.request, frame.response) {
        (
            Some(Ok(Kind::Request)),
            Some(TunnelRequest { verb: Some(verb), path: Some(path), body, id, headers }),
            None,
        ) => Ok(Heard::Request(Asked { verb, path, body: body.unwrap_or_default(), id, headers })),
        (
            Some(Ok(Kind::Response)),
            None,
            Some(TunnelResponse { id: Some(id), status: Some(status), message: Some(_), .. }),
        ) => Ok(Heard::Response { id, status }),
        _ => Err(BadlyFormatted),
    }
}

/// An answer, as the client reads it: `Name:value` without a blank, and no body rather than an empty one (§6.5).
pub fn answer(id: u64, reply: Reply) -> Bytes {
    let length = reply.body.as_ref().map_or(0, Bytes::len);
    let mut headers: Vec<String> = reply.headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    if reply.body.is_some() {
        // Exactly this and no charset: the client library compares the whole value.
        headers.push("Content-Type:application/json".to_owned());
    }
    headers.push(format!("Content-Length:{length}"));
    let reason = StatusCode::from_u16(reply.status).ok().and_then(|status| status.canonical_reason());
    let response = TunnelResponse {
        id: Some(id),
        status: Some(reply.status.into()),
        message: Some(reason.unwrap_or("").to_owned()),
        body: reply.body.filter(|body| !body.is_empty()),
        headers,
    };
    write(Frame { kind: Some(Kind::Response.into()), request: None, response: Some(response) })
}

/// A request of ours. They are all `PUT`s (§6.3, §4.1).
pub fn request(id: u64, path: &str, at_millis: i64, body: Option<Bytes>) -> Bytes {
    let request = TunnelRequest {
        verb: Some("PUT".to_owned()),
        path: Some(path.to_owned()),
        body,
        id: Some(id),
        headers: vec![format!("X-Signal-Timestamp:{at_millis}")],
    };
    write(Frame { kind: Some(Kind::Request.into()), request: Some(request), response: None })
}

fn write(frame: Frame) -> Bytes {
    frame.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Bytes {
        hex::decode(hex).expect("hex").into()
    }

    /// The contract's samples.
    #[test]
    fn samples() {
        let Ok(Heard::Request(asked)) = read(bytes("080112160a03474554120d2f76312f6b656570616c6976652000")) else {
            panic!("it is a request")
        };
        assert_eq!((asked.verb.as_str(), asked.path.as_str(), asked.id), ("GET", "/v1/keepalive", Some(0)));
        let reply = Reply::empty(200).with("X-Signal-Timestamp", "1700000000000".to_owned());
        let expected = bytes(
            "08021a3d080010c8011a024f4b2a20582d5369676e616c2d54696d657374616d703a313730303030303030303030302a10436f6e74656e742d4c656e6774683a30",
        );
        assert_eq!(answer(0, reply), expected);
        let expected = bytes(
            "0801123e0a0350555412132f6170692f76312f71756575652f656d70747920072a20582d5369676e616c2d54696d657374616d703a31373030303030303030303030",
        );
        assert_eq!(request(7, "/api/v1/queue/empty", 1_700_000_000_000, None), expected);
    }
}
