//! Tables of cases: every row is tried, and all that fail are reported together.

use std::fmt::{Debug, Display};

use serde_json::Value;

/// Collects what each row gave and what it should have given. Judges when it is [closed](Table::close).
#[derive(Default)]
pub struct Table {
    rows: usize,
    wrong: Vec<String>,
}

impl Table {
    pub fn row<T: Debug + PartialEq>(&mut self, name: impl Display, found: T, expected: T) {
        self.rows += 1;
        if found != expected {
            self.wrong.push(format!("{name}: {found:?} instead of {expected:?}"));
        }
    }

    /// # Panics
    /// If a row was wrong, or there was none.
    #[track_caller]
    pub fn close(self) {
        assert!(self.rows > 0, "an empty table shows nothing");
        assert!(self.wrong.is_empty(), "{} of {} rows:\n{}", self.wrong.len(), self.rows, self.wrong.join("\n"));
    }
}

/// Puts `value` where this JSON pointer leads, or removes what is there.
///
/// # Panics
/// If there is no object to put it into.
pub fn put(document: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer begins with /");
    let parent = document.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object to put it into");
    match value {
        Some(value) => parent.insert(field.to_owned(), value),
        None => parent.remove(field),
    };
}
