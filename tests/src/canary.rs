//! Looks for marked values where none may be: in logs, metrics, the audit, the bodies of refusals.
//!
//! A value is looked for as it is and in all forms in which it might have been written: escaped for JSON, for Rust's `Debug` or for a URL,
//! in hex, as a list of bytes, in both base64s, with or without padding, alone or inside something longer (three offsets), and each
//! of them cut short: what begins like a secret and then stops tells of it, too. What is base64 or hex itself is looked for
//! decoded, likewise.
//!
//! Not here: who makes values and which places are searched. `record.rs` notes both for a whole run of the suite.

mod forms;
pub mod record;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

pub use forms::Kind;

/// A place is looked through by what stands in this many bytes: no form is shorter.
const WINDOW: usize = 8;

/// Values to look for.
#[derive(Default)]
pub struct Search {
    forms: Vec<Form>,
    by_beginning: HashMap<[u8; WINDOW], Vec<usize>>,
    /// Codes are too short to be looked for anywhere but where they stand alone.
    codes: HashMap<Vec<u8>, String>,
}

struct Form {
    text: Vec<u8>,
    what: String,
}

/// A value that was found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Which value, in which form.
    pub what: String,
    pub line: String,
}

impl fmt::Debug for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.what, self.line)
    }
}

impl Search {
    /// One value more.
    pub fn mark(&mut self, name: &str, kind: Kind, value: &str) {
        if kind == Kind::Code {
            self.codes.insert(value.into(), name.to_owned());
            return;
        }
        for (form, text) in forms::of(kind, value) {
            let Some(beginning) = text.first_chunk::<WINDOW>().copied() else { continue };
            self.by_beginning.entry(beginning).or_default().push(self.forms.len());
            self.forms.push(Form { text, what: format!("{name} {value:?} ({form})") });
        }
    }

    /// How many forms are looked for.
    pub fn len(&self) -> usize {
        self.forms.len() + self.codes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything that is found in this place. Of the same value in the same line, once.
    pub fn hits(&self, place: &[u8]) -> Vec<Hit> {
        let mut hits: Vec<_> = place.split(|byte| *byte == b'\n').flat_map(|line| self.in_line(line)).collect();
        hits.dedup();
        hits
    }

    fn in_line(&self, line: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut found = |what: &str, at: Range<usize>| {
            let around = &line[at.start.saturating_sub(120)..(at.end + 120).min(line.len())];
            hits.push(Hit { what: what.to_owned(), line: String::from_utf8_lossy(around).into_owned() });
        };
        for (at, window) in line.windows(WINDOW).enumerate() {
            let begun = window.first_chunk::<WINDOW>().and_then(|window| self.by_beginning.get(window));
            for form in begun.into_iter().flatten().map(|form| &self.forms[*form]) {
                if line[at..].starts_with(&form.text) {
                    found(&form.what, at..at + form.text.len());
                }
            }
        }
        for at in words(line) {
            if let Some(name) = self.codes.get(&line[at.clone()]) {
                found(name, at);
            }
        }
        hits
    }
}

/// Where there are words. A code inside a longer number is none; nor is the fraction of a second that a line began in.
fn words(line: &[u8]) -> Vec<Range<usize>> {
    let (mut words, mut begun) = (Vec::new(), None);
    for at in 0..=line.len() {
        let inside = line.get(at).is_some_and(u8::is_ascii_alphanumeric);
        match (inside, begun) {
            (true, None) => begun = Some(at),
            (false, Some(begin)) => {
                let fraction = begin > 0 && line[begin - 1] == b'.';
                words.extend((!fraction).then_some(begin..at));
                begun = None;
            }
            _ => {}
        }
    }
    words
}
