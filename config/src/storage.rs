//! Section `storage`: who answers the DynamoDB API, and where the data lies.
//!
//! One set of keys serves three targets; what a target has no use for is refused rather than ignored, so that nobody
//! believes to write to an emulator while writing to AWS.

use std::path::PathBuf;

use serde::Deserialize;

use crate::error::Problems;
use crate::secret::Secret;
use crate::url::check_endpoint;
use crate::values::words;

words! {
    /// Who answers the DynamoDB API.
    pub enum StorageTarget {
        /// An engine inside the process, with its files under `storage.path`.
        Embedded = "embedded",
        /// The server at `storage.endpoint`.
        Endpoint = "endpoint",
        /// AWS itself, with credentials from the usual AWS sources.
        Aws = "aws",
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Storage {
    pub target: StorageTarget,
    /// The data directory: the embedded engine's files and, in development, keys that were made at the first start.
    pub path: PathBuf,
    /// `http://` or `https://`, host, port. Present exactly when the target is `Endpoint`.
    pub endpoint: Option<String>,
    pub region: String,
    /// Stands before every table name.
    pub table_prefix: String,
    /// For the target `Endpoint` only; emulators take any.
    pub access_key_id: String,
    /// For the target `Endpoint` only; emulators take any.
    pub secret_access_key: Secret<String>,
}

/// What emulators accept for both halves of the credentials.
const LOCAL: &str = "local";

impl Default for Storage {
    fn default() -> Self {
        Self {
            target: StorageTarget::Embedded,
            path: PathBuf::from("data"),
            endpoint: None,
            region: "us-east-1".to_owned(),
            table_prefix: "signet-".to_owned(),
            access_key_id: LOCAL.to_owned(),
            secret_access_key: Secret::new(LOCAL.to_owned()),
        }
    }
}

impl Storage {
    /// The defaults with a path at which nothing can be created: a test that wants files says where.
    pub fn for_testing() -> Self {
        Self { path: PathBuf::from("/dev/null/set-storage-path-in-this-test"), ..Self::default() }
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        if self.path.as_os_str().is_empty() {
            problems.add("storage.path", "must not be empty");
        }
        if self.region.is_empty() || !self.region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            problems.add("storage.region", "expected a region such as \"us-east-1\"");
        }
        if !self.table_prefix.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
            problems.add("storage.table_prefix", "may hold letters, digits, _, . and - only");
        }
        self.validate_endpoint(problems);
        self.validate_credentials(problems);
    }

    fn validate_endpoint(&self, problems: &mut Problems) {
        match (self.target, &self.endpoint) {
            (StorageTarget::Endpoint, None) => {
                problems.add("storage.endpoint", "required with storage.target = \"endpoint\"");
            }
            (StorageTarget::Endpoint, Some(endpoint)) => {
                if let Err(reason) = check_endpoint(endpoint) {
                    problems.add("storage.endpoint", reason);
                }
            }
            (StorageTarget::Embedded | StorageTarget::Aws, Some(_)) => {
                problems.add("storage.endpoint", "set storage.target = \"endpoint\" to use it, or remove it");
            }
            (StorageTarget::Embedded | StorageTarget::Aws, None) => {}
        }
    }

    fn validate_credentials(&self, problems: &mut Problems) {
        let pair = [
            ("storage.access_key_id", &self.access_key_id),
            ("storage.secret_access_key", self.secret_access_key.expose()),
        ];
        for (key, value) in pair {
            if value.is_empty() {
                problems.add(key, "must not be empty");
            } else if self.target != StorageTarget::Endpoint && value != LOCAL {
                problems.add(key, "only used with storage.target = \"endpoint\"; remove it");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn errors(toml: &str) -> Vec<String> {
        let error = Config::parse(&format!("[storage]\n{toml}")).unwrap_err().to_string();
        error.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_endpoint_belongs_to_its_target() {
        assert_eq!(errors("target = \"endpoint\""), ["storage.endpoint: required with storage.target = \"endpoint\""]);
        for target in ["embedded", "aws"] {
            let errors = errors(&format!("target = \"{target}\"\nendpoint = \"http://127.0.0.1:8000\""));
            assert!(errors[0].starts_with("storage.endpoint: set storage.target"), "{errors:?}");
        }
        let config = Config::parse("[storage]\ntarget = \"endpoint\"\nendpoint = \"http://127.0.0.1:8000\"").unwrap();
        assert_eq!(config.storage.access_key_id, "local");
        assert_eq!(config.storage.secret_access_key.expose(), "local");
    }

    #[test]
    fn the_form_of_the_endpoint() {
        for wrong in ["", "127.0.0.1:8000", "ftp://h", "http://u:s3cr3t@h", "http://h/path", "http://h?s3cr3t"] {
            let errors = errors(&format!("target = \"endpoint\"\nendpoint = \"{wrong}\""));
            assert!(errors[0].starts_with("storage.endpoint: ") && !errors[0].contains("s3cr3t"), "{errors:?}");
        }
    }

    #[test]
    fn all_problems_are_listed() {
        let errors = errors("path = \"\"\nregion = \"\"\ntable_prefix = \"a b\"\nsecret_access_key = \"s3cr3t\"");
        let keys: Vec<_> = errors.iter().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(keys, ["storage.path", "storage.region", "storage.table_prefix", "storage.secret_access_key"]);
        assert!(!errors.concat().contains("s3cr3t"));
    }
}
