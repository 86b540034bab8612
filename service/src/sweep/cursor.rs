//! Where a walk goes on. As text it may hold a number or the id of a session, as keys do: it belongs into a file of the operator's, or
//! into the cache, and never on a screen.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use signet_storage::dynamo::tables::{TABLES, Table};
use signet_storage::dynamo::{Item, Value};

#[derive(Clone, PartialEq)]
pub struct Cursor {
    pub table: Table,
    /// The key of the row before; none at the table's beginning.
    pub from: Option<Item>,
}

#[derive(Serialize, Deserialize)]
struct Text {
    table: String,
    from: Option<BTreeMap<String, Part>>,
}

/// Keys consist of these.
#[derive(Serialize, Deserialize)]
enum Part {
    S(String),
    N(String),
}

impl Cursor {
    pub fn text(&self) -> String {
        let part = |(name, value): (&String, &Value)| match value {
            Value::N(number) => (name.clone(), Part::N(number.clone())),
            other => (name.clone(), Part::S(other.as_s().cloned().unwrap_or_default())),
        };
        let from = self.from.as_ref().map(|key| key.iter().map(part).collect());
        let text = Text { table: self.table.spec().name.to_owned(), from };
        serde_json::to_string(&text).expect("texts serialise")
    }

    /// None if it is no cursor.
    pub fn parse(text: &str) -> Option<Self> {
        let Text { table, from } = serde_json::from_str(text).ok()?;
        let table = TABLES.iter().find(|spec| spec.name == table)?.table;
        let value = |(name, part)| match part {
            Part::S(text) => (name, Value::S(text)),
            Part::N(number) => (name, Value::N(number)),
        };
        Some(Self { table, from: from.map(|key| key.into_iter().map(value).collect()) })
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({}, …)", self.table.spec().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_shows_nothing() {
        let key = Item::from([("identity".into(), Value::S("+1202".into())), ("device".into(), Value::N("1".into()))]);
        for from in [None, Some(key)] {
            let cursor = Cursor { table: Table::Keys, from };
            assert_eq!(Cursor::parse(&cursor.text()).as_ref(), Some(&cursor));
            assert!(!format!("{cursor:?}").contains("1202"));
        }
        assert!(Cursor::parse("").is_none() && Cursor::parse(r#"{"table":"x","from":null}"#).is_none());
    }
}
