//! The one thread that writes, and makes writes durable in groups.
//!
//! It runs every request that is waiting, then syncs the write-ahead log once, then answers them all: sixteen registrations
//! share one `fdatasync`. A commit lies in the log before the sync begins, so an answer implies that it is on disk; a crash in
//! between loses only what nobody was told of.
//!
//! If the engine panics or the disk refuses to sync, nothing that was said before can be relied on any more: the process ends
//! and the next start recovers from the log.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use dynoxide::Database;
use tokio::sync::{mpsc, oneshot};

use super::dispatch::dispatch;

/// Requests waiting for the thread; past that, callers wait for a place.
const QUEUE: usize = 1024;
/// Requests that share one sync. A larger group would only make its first member wait longer.
const GROUP: usize = 128;
/// The exit code for "I/O error" in sysexits.
const EXIT_IO: i32 = 74;

type Answer = (u16, String);

enum Job {
    Request { operation: String, body: Vec<u8>, reply: oneshot::Sender<Answer> },
    Sweep { done: oneshot::Sender<()> },
}

/// The way to the thread. It ends, having answered everything, when the last clone is gone.
#[derive(Clone)]
pub struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// `lock` marks the directory as ours; it is let go of after the database is closed.
    pub fn start(db: Database, log: PathBuf, lock: File) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let run = move || {
            write(&db, &mut Log { path: log, file: None }, jobs);
            drop(db);
            drop(lock);
        };
        std::thread::Builder::new().name("signet-writer".into()).spawn(run).expect("a thread can be started");
        Self(sender)
    }

    pub async fn run(&self, operation: String, body: Vec<u8>) -> Answer {
        let (reply, answer) = oneshot::channel();
        let gone = || (503, r#"{"__type":"ServiceUnavailable"}"#.to_owned());
        if self.0.send(Job::Request { operation, body, reply }).await.is_err() {
            return gone();
        }
        answer.await.unwrap_or_else(|_| gone())
    }

    pub async fn sweep(&self) {
        let (done, finished) = oneshot::channel();
        if self.0.send(Job::Sweep { done }).await.is_ok() {
            let _ = finished.await;
        }
    }
}

fn write(db: &Database, log: &mut Log, mut jobs: mpsc::Receiver<Job>) {
    let mut answered = Vec::with_capacity(GROUP);
    while let Some(first) = jobs.blocking_recv() {
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Request { operation, body, reply } => {
                    let run = catch_unwind(AssertUnwindSafe(|| dispatch(db, &operation, &body)));
                    answered.push((run.unwrap_or_else(|_| give_up("the engine panicked")), reply));
                }
                Job::Sweep { done } => {
                    if let Err(e) = db.sweep_ttl() {
                        tracing::warn!(error = %e, "expired rows could not be swept");
                    }
                    let _ = done.send(());
                }
            }
            next = if answered.len() < GROUP { jobs.try_recv().ok() } else { None };
        }
        log.sync();
        metrics::histogram!("signet_embedded_group_size").record(answered.len() as f64);
        for (answer, reply) in answered.drain(..) {
            // The caller may have gone away; its write stands all the same.
            let _ = reply.send(answer);
        }
    }
}

/// SQLite's write-ahead log. It comes into being with the first write and then stays while the database is open.
struct Log {
    path: PathBuf,
    file: Option<File>,
}

impl Log {
    fn sync(&mut self) {
        if self.file.is_none() && self.path.exists() {
            let opened = File::open(&self.path).and_then(|file| sync_directory(&self.path).map(|()| file));
            self.file = Some(opened.unwrap_or_else(|_| give_up("the write-ahead log cannot be opened")));
        }
        if let Some(file) = &self.file
            && file.sync_data().is_err()
        {
            give_up::<()>("the write-ahead log cannot be synced");
        }
    }
}

/// A new file is only safe once its name is, too.
fn sync_directory(file: &Path) -> std::io::Result<()> {
    File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn give_up<T>(why: &str) -> T {
    tracing::error!("{why}; ending the process, the next start recovers");
    std::process::exit(EXIT_IO)
}
