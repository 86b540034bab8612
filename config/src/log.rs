//! Section `log`: what is written to the log. Its syntax is checked where the filter is built, by the binary.

use serde::Deserialize;

use crate::error::Problems;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Log {
    /// The text of an `EnvFilter`: a level, or `target=level` pairs separated by commas. Libraries are not heard below INFO all the
    /// same (`service/src/log.rs`).
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info,actix_server=warn".to_owned() }
    }
}

impl Log {
    /// Warnings only.
    pub fn for_testing() -> Self {
        Self { filter: "warn".to_owned() }
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        if self.filter.trim().is_empty() {
            problems.add("log.filter", "must not be empty; set \"off\" for no log at all");
        }
    }
}
