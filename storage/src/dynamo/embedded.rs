//! The embedded engine: `aws-sdk-dynamodb`'s requests are answered inside this process, by a DynamoDB-compatible engine on one
//! SQLite file, through the SDK's HTTP connector. No socket, and no second storage code path.
//!
//! Writes go through one writer thread that commits in groups (`writer.rs`); reads run beside it, on connections of their own,
//! on the calling thread: a point read takes some 70 µs.
//!
//! Under `test-util` it can also be opened inline: in memory, every request answered on the task that asks, no thread and no
//! lock file. That is what a deterministic simulation needs.
//!
//! Invariants: an answered write is on disk; one process at a time opens a data directory. Made for a laptop and for a single
//! node, not a replacement for DynamoDB.

mod dispatch;
#[cfg(feature = "test-util")]
mod inline;
mod writer;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;

use writer::Writer;

/// Connections that read beside the writer. More do not help: reads are CPU, and they run on the callers' threads.
const READERS: usize = 2;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("data directory {path}: {source}")]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("data directory {path} is in use by another process")]
    InUse { path: PathBuf },
    #[error("the database in {path} cannot be opened: {reason}")]
    Engine { path: PathBuf, reason: String },
}

/// The engine. Clones share it.
#[derive(Clone)]
pub enum Embedded {
    OnDisk(OnDisk),
    #[cfg(feature = "test-util")]
    Inline(Database),
}

/// Open on a directory.
#[derive(Clone)]
pub struct OnDisk {
    writer: Writer,
    readers: Arc<OnceLock<Vec<Database>>>,
    turn: Arc<AtomicUsize>,
    database: PathBuf,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OnDisk(engine) => write!(f, "Embedded({})", engine.database.display()),
            #[cfg(feature = "test-util")]
            Self::Inline(_) => f.write_str("Embedded(in memory)"),
        }
    }
}

impl Embedded {
    /// Opens, and creates if need be, the database in `directory`.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.to_owned();
        fs::create_dir_all(directory).map_err(|source| OpenError::Directory { path: path.clone(), source })?;
        let lock = take_lock(directory)?;
        let database = directory.join("signet.db");
        let failed = |e: dynoxide::DynoxideError| OpenError::Engine { path: path.clone(), reason: e.to_string() };
        let engine = Database::new(&database.to_string_lossy()).map_err(failed)?;
        // Leaves the connection at synchronous=NORMAL, so that a commit does not sync: the writer thread does, for a whole
        // group at once. (The build flags say the same; this holds where they were not used.)
        engine.enable_bulk_loading().and_then(|()| engine.disable_bulk_loading()).map_err(failed)?;
        let writer = Writer::start(engine, directory.join("signet.db-wal"), lock);
        Ok(Self::OnDisk(OnDisk { writer, readers: Arc::default(), turn: Arc::default(), database }))
    }

    /// To be called once the tables exist: a connection remembers the tables it saw when it was opened.
    pub fn open_readers(&self) -> Result<(), OpenError> {
        match self {
            Self::OnDisk(engine) => engine.open_readers(),
            #[cfg(feature = "test-util")]
            Self::Inline(_) => Ok(()),
        }
    }

    /// Drops rows whose time to live has passed; the engine does not do so by itself.
    pub async fn sweep(&self) {
        match self {
            Self::OnDisk(engine) => engine.writer.sweep().await,
            #[cfg(feature = "test-util")]
            Self::Inline(database) => inline::sweep(database),
        }
    }

    async fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        match self {
            Self::OnDisk(engine) => engine.answer(operation, body).await,
            #[cfg(feature = "test-util")]
            Self::Inline(database) => dispatch::dispatch(database, operation, body),
        }
    }
}

impl OnDisk {
    fn open_readers(&self) -> Result<(), OpenError> {
        let open = || Database::new(&self.database.to_string_lossy());
        let readers = (0..READERS).map(|_| open()).collect::<dynoxide::Result<Vec<_>>>();
        let path = || self.database.parent().unwrap_or(Path::new(".")).to_owned();
        let readers = readers.map_err(|e| OpenError::Engine { path: path(), reason: e.to_string() })?;
        let _ = self.readers.set(readers);
        Ok(())
    }

    async fn answer(&self, operation: &str, body: &[u8]) -> (u16, String) {
        match self.readers.get() {
            Some(readers) if dispatch::reads(operation) => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                dispatch::dispatch(&readers[turn % readers.len()], operation, body)
            }
            _ => self.writer.run(operation.to_owned(), body.to_vec()).await,
        }
    }
}

/// The operating system lets go of the lock when the process dies, however it dies.
fn take_lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.to_owned();
    let file = File::options().create(true).truncate(false).write(true).open(directory.join("signet.lock"));
    let file = file.map_err(|source| OpenError::Directory { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(OpenError::Directory { path, source }),
    }
}

impl HttpConnector for Embedded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let engine = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default();
            let body = request.body().bytes().unwrap_or_default();
            let (status, text) = engine.answer(operation, body).await;
            let status = StatusCode::try_from(status).map_err(|e| ConnectorError::other(e.into(), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(text));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}
