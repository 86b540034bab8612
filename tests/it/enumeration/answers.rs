//! Answers to be compared: without what belongs to the moment, and without the names that were asked about.

use std::collections::BTreeMap;

use serde_json::Value;
use signet_tests::Answer;
use signet_tests::grpc::Raw;

/// What the contract says of the two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contract {
    Same,
    /// They differ, by this paragraph.
    Differs(&'static str),
}

pub use Contract::{Differs, Same};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Fields whose values are of the moment, or of the wire. That they are there counts all the same.
const OF_THE_MOMENT: [&str; 5] = ["date", "x-signal-timestamp", "retry-after", "server-timing", "content-length"];

impl Seen {
    /// Each of `names` looks like every other.
    pub fn of(answer: &Answer, names: &[String]) -> Self {
        let mut body = answer.text.clone();
        if let Ok(Value::Object(mut fields)) = serde_json::from_str(&body)
            && fields.contains_key("verified")
        {
            fields.insert("id".to_owned(), Value::from("a session"));
            body = Value::Object(fields).to_string();
        }
        Self { status: answer.status, headers: headers(&answer.headers), body: unnamed(body, names) }
    }

    pub fn of_call(raw: &Raw, names: &[String]) -> Self {
        Self { status: raw.http, headers: headers(&raw.headers), body: unnamed(hex::encode(&raw.body), names) }
    }
}

fn headers(headers: &http::HeaderMap) -> BTreeMap<String, String> {
    let value = |name: &str, value: &http::HeaderValue| {
        if OF_THE_MOMENT.contains(&name) { String::new() } else { format!("{value:?}") }
    };
    headers.iter().map(|(name, found)| (name.to_string(), value(name.as_str(), found))).collect()
}

fn unnamed(text: String, names: &[String]) -> String {
    names.iter().fold(text, |text, name| text.replace(name, "somebody"))
}
