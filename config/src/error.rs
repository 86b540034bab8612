//! What can be wrong with a configuration.
//!
//! The texts name the key and where it came from, never the value: a value may be a secret, also when it stands in the
//! wrong place. Hence every `Display` here is safe to log.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why no configuration could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// Not TOML. The offending line is left out: it may hold a secret.
    #[error("{origin} is not valid TOML: {reason}")]
    Syntax { origin: String, reason: String },
    /// Everything that was found wrong, one line each.
    #[error("{0}")]
    Invalid(Problems),
}

/// One wrong key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The full dotted key, such as `storage.path`.
    pub key: String,
    /// What is wrong, or what to do instead.
    pub reason: String,
    /// The file, the environment variable or the command line; none when the key is not set anywhere.
    pub origin: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)?;
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

/// The problems of a configuration; `Display` gives one line each.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a problem whose origin is looked up later, or does not exist.
    pub(crate) fn add(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.push(Problem { key: key.into(), reason: reason.into(), origin: None });
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Problem> {
        self.0.iter_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
