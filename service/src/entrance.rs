//! The entrance for sockets, requests and gRPC, over TLS and plain: hyper on a thread pool of its own, since the framework that
//! serves `server.http` speaks neither gRPC nor websockets over HTTP/2.
//!
//! - `connection`: one connection, from its first byte on; `request`: one request, and where it belongs.
//!
//! Invariant: what is accepted is answered. Once told to close, it takes no new connection, lets each one finish what runs, and
//! waits for all of them, but not for ever.

mod connection;
mod request;

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;

use crate::registry::Registry;

/// How long what runs may take once the entrance is to close.
const DRAIN: Duration = Duration::from_secs(30);
/// A client that does not finish its handshake is nobody.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// After an accept that failed: the process has too many files open, say.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A listener, and whether it speaks TLS.
pub struct Door {
    pub listener: TcpListener,
    pub tls: Option<Arc<ServerConfig>>,
}

/// What every connection has.
#[derive(Clone)]
struct Context {
    registry: Arc<Registry>,
    /// Turns true when connections are to end.
    closing: watch::Receiver<bool>,
    /// Held by whatever is still under way.
    alive: mpsc::Sender<Infallible>,
}

/// Runs until it is closed.
pub struct Entrance {
    thread: JoinHandle<std::io::Result<()>>,
    close: oneshot::Sender<()>,
}

impl Entrance {
    /// Serves from now on.
    pub fn open(doors: Vec<Door>, threads: usize, registry: Arc<Registry>) -> std::io::Result<Self> {
        let (close, closed) = oneshot::channel();
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        let thread = std::thread::Builder::new().name("entrance".to_owned());
        let thread = thread.spawn(move || {
            let served = threads.block_on(serve(doors, registry, closed));
            // Whatever has not ended by now is not waited for.
            threads.shutdown_background();
            served
        })?;
        Ok(Self { thread, close })
    }

    /// Takes no more connections, and returns when the last one has ended.
    pub async fn close(self) -> std::io::Result<()> {
        let Self { thread, close } = self;
        let _ = close.send(());
        let joined = tokio::task::spawn_blocking(move || thread.join()).await.map_err(std::io::Error::other)?;
        joined.map_err(|_| std::io::Error::other("the entrance panicked"))?
    }
}

/// Serves a connection that is there already, until it ends, as if it had come in by a plain door. For clients in this process.
#[cfg(feature = "sim")]
pub async fn serve_here<I>(stream: I, peer: std::net::IpAddr, registry: Arc<Registry>)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (alive, _) = mpsc::channel(1);
    let (_open, closing) = watch::channel(false);
    connection::serve(stream, connection::Version::Either, peer, Context { registry, closing, alive }).await;
}

async fn serve(doors: Vec<Door>, registry: Arc<Registry>, closed: oneshot::Receiver<()>) -> std::io::Result<()> {
    let (alive, mut ended) = mpsc::channel(1);
    let (close, closing) = watch::channel(false);
    let context = Context { registry, closing, alive };
    let mut accepting = tokio::task::JoinSet::new();
    for Door { listener, tls } in doors {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        accepting.spawn(accept(listener, tls.map(TlsAcceptor::from), context.clone()));
    }
    drop(context);
    let _ = closed.await;
    close.send_replace(true);
    while accepting.join_next().await.is_some() {}
    let _ = tokio::time::timeout(DRAIN, ended.recv()).await;
    Ok(())
}

async fn accept(listener: tokio::net::TcpListener, tls: Option<TlsAcceptor>, context: Context) {
    let mut closing = context.closing.clone();
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                failing = false;
                tokio::spawn(welcome(stream, peer, tls.clone(), context.clone()));
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "connections cannot be accepted for now");
                }
                failing = true;
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
    // Whoever the system has let in already would otherwise be thrown out unheard.
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, peer)) = listener.accept() {
        if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
            tokio::spawn(welcome(stream, peer, tls.clone(), context.clone()));
        }
    }
}

async fn welcome(stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, context: Context) {
    // Answers are small and somebody waits for each.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return connection::serve(stream, connection::Version::Either, peer.ip(), context).await;
    };
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_PATIENCE, tls.accept(stream)).await else {
        metrics::counter!("signet_tls_handshakes_total", "outcome" => "failed").increment(1);
        return;
    };
    metrics::counter!("signet_tls_handshakes_total", "outcome" => "done").increment(1);
    let version = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => connection::Version::Two,
        _ => connection::Version::One,
    };
    connection::serve(stream, version, peer.ip(), context).await;
}
