//! Section `audit`: whether and where a line is written for each event of authentication.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use crate::error::Problems;
use crate::{Profile, Storage, StorageTarget};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Audit {
    /// Absent in development: `audit.log` beside the embedded engine's files, nowhere with another store.
    pub path: Option<AuditPath>,
}

/// `"off"`, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditPath {
    Off,
    File(PathBuf),
}

const OFF: &str = "off";

impl AuditPath {
    /// As the configuration says it.
    pub fn shown(&self) -> String {
        match self {
            Self::Off => OFF.to_owned(),
            Self::File(path) => path.to_string_lossy().into_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for AuditPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(if text == OFF { Self::Off } else { Self::File(text.into()) })
    }
}

impl Audit {
    /// No audit: a test that wants one says where.
    pub const fn for_testing() -> Self {
        Self { path: Some(AuditPath::Off) }
    }

    /// The file to write to, if any.
    pub fn file(&self, storage: &Storage) -> Option<PathBuf> {
        match &self.path {
            Some(AuditPath::Off) => None,
            Some(AuditPath::File(path)) => Some(path.clone()),
            // One process at a time has the engine's directory; of other stores several nodes may run on one desk.
            None => (storage.target == StorageTarget::Embedded).then(|| storage.path.join("audit.log")),
        }
    }

    pub(crate) fn validate(&self, profile: Profile, problems: &mut Problems) {
        match &self.path {
            Some(AuditPath::File(path)) if path.as_os_str().is_empty() => {
                problems.add("audit.path", "must be a file, or \"off\"");
            }
            None if profile == Profile::Production => {
                problems.add("audit.path", "required in production; set a file of this node alone, or \"off\"");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::Config;

    #[test]
    fn where_it_is_written() {
        let file = |toml: &str| {
            let config = Config::parse(toml).unwrap();
            config.audit.file(&config.storage)
        };
        assert_eq!(file("storage.path = \"d\"").as_deref(), Some(Path::new("d/audit.log")));
        assert_eq!(file("storage = { target = \"endpoint\", endpoint = \"http://127.0.0.1:1\" }"), None);
        assert_eq!(file("audit.path = \"off\""), None);
        assert_eq!(file("audit.path = \"/x/y\"").as_deref(), Some(Path::new("/x/y")));
        assert!(Config::parse("audit.path = \"\"").unwrap_err().to_string().starts_with("audit.path: must be a file"));
    }

    #[test]
    fn production_says_it() {
        let complaint = |more: &str| {
            let error = Config::parse(&format!("profile = \"production\"\n{more}")).unwrap_err().to_string();
            error.lines().filter(|line| line.starts_with("audit.")).count()
        };
        assert_eq!([complaint(""), complaint("audit.path = \"off\""), complaint("audit.path = \"/x\"")], [1, 0, 0]);
    }
}
