//! Calls by gRPC over HTTP/2 without TLS, through the clients that are made from the registry's own `proto`, and calls as nobody
//! should make them.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prost::Message as _;
use signet::grpc::proto::google::rpc;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::canary::record;

/// What generated clients speak through.
pub type Channel = Client<HttpConnector, Body>;

#[derive(Clone)]
pub struct Wire {
    pub channel: Channel,
    pub origin: Uri,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Raw {
    pub http: u16,
    pub body: Bytes,
    /// Head and trailers.
    pub headers: HeaderMap,
}

impl Wire {
    pub fn to(address: SocketAddr) -> Self {
        let channel = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        Self { channel, origin: format!("http://{address}").parse().expect("an address") }
    }

    /// A call with any body.
    pub async fn raw(&self, path: &str, metadata: &[(&str, &str)], body: impl Into<Bytes>) -> Raw {
        record::note_request("POST", path, metadata, &[]);
        let mut request = Request::post(format!("{}{path}", self.origin.to_string().trim_end_matches('/')));
        for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")].iter().chain(metadata) {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::new(Full::new(body.into()))).expect("a request");
        let (head, body) = self.channel.request(request).await.expect("an answer").into_parts();
        let collected = body.collect().await.expect("a body");
        let mut headers = head.headers;
        headers.extend(collected.trailers().cloned().unwrap_or_default());
        Raw { http: head.status.as_u16(), body: collected.to_bytes(), headers }
    }
}

impl Raw {
    /// The status that it tells, wherever.
    pub fn code(&self) -> Option<Code> {
        Some(Status::from_header_map(&self.headers)?.code())
    }

    pub fn said(&self) -> Said {
        Status::from_header_map(&self.headers).as_ref().map_or(Said { code: Code::Ok, reason: None, retry: None }, said)
    }
}

/// What a client reads of a status that is not OK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub code: Code,
    pub reason: Option<String>,
    /// Seconds after which to come back.
    pub retry: Option<i64>,
}

impl Said {
    pub fn because(code: Code, reason: &str) -> Self {
        Self { code, reason: Some(reason.to_owned()), retry: None }
    }

    /// `INVALID_ARGUMENT`, as for a field that is wrong.
    pub fn constraint() -> Self {
        Self::because(Code::InvalidArgument, "CONSTRAINT_VIOLATED")
    }
}

/// # Panics
/// If the details are not what every client reads.
pub fn said(status: &Status) -> Said {
    record::keep(record::REFUSALS, format!("{} {}", status.message(), status.details().escape_ascii()).as_bytes());
    let mut said = Said { code: status.code(), reason: None, retry: None };
    if status.details().is_empty() {
        return said;
    }
    let details = rpc::Status::decode(status.details()).expect("details");
    assert_eq!((details.code, details.message.as_str()), (status.code() as i32, status.message()));
    for rpc::Any { type_url, value } in details.details {
        match type_url.as_str() {
            "type.googleapis.com/google.rpc.ErrorInfo" => {
                let info = rpc::ErrorInfo::decode(value.as_slice()).expect("an ErrorInfo");
                assert_eq!(info.domain, "grpc.chat.signal.org");
                said.reason = Some(info.reason);
            }
            "type.googleapis.com/google.rpc.RetryInfo" => {
                let info = rpc::RetryInfo::decode(value.as_slice()).expect("a RetryInfo");
                said.retry = info.retry_delay.map(|delay| delay.seconds);
            }
            other => panic!("{other}"),
        }
    }
    said
}

/// What a call came to: its answer, or what was said instead.
pub fn outcome<T>(answered: Result<tonic::Response<T>, Status>) -> Result<T, Said> {
    answered.map(tonic::Response::into_inner).map_err(|status| said(&status))
}
