//! In how many ways a value can be written.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What a value is: by that it is known which part of it tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// E.164.
    Number,
    /// Six digits.
    Code,
    /// Drawn at random, so its first characters are like no other text's.
    Random,
    /// Words that somebody chose: only all of it tells.
    Words,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Number, Self::Code, Self::Random, Self::Words];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Code => "code",
            Self::Random => "random",
            Self::Words => "words",
        }
    }
}

/// All forms of a value, each as short as it may be cut; of those that look alike, one.
pub(super) fn of(kind: Kind, value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = Forms { kind, found: BTreeMap::new() };
    forms.of_text(value);
    forms.of_bytes(value.as_bytes());
    match kind {
        Kind::Number => forms.of_number(value),
        Kind::Random | Kind::Words => {
            let trimmed = value.trim_end_matches('=');
            let decoded =
                [STANDARD_NO_PAD.decode(trimmed).ok(), URL_SAFE_NO_PAD.decode(trimmed).ok(), hex::decode(value).ok()];
            for bytes in decoded.into_iter().flatten() {
                let mut inner = Forms { kind: Kind::Random, found: BTreeMap::new() };
                inner.of_bytes(&bytes);
                inner.add("decoded", &bytes, 12);
                forms.found.append(&mut inner.found);
            }
        }
        Kind::Code => {}
    }
    forms.found.into_iter().map(|(text, form)| (form, text)).collect()
}

struct Forms {
    kind: Kind,
    found: BTreeMap<Vec<u8>, &'static str>,
}

impl Forms {
    /// `enough` bytes of something random are like nothing else.
    fn add(&mut self, form: &'static str, text: &[u8], enough: usize) {
        let enough = if self.kind == Kind::Random { enough } else { usize::MAX };
        self.found.entry(text[..text.len().min(enough)].to_vec()).or_insert(form);
    }

    fn of_text(&mut self, value: &str) {
        // Hex and its like: of sixteen characters, chance finds more.
        let few = value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let enough = if few { 12 } else { 8 };
        self.add("as it is", value.as_bytes(), enough);
        let json = serde_json::Value::from(value).to_string();
        self.add("in JSON", &json.as_bytes()[1..json.len() - 1], enough);
        let twice = serde_json::Value::from(json).to_string();
        self.add("in JSON in JSON", &twice.as_bytes()[3..twice.len() - 3], enough);
        let debug = format!("{value:?}");
        self.add("for Debug", &debug.as_bytes()[1..debug.len() - 1], enough);
        let percent: String = value.bytes().map(percent).collect();
        self.add("percent-encoded", percent.as_bytes(), enough);
        self.add("percent-encoded, lower case", percent.to_lowercase().as_bytes(), 12);
    }

    fn of_bytes(&mut self, bytes: &[u8]) {
        self.add("hex", hex::encode(bytes).as_bytes(), 16);
        self.add("upper-case hex", hex::encode_upper(bytes).as_bytes(), 16);
        self.add("as a byte string", bytes.escape_ascii().to_string().as_bytes(), 16);
        let debug = format!("{:?}", bytes::Bytes::copy_from_slice(bytes));
        self.add("for Debug, as bytes", &debug.as_bytes()[2..debug.len() - 1], 16);
        let some = if self.kind == Kind::Random { &bytes[..bytes.len().min(8)] } else { bytes };
        let list: Vec<_> = some.iter().map(u8::to_string).collect();
        self.add("a list of bytes", list.join(", ").as_bytes(), usize::MAX);
        for offset in 0..3 {
            self.add("base64", &inside(&STANDARD_NO_PAD, bytes, offset), 10);
            self.add("URL-safe base64", &inside(&URL_SAFE_NO_PAD, bytes, offset), 10);
        }
    }

    /// Without the `+`, without the country, and as people write it there.
    fn of_number(&mut self, number: &str) {
        let digits = number.trim_start_matches('+');
        self.add("its digits", digits.as_bytes(), usize::MAX);
        self.add("its last digits", &digits.as_bytes()[digits.len().saturating_sub(9)..], usize::MAX);
        if let Some(national) = digits.strip_prefix('1').filter(|national| national.len() == 10) {
            let grouped = format!("{}-{}-{}", &national[..3], &national[3..6], &national[6..]);
            self.add("grouped", grouped.as_bytes(), usize::MAX);
        }
        self.of_bytes(digits.as_bytes());
    }
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).into()
    } else {
        format!("%{byte:02X}")
    }
}

/// The characters that these bytes, and no others, decide when `offset` bytes stand before them.
fn inside(base64: &GeneralPurpose, bytes: &[u8], offset: usize) -> Vec<u8> {
    let encoded = base64.encode([&[0; 2][..offset], bytes].concat()).into_bytes();
    let (begin, end) = ((offset * 8).div_ceil(6), (offset + bytes.len()) * 8 / 6);
    encoded[begin.min(end)..end].to_vec()
}
