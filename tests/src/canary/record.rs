//! The whole suite watched: what its helpers make and send, and everything that the registries of a run write.
//!
//! With `SIGNET_TEST_TRACE=<directory>` a run of the tests logs at TRACE into that directory, keeps there what metrics, audits and
//! refusals said, and notes each value beside it that must not be found there. `tests/it/canary/suite.rs` then looks. Without the
//! variable nothing of this happens.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signet::routes::{Found, find};
use uuid::Uuid;

use super::Kind;

/// What a run wrote, by the ends of the names of its files.
pub const LOG: &str = "log";
pub const METRICS: &str = "metrics";
pub const AUDIT: &str = "audit";
pub const REFUSALS: &str = "refusals";
/// A line for each value: its kind, and itself in base64.
pub const VALUES: &str = "values";

static RECORD: LazyLock<Option<Record>> = LazyLock::new(|| {
    let folder = PathBuf::from(std::env::var_os("SIGNET_TEST_TRACE")?);
    std::fs::create_dir_all(&folder).expect("a folder for what the tests write");
    Some(Record { folder, known: Mutex::default() })
});

struct Record {
    folder: PathBuf,
    known: Mutex<BTreeSet<(Kind, String)>>,
}

/// Whether this run is watched.
pub fn is_on() -> bool {
    RECORD.is_some()
}

/// A new file of this process for the log of another one.
pub fn log_of_process() -> Option<File> {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let record = RECORD.as_ref()?;
    let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("{}-{n}.{LOG}", std::process::id());
    Some(File::create(record.folder.join(name)).expect("a file for a log"))
}

/// Logs all that this process writes, through what the binary logs through, at TRACE.
pub fn log() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    if RECORD.is_some() {
        ONCE.call_once(|| {
            let file = log_of_process().expect("a run that is watched");
            let subscriber = signet::log::to(Mutex::new(file), "trace", false).expect("a filter");
            // A test that has a log of its own may have been first; then that one is looked at by that test.
            let _ = tracing::subscriber::set_global_default(subscriber);
        });
    }
}

/// Keeps what was written to a place other than the log.
pub fn keep(place: &str, text: &[u8]) {
    if let Some(record) = RECORD.as_ref() {
        record.append(place, &[text, b"\n"].concat());
    }
}

/// Keeps what a place says now, which has all that it said before: metrics only grow.
pub fn keep_latest(place: &str, text: &[u8]) {
    if let Some(record) = RECORD.as_ref() {
        let path = record.folder.join(format!("{}.{place}", std::process::id()));
        std::fs::write(path, text).expect("what tests write is kept");
    }
}

/// Keeps a file that was written.
pub fn keep_file(place: &str, path: &Path) {
    if is_on()
        && let Ok(text) = std::fs::read(path)
    {
        keep(place, &text);
    }
}

/// A value that may not be found.
pub fn note(kind: Kind, value: &str) {
    let Some(record) = RECORD.as_ref() else { return };
    let known = &mut *record.known.lock().unwrap_or_else(PoisonError::into_inner);
    if known.insert((kind, value.to_owned())) {
        let line = format!("{} {}\n", kind.name(), STANDARD.encode(value));
        record.append(VALUES, line.as_bytes());
    }
}

/// Everything in a request that is the client's own: who it says it is, names in its path, texts in its body.
pub fn note_request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
    if !is_on() {
        return;
    }
    for (name, value) in headers {
        match *name {
            "authorization" => note_credentials(value),
            "unidentified-access-key" | "group-send-token" | "user-agent" | "accept-language" | "x-signal-agent" => {
                note_text(value)
            }
            _ => {}
        }
    }
    if let Found::Route(route, params) = find(method, path.split('?').next().unwrap_or_default()) {
        let ids = ["{identifier}", "{device}"].iter().any(|name| route.template.contains(name));
        params.iter().filter(|_| !ids).for_each(|(_, value)| note_text(value));
    }
    note_body(body);
}

/// Everything that an answer tells the client alone. What refuses is kept instead, and must not tell anything.
pub fn note_answer(status: u16, body: &[u8]) {
    if !is_on() {
        return;
    }
    if status < 400 {
        note_body(body);
    } else {
        keep(REFUSALS, &beyond_the_contract(body));
    }
}

/// A refusal without what the contract puts into it: a session's own id, and credentials for who forgot their lock.
pub fn beyond_the_contract(body: &[u8]) -> Vec<u8> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(body) else { return body.to_vec() };
    if fields.contains_key("verified") {
        fields.remove("id");
    }
    fields.remove("svr2Credentials");
    Value::Object(fields).to_string().into_bytes()
}

fn note_credentials(header: &str) {
    let decoded = header.split_once(' ').and_then(|(_, encoded)| STANDARD.decode(encoded).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((user, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
        note_text(user);
        note_text(password);
    }
}

fn note_body(body: &[u8]) {
    fn walk(value: &Value) {
        match value {
            Value::String(text) => note_text(text),
            Value::Array(values) => values.iter().for_each(walk),
            Value::Object(fields) => fields.values().for_each(walk),
            _ => {}
        }
    }
    if let Ok(body) = serde_json::from_slice(body) {
        walk(&body);
    }
}

/// Notes what looks like somebody's. Accounts' and numbers' ids are no secrets of the log's.
fn note_text(text: &str) {
    let id = text.split('.').next().unwrap_or_default();
    if Uuid::parse_str(id.trim_start_matches("PNI:")).is_ok() {
        return;
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if text.strip_prefix('+').is_some_and(|rest| rest.len() >= 8 && digits(rest)) {
        return note(Kind::Number, text);
    }
    if text.len() == 6 && digits(text) {
        return note(Kind::Code, text);
    }
    let plain = text.len() < 10 || text.bytes().all(|byte| byte.is_ascii_alphabetic() || b" '_-.".contains(&byte));
    let random = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte));
    note(if random && !plain { Kind::Random } else { Kind::Words }, text);
}

impl Record {
    fn append(&self, place: &str, bytes: &[u8]) {
        let path = self.folder.join(format!("{}.{place}", std::process::id()));
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut file| file.write_all(bytes)).expect("what tests write is kept");
    }
}
