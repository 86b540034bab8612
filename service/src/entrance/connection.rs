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
/// Who came in at the last moment may still ask once, within this time.
const LATECOMERS: Duration = Duration::from_secs(2);
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
    let answered = Arc::new(Notify::new());
    let tell = answered.clone();
    let service = service_fn(move |asked| {
        let (answer, tell) = (request::answer(asked, peer, context.clone()), tell.clone());
        async move {
            let answer = answer.await;
            tell.notify_one();
            answer
        }
    });
    let builder = builder(version);
    let mut connection = std::pin::pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = closing.wait_for(|closing| *closing) => None,
    };
    // How it ended is the client's affair.
    if ended.is_none() {
        // Told to end, a connection that was not asked anything yet ends at once, whatever is on its way here; and one that is just
        // opening a socket says that it closes instead.
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = tokio::time::timeout(LATECOMERS, answered.notified()) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
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
