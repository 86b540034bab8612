//! One line of the audit: JSON that ends with the hash of everything before it, the hash of the line before included.
//!
//! `{"seq":7,"at":1783944000000,"event":"registered","aci":"…","reregistration":false,"prev":"…","hash":"…"}`
//!
//! The hash is SHA-256 over the bytes of the line up to `,"hash"`, so that verifying needs no second way to write JSON.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use signet_storage::clock::Timestamp;

use crate::events::Event;

/// What is written down.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Entry {
    Event(Event),
    AuditOpened(Opened),
}

/// The registry started here.
#[derive(Serialize)]
#[serde(tag = "event", rename = "auditOpened", rename_all = "camelCase")]
pub struct Opened {
    /// Bytes of a torn line that were cut off before this one.
    pub cut_bytes: u64,
}

/// Where a chain stands: the number of its last line, and that line's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: u64,
    pub hash: String,
}

impl Link {
    /// Before the first line.
    pub fn beginning() -> Self {
        Self { seq: 0, hash: "0".repeat(64) }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    seq: u64,
    at: Timestamp,
    #[serde(flatten)]
    entry: &'a Entry,
    prev: &'a str,
}

/// The two fields that bind a line to the one before it.
#[derive(Deserialize)]
struct Bound {
    seq: u64,
    prev: String,
}

const HASH: &str = r#","hash":""#;

/// The next line, with its end of line, and where the chain stands after it.
pub fn compose(after: &Link, at: Timestamp, entry: &Entry) -> (String, Link) {
    let body = Body { seq: after.seq + 1, at, entry, prev: &after.hash };
    let mut line = serde_json::to_string(&body).expect("our events serialise");
    // The closing brace comes after the hash.
    line.pop();
    let hash = hash_of(&line);
    line.push_str(&format!("{HASH}{hash}\"}}\n"));
    (line, Link { seq: after.seq + 1, hash })
}

/// Where the chain stands after this line (without its end of line), and the hash that the line before it should have.
/// `None` if it is not a whole line of ours.
pub fn read(line: &[u8]) -> Option<(Link, String)> {
    let line = std::str::from_utf8(line).ok()?;
    let (body, hash) = line.strip_suffix("\"}")?.rsplit_once(HASH)?;
    if hash_of(body) != hash {
        return None;
    }
    let Bound { seq, prev } = serde_json::from_str(&format!("{body}}}")).ok()?;
    Some((Link { seq, hash: hash.to_owned() }, prev))
}

fn hash_of(body: &str) -> String {
    hex::encode(Sha256::digest(body))
}
