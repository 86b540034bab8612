//! The audit's file: who may write it, where its chain stands, and how lines get into it whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use signet_storage::clock::Timestamp;

use super::line::{self, Entry, Link};

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit file {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the audit file {} is being written by another process; each needs one of its own", .0.display())]
    InUse(PathBuf),
    #[error(
        "the last line of the audit file {} is none that the registry wrote; see `signet audit verify`, then move the file away",
        .0.display()
    )]
    Foreign(PathBuf),
}

pub struct AuditFile {
    file: File,
    /// Up to here the file consists of whole lines.
    length: u64,
    link: Link,
    /// Lines that are not in the file yet.
    pending: String,
    cut_bytes: u64,
}

/// The last line begins within so many bytes of the end; ours are shorter by far.
const TAIL: u64 = 64 * 1024;

impl AuditFile {
    /// Opens it, or makes it, for this process alone; finds the end of its chain; cuts off a line that was not finished.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let failed = |source| AuditError::Io { path: path.to_owned(), source };
        let mut file = create(path).map_err(failed)?;
        file.try_lock().map_err(|refused| match refused {
            TryLockError::WouldBlock => AuditError::InUse(path.to_owned()),
            TryLockError::Error(source) => failed(source),
        })?;
        let (tail, end) = read_tail(&mut file).map_err(failed)?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let cut_bytes = (tail.len() - whole) as u64;
        if whole == 0 && end > TAIL {
            return Err(AuditError::Foreign(path.to_owned()));
        }
        let link = match last_line(&tail[..whole]) {
            None => Link::beginning(),
            Some(last) => line::read(last).ok_or_else(|| AuditError::Foreign(path.to_owned()))?.0,
        };
        let length = end - cut_bytes;
        if cut_bytes > 0 {
            tracing::warn!(file = %path.display(), cut_bytes, "the audit's last line was torn and is cut");
            file.set_len(length).map_err(failed)?;
        }
        Ok(Self { file, length, link, pending: String::new(), cut_bytes })
    }

    pub const fn cut_bytes(&self) -> u64 {
        self.cut_bytes
    }

    pub const fn seq(&self) -> u64 {
        self.link.seq
    }

    pub fn hash(&self) -> &str {
        &self.link.hash
    }

    /// Puts a line at the end of the chain; [`write`](Self::write) brings it into the file.
    pub fn add(&mut self, at: Timestamp, entry: &Entry) {
        let (line, link) = line::compose(&self.link, at, entry);
        self.pending.push_str(&line);
        self.link = link;
    }

    /// After an error the file is as it was, or will be by the next try.
    pub fn write(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        // What an earlier try left behind.
        if self.file.metadata()?.len() != self.length {
            self.file.set_len(self.length)?;
        }
        self.file.write_all(self.pending.as_bytes())?;
        self.length += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)
}

fn read_tail(file: &mut File) -> io::Result<(Vec<u8>, u64)> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(end.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok((tail, end))
}

/// Without its end of line; `lines` is empty or ends with one.
fn last_line(lines: &[u8]) -> Option<&[u8]> {
    lines.strip_suffix(b"\n").map(|lines| lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default())
}
