//! A websocket client that speaks the tunnel's frames: requests in verbs, and whatever else the registry says.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use signet::tunnel::frame::{Frame, Kind, TunnelRequest, TunnelResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};
use tokio_tungstenite::tungstenite::{Error, http};

use crate::Answer;
use crate::canary::record;

pub const CHAT: &str = "/v1/websocket/";
pub const PROVISIONING: &str = "/v1/websocket/provisioning/";

/// No answer takes longer than this, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(400);

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What a new device is told to show.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Address {
    #[prost(string, optional, tag = "1")]
    pub address: Option<String>,
}

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<Box<dyn Stream>>,
    next_id: u64,
    /// Requests of the registry that came while something else was waited for.
    asked: VecDeque<TunnelRequest>,
    /// Answers that came while another one was waited for.
    answered: BTreeMap<u64, TunnelResponse>,
    /// The answer to the upgrade.
    pub opening: HeaderMap,
}

/// What came next.
#[derive(Debug)]
pub enum Next {
    Request(TunnelRequest),
    Response(TunnelResponse),
    /// Code and reason of the Close frame; none if the connection ended without one.
    Closed(Option<(u16, String)>),
}

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    /// The refusal.
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let stream = TcpStream::connect(address).await.expect("the registry listens");
        Self::over(Box::new(stream), path, headers).await
    }

    /// Opens a socket on a connection that is there.
    pub async fn over(stream: Box<dyn Stream>, path: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        match Self::try_over(stream, path, headers).await {
            Ok(socket) => Ok(socket),
            Err(Error::Http(refused)) => Err(refusal(*refused)),
            Err(error) => panic!("the upgrade: {error}"),
        }
    }

    /// The same, but the connection may break.
    pub async fn try_over(stream: Box<dyn Stream>, path: &str, headers: &[(&str, &str)]) -> Result<Self, Error> {
        record::note_request("GET", path, headers, &[]);
        let mut request = format!("ws://localhost{path}").into_client_request().expect("a request");
        for (name, value) in headers {
            request
                .headers_mut()
                .append(HeaderName::try_from(*name).expect("a name"), HeaderValue::from_str(value).expect("a value"));
        }
        let (stream, answer) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self {
            stream,
            next_id: 0,
            asked: VecDeque::new(),
            answered: BTreeMap::new(),
            opening: answer.headers().clone(),
        })
    }

    /// Opens a socket over HTTP/2, by extended CONNECT (RFC 8441), on a connection of its own.
    pub async fn open_h2(stream: Box<dyn Stream>, path: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        Self::try_open_h2(stream, path, headers).await.expect("HTTP/2")
    }

    /// The same, but the connection may break.
    pub async fn try_open_h2(
        stream: Box<dyn Stream>,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Result<Self, Answer>, hyper::Error> {
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut connection, driver) = handshake.await?;
        tokio::spawn(driver);
        let mut request = http::Request::connect(format!("https://localhost{path}")).version(http::Version::HTTP_2);
        request = request.header("sec-websocket-version", "13");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Empty::<Bytes>::new()).expect("a request");
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let answer = connection.send_request(request).await?;
        let opening = answer.headers().clone();
        if answer.status() != 200 {
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await?.to_bytes();
            return Ok(Err(Answer { status, headers: opening, text: String::from_utf8(body.to_vec()).expect("text") }));
        }
        let io: Box<dyn Stream> = Box::new(TokioIo::new(hyper::upgrade::on(answer).await?));
        let stream = WebSocketStream::from_raw_socket(io, Role::Client, None).await;
        Ok(Ok(Self { stream, next_id: 0, asked: VecDeque::new(), answered: BTreeMap::new(), opening }))
    }

    /// On a stream that is a socket already.
    pub async fn opened(stream: Box<dyn Stream>) -> Self {
        let stream = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
        Self { stream, next_id: 0, asked: VecDeque::new(), answered: BTreeMap::new(), opening: HeaderMap::new() }
    }

    /// As a device, over the chat path.
    pub async fn of_device(address: SocketAddr, user: &str, password: &str) -> Self {
        let authorization = crate::client::basic(user, password);
        let opened = Self::open(address, CHAT, &[("authorization", authorization.as_str())]).await;
        opened.unwrap_or_else(|refused| panic!("refused with {}", refused.status))
    }

    /// By nobody.
    pub async fn anonymous(address: SocketAddr) -> Self {
        Self::open(address, CHAT, &[]).await.unwrap_or_else(|refused| panic!("refused with {}", refused.status))
    }

    /// Sends a request and waits for its answer.
    pub async fn send(&mut self, verb: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        let id = self.ask(verb, path, headers, body).await;
        self.answer_to(id).await
    }

    /// Sends a request; returns its id.
    pub async fn ask(&mut self, verb: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let body = body.into();
        record::note_request(verb, path, headers, &body);
        let request = TunnelRequest {
            verb: Some(verb.to_owned()),
            path: Some(path.to_owned()),
            body: (!body.is_empty()).then(|| body.into()),
            id: Some(id),
            headers: headers.iter().map(|(name, value)| format!("{name}: {value}")).collect(),
        };
        self.raw(Frame { kind: Some(Kind::Request.into()), request: Some(request), response: None }.encode_to_vec())
            .await;
        id
    }

    pub async fn answer_to(&mut self, id: u64) -> Answer {
        loop {
            if let Some(response) = self.answered.remove(&id) {
                return response.into();
            }
            match self.next().await {
                Next::Response(response) => {
                    self.answered.insert(response.id.expect("an id"), response);
                }
                Next::Request(request) => self.asked.push_back(request),
                other => panic!("instead of the answer to {id}: {other:?}"),
            }
        }
    }

    /// A binary message as it is.
    pub async fn raw(&mut self, message: Vec<u8>) {
        // Should the registry be gone already, the next read says so.
        let _ = self.stream.send(Message::Binary(message.into())).await;
    }

    /// Any message: text, ping, close.
    pub async fn say(&mut self, message: Message) {
        let _ = self.stream.send(message).await;
    }

    /// The registry's next request, which the client takes or not.
    pub async fn request(&mut self) -> TunnelRequest {
        if let Some(request) = self.asked.pop_front() {
            return request;
        }
        match self.next().await {
            Next::Request(request) => request,
            other => panic!("instead of a request: {other:?}"),
        }
    }

    pub async fn acknowledge(&mut self, id: u64, status: u32) {
        let message = Some("OK".to_owned());
        let response = TunnelResponse { id: Some(id), status: Some(status), message, body: None, headers: Vec::new() };
        self.raw(Frame { kind: Some(Kind::Response.into()), request: None, response: Some(response) }.encode_to_vec())
            .await;
    }

    /// Waits for the end; what comes before is passed over.
    pub async fn closed(&mut self) -> Option<(u16, String)> {
        loop {
            if let Next::Closed(end) = self.next().await {
                return end;
            }
        }
    }

    pub async fn next(&mut self) -> Next {
        tokio::time::timeout(PATIENCE, self.next_whenever()).await.expect("something comes")
    }

    async fn next_whenever(&mut self) -> Next {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Binary(message))) => return read(message),
                Some(Ok(Message::Close(frame))) => {
                    return Next::Closed(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Next::Closed(None),
            }
        }
    }
}

fn read(message: Bytes) -> Next {
    let frame = Frame::decode(message).expect("a frame");
    match (frame.kind.map(Kind::try_from), frame.request, frame.response) {
        (Some(Ok(Kind::Request)), Some(request), None) => Next::Request(request),
        (Some(Ok(Kind::Response)), None, Some(response)) => Next::Response(response),
        other => panic!("the registry says {other:?}"),
    }
}

impl From<TunnelResponse> for Answer {
    fn from(response: TunnelResponse) -> Self {
        let mut headers = HeaderMap::new();
        for line in &response.headers {
            let (name, value) = line.split_once(':').expect("a header line");
            headers.append(HeaderName::try_from(name).expect("a name"), value.parse().expect("a value"));
        }
        let body = response.body.unwrap_or_default();
        let status = response.status.and_then(|status| status.try_into().ok()).expect("a status");
        record::note_answer(status, &body);
        Self { status, headers, text: String::from_utf8(body.to_vec()).expect("text") }
    }
}

fn refusal(answer: http::Response<Option<Vec<u8>>>) -> Answer {
    let (head, body) = answer.into_parts();
    let text = String::from_utf8(body.unwrap_or_default()).expect("text");
    Answer { status: head.status.as_u16(), headers: head.headers, text }
}
