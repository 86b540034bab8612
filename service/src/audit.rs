//! The audit: a file with one line for each event of authentication, each chained to the one before it, so that a line that
//! was changed, removed, added or moved is found (`signet audit verify`).
//!
//! The chain is of plain SHA-256: whoever has the file can verify it, without a key. It cannot show that lines were cut off
//! at its end, nor that somebody wrote the whole file anew; for both, compare with a hash that was noted elsewhere. The
//! ordinary log gets one at each start and end, and the command prints one.
//!
//! Durability: a line is handed to the operating system within moments of its event, so that a killed process loses what was
//! still in its queue and no more; it is on the disk some 200 ms later. Requests do not wait for either: an audit on a disk that
//! hangs must not stop people from registering. A line that was torn by the end of a process is cut at the next start, which
//! says so in a line of its own. A line that cannot be written (the disk is full) is tried again until it can.
//!
//! Invariant: no number, token, code or address; events have none.

mod file;
mod line;
mod verify;

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use signet_storage::clock::Clock;

use crate::events::{self, Told};
use crate::metrics::Stopwatch;
pub use file::AuditError;
use file::AuditFile;
use line::{Entry, Opened};
pub use verify::verify;

/// Lines of this time are made durable together.
const SYNC_WITHIN: Duration = Duration::from_millis(200);
/// A disk that refuses is asked again after so long.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// So many lines are written at once, at most.
const MOST_AT_ONCE: usize = 1024;

/// Opens the file, continues its chain, and writes down whatever is sent, in a thread that ends when all senders are gone.
///
/// # Errors
/// If the file cannot be opened, another process writes it, or its last line is none of ours.
pub fn start(path: &Path, clock: &Clock) -> Result<Sender<Told>, AuditError> {
    let mut file = AuditFile::open(path)?;
    file.add(clock.now(), &Entry::AuditOpened(Opened { cut_bytes: file.cut_bytes() }));
    file.write().map_err(|source| AuditError::Io { path: path.to_owned(), source })?;
    tracing::info!(file = %path.display(), seq = file.seq(), hash = file.hash(), "the audit goes on from here");
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new().name("audit".to_owned());
    thread.spawn(move || keep(file, &receiver)).map_err(|source| AuditError::Io { path: path.to_owned(), source })?;
    Ok(sender)
}

/// Writes until nobody can tell it anything any more.
fn keep(mut file: AuditFile, told: &Receiver<Told>) {
    while let Ok(first) = told.recv() {
        let mut settled = Vec::new();
        let since = Stopwatch::start();
        take(first, told, &mut file, &mut settled);
        // More that comes soon shares the sync; whoever waits for it ends the wait.
        while settled.is_empty()
            && let Some(left) = SYNC_WITHIN.checked_sub(since.elapsed())
        {
            match told.recv_timeout(left) {
                Ok(next) => take(next, told, &mut file, &mut settled),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        insist("sync", || file.sync());
        for waiting in settled {
            // Whoever does not wait any more needs no answer.
            let _ = waiting.send(());
        }
    }
    tracing::info!(seq = file.seq(), hash = file.hash(), "the audit ends here");
}

/// Writes down this and what has queued up behind it.
fn take(first: Told, told: &Receiver<Told>, file: &mut AuditFile, settled: &mut Vec<Sender<()>>) {
    let behind = std::iter::from_fn(|| told.try_recv().ok()).take(MOST_AT_ONCE);
    for told in std::iter::once(first).chain(behind) {
        match told {
            Told::Happened(happened) => {
                file.add(happened.at, &Entry::Event(happened.event));
                events::waiting().decrement(1.0);
            }
            Told::Settle(waiting) => settled.push(waiting),
        }
    }
    insist("write", || file.write());
}

/// Until it works. Events queue up meanwhile, which their gauge shows.
fn insist(what: &'static str, mut work: impl FnMut() -> std::io::Result<()>) {
    let mut said = false;
    while let Err(error) = work() {
        metrics::counter!("signet_audit_failures_total", "step" => what).increment(1);
        if !said {
            tracing::error!(%error, "the audit cannot {what}; trying until it can");
            said = true;
        }
        std::thread::sleep(RETRY_AFTER);
    }
}

#[cfg(test)]
mod tests;
