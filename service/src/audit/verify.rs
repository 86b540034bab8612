//! Reads a chain from its first line to its last.

use std::io::{self, BufRead};

use super::line::{self, Link};

/// A chain without a fault.
#[derive(Debug, PartialEq, Eq)]
pub struct Verified {
    pub lines: u64,
    /// Of the last line: to be noted elsewhere, since nothing in the file shows that lines after it are missing.
    pub hash: String,
}

/// The first line that is not as it was written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("line {0} has been changed")]
    Changed(u64),
    #[error("line {0} does not follow the line before it: lines were removed, added or moved")]
    OutOfPlace(u64),
    #[error("line {0} is not finished: the registry is writing it, or was killed while it did")]
    Unfinished(u64),
}

/// # Errors
/// The outer one if it cannot be read, the inner one if it is broken.
pub fn verify(mut file: impl BufRead) -> io::Result<Result<Verified, Broken>> {
    let mut chain = Link::beginning();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if file.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(Ok(Verified { lines: chain.seq, hash: chain.hash }));
        }
        let number = chain.seq + 1;
        let Some(line) = bytes.strip_suffix(b"\n") else { return Ok(Err(Broken::Unfinished(number))) };
        match line::read(line) {
            None => return Ok(Err(Broken::Changed(number))),
            Some((link, prev)) if link.seq == number && prev == chain.hash => chain = link,
            Some(_) => return Ok(Err(Broken::OutOfPlace(number))),
        }
    }
}
