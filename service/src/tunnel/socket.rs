//! A websocket as the tunnel sees it: messages in and out, and an end that says why. Pings are answered below this.
//!
//! Invariant: nothing is kept that a client does not take. What is sent is written before anything else is done, and who
//! does not take it in time is cut off.

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use super::end::End;
use crate::routes::LONGEST_BODY;

/// A client that does not take what it is sent within this time has gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// For the client's half of the closing handshake.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// Each socket holds so much from its first to its last moment; larger messages get more while they last.
const BUFFER: usize = 2 * 1024;

/// What a socket runs over: what is left of a connection or a stream of HTTP, or a pipe.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<I: AsyncRead + AsyncWrite + Send + Unpin> Io for I {}

pub struct Socket(WebSocketStream<Box<dyn Io>>);

impl Socket {
    pub async fn over(io: Box<dyn Io>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(LONGEST_BODY))
            .max_frame_size(Some(LONGEST_BODY));
        Self(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await)
    }

    /// The next binary message. None for a sign of life that says nothing. May be dropped while it waits.
    pub async fn next(&mut self) -> Result<Option<Bytes>, End> {
        match self.0.next().await {
            Some(Ok(Message::Binary(message))) => Ok(Some(message)),
            Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
            Some(Err(Error::Capacity(_))) => Err(End::TooLarge),
            Some(Err(Error::Utf8(_))) => Err(End::BadlyFormatted),
            Some(Err(Error::Protocol(_))) => Err(End::Protocol),
            Some(Err(_)) => Err(End::Gone),
        }
    }

    pub async fn send(&mut self, message: Bytes) -> Result<(), End> {
        match tokio::time::timeout(WRITE_PATIENCE, self.0.send(Message::Binary(message))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Gone),
        }
    }

    /// Says why, and waits a little for the client to say goodbye. What it asks meanwhile is not begun.
    pub async fn close(mut self, end: End) {
        let farewell = async {
            if let Some((code, reason)) = end.frame() {
                self.0.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).await?;
            }
            while let Some(message) = self.0.next().await {
                message?;
            }
            Ok::<_, Error>(())
        };
        // It is over either way.
        let _ = tokio::time::timeout(CLOSE_PATIENCE, farewell).await;
    }
}
