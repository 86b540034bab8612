//! The ways a request can take to the registry: plain HTTP, HTTP over TLS, a socket, a socket over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use signet::tunnel::frame::{Frame, Kind, TunnelRequest};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

use super::load::{Connection, Stream};
use super::server::Server;

#[derive(Clone)]
pub enum Way {
    Rest(SocketAddr),
    TlsRest(SocketAddr, Arc<ClientConfig>),
    Socket(SocketAddr),
    TlsSocket(SocketAddr, Arc<ClientConfig>),
}

/// An open connection.
pub enum Wire {
    Http(Connection),
    Socket(Box<Socket>),
}

pub struct Socket {
    stream: WebSocketStream<Box<dyn Stream>>,
    next_id: u64,
}

impl Way {
    pub fn all(server: &Server) -> [(&'static str, Self); 4] {
        let tls = trusting(server);
        [
            ("REST", Self::Rest(server.http)),
            ("REST over TLS", Self::TlsRest(server.tls, tls.clone())),
            ("socket", Self::Socket(server.plain)),
            ("socket over TLS", Self::TlsSocket(server.tls, tls)),
        ]
    }

    /// `header` is what a socket is opened with; requests bring their own.
    pub async fn open(&self, header: &str) -> Wire {
        match self {
            Self::Rest(address) => Wire::Http(Connection::open(*address).await),
            Self::TlsRest(address, tls) => Wire::Http(Connection::over(encrypted(*address, tls).await)),
            Self::Socket(address) => {
                let stream = TcpStream::connect(address).await.expect("it listens");
                stream.set_nodelay(true).expect("an option of TCP");
                Wire::Socket(Box::new(Socket::over(Box::new(stream), header).await))
            }
            Self::TlsSocket(address, tls) => {
                Wire::Socket(Box::new(Socket::over(encrypted(*address, tls).await, header).await))
            }
        }
    }
}

impl Wire {
    /// Status and body.
    pub async fn send(&mut self, method: &str, path: &str, header: &str, body: &str) -> (u16, String) {
        match self {
            Self::Http(connection) => connection.send(method, path, header, body).await,
            Self::Socket(socket) => socket.send(method, path, header, body).await,
        }
    }
}

impl Socket {
    async fn over(stream: Box<dyn Stream>, header: &str) -> Self {
        let mut request = "ws://localhost/v1/websocket/".into_client_request().expect("a request");
        if let Some((name, value)) = header.split_once(": ") {
            let name: http::HeaderName = name.parse().expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        // As small as the server's, so that ten thousand of them fit beside it.
        let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
        let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
        Self { stream: opened.expect("it opens").0, next_id: 0 }
    }

    async fn send(&mut self, method: &str, path: &str, header: &str, body: &str) -> (u16, String) {
        let id = self.next_id;
        self.next_id += 1;
        let mut headers = vec!["content-type: application/json".to_owned()];
        headers.extend((!header.is_empty()).then(|| header.to_owned()));
        let request = TunnelRequest {
            verb: Some(method.to_owned()),
            path: Some(path.to_owned()),
            body: (!body.is_empty()).then(|| Bytes::copy_from_slice(body.as_bytes())),
            id: Some(id),
            headers,
        };
        let frame = Frame { kind: Some(Kind::Request.into()), request: Some(request), response: None };
        self.stream.send(Message::Binary(frame.encode_to_vec().into())).await.expect("the server reads");
        loop {
            let message = self.stream.next().await.expect("the server answers").expect("a message");
            let Message::Binary(message) = message else { continue };
            let Some(response) = Frame::decode(message).expect("a frame").response else { continue };
            let body = response.body.unwrap_or_default();
            let status = response.status.and_then(|status| status.try_into().ok()).expect("a status");
            return (status, String::from_utf8_lossy(&body).into_owned());
        }
    }

    /// The code that it is closed with.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                _ => return 0,
            }
        }
    }
}

fn trusting(server: &Server) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(std::fs::read(&server.root).expect("the root"))).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.expect("versions").with_root_certificates(roots).with_no_client_auth())
}

async fn encrypted(address: SocketAddr, tls: &Arc<ClientConfig>) -> Box<dyn Stream> {
    let stream = TcpStream::connect(address).await.expect("it listens");
    stream.set_nodelay(true).expect("an option of TCP");
    let name = ServerName::try_from("localhost").expect("a name");
    Box::new(TlsConnector::from(tls.clone()).connect(name, stream).await.expect("the handshake"))
}
