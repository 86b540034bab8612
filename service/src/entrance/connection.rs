//! One connection, HTTP/1.1 or HTTP/2, until it ends or becomes a socket.
//!
//! Invariant: a client that says nothing holds little, and not for ever: heads have to arrive in time, and who speaks HTTP/2 and
//! does not answer a ping is cut off.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

use super::{Context, request};

/// What a client was understood to speak.
#[derive(Clone, Copy)]
pub enum Version {
    One,
    Two,
    /// It shows in the first bytes.
    Either,
}

/// A request's head must have arrived by then; between requests, the next one's.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);
/// A connection of HTTP/2 that was silent for so long is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(60);
const PONG_WITHIN: Duration = Duration::from_secs(20);
/// Once connections are to end, one that was never asked anything is kept for so long.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(2);
const STREAMS: u32 = 128;
/// What clients may send on a stream, and on a connection, before we have taken any of it.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const UNSENT: usize = 64 * 1024;
const LARGEST_HEAD: usize = 16 * 1024;

pub async fn serve<I>(stream: I, version: Version, peer: IpAddr, context: Context)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut closing = context.closing.clone();
    let answered_once = Arc::new(Notify::new());
    let answering = answered_once.clone();
    let service = service_fn(move |asked| {
        let (answer, answering) = (request::answer(asked, peer, context.clone()), answering.clone());
        async move {
            let answer = answer.await;
            // Not before: told to end while it opens a socket, the connection would say `close` where `upgrade` belongs.
            answering.notify_one();
            answer
        }
    });
    let builder = builder(version);
    let mut connection = std::pin::pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let is_to_end = async {
        let _ = closing.wait_for(|closing| *closing).await;
        // Who came at the last moment is on the way with a request.
        let _ = tokio::time::timeout(FIRST_REQUEST_WITHIN, answered_once.notified()).await;
    };
    // How it ended is the client's affair.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = is_to_end => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

fn builder(version: Version) -> Builder<TokioExecutor> {
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = match version {
        Version::One => builder.http1_only(),
        Version::Two => builder.http2_only(),
        Version::Either => builder,
    };
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(UNSENT)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PONG_WITHIN);
    builder
}
