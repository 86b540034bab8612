//! Between types and rows, and the condition that ties a write to the version it was made from.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Condition, Item, StoreError};

/// Attribute that names the commit which wrote a row last, so that a commit whose answer was lost can be sent again.
const COMMIT: &str = "commit";

pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub fn binary(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// A key of one attribute.
pub fn key(name: &str, value: impl Into<String>) -> Item {
    Item::from([(name.to_owned(), text(value))])
}

/// The text attribute with this name, if the row has one.
pub fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub fn to_item(value: &impl Serialize) -> Item {
    serde_dynamo::to_item(value).expect("our types serialise to items")
}

/// # Errors
/// [`StoreError`] if the row is not one the registry could have written; `what` names it for the log.
pub fn from_item<T: DeserializeOwned>(item: Item, what: &'static str) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|_| StoreError::unreadable(what))
}

/// Signs a row with its commit, so that [`unchanged_since`] knows it again.
pub fn sign(mut item: Item, commit: &str) -> Item {
    item.insert(COMMIT.to_owned(), text(commit));
    item
}

/// The row is as it was when `version` was read (`None`: there was none), or this very commit has already written it.
pub fn unchanged_since(version: Option<u64>, key_attribute: &'static str, commit: &str) -> Condition {
    #[cfg(feature = "planted-bugs")]
    if crate::planted::planted(crate::planted::Bug::WriteWithoutVersion) {
        return Condition::Absent("nothing");
    }
    let as_read = match version {
        None => Condition::Absent(key_attribute),
        Some(version) => Condition::Equals("version", number(version)),
    };
    as_read.or(written_by(commit))
}

/// This very commit has already written the row.
pub fn written_by(commit: &str) -> Condition {
    Condition::Equals(COMMIT, text(commit))
}
