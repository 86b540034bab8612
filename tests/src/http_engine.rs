//! The embedded engine behind its own HTTP server: the SDK's real wire path, with signing and retries.

use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Serves until it is dropped.
pub struct HttpEngine {
    pub address: SocketAddr,
    _stop: oneshot::Sender<()>,
    _directory: TempDir,
}

impl HttpEngine {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("engine.db");
        let database = dynoxide::Database::new(&path.to_string_lossy()).expect("a database");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async { drop(stopped.await) }));
        Self { address, _stop: stop, _directory: directory }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
