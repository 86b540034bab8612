//! Section `devices`: linking further devices to an account (contract: keys and devices, §3.3).

use serde::Deserialize;

use crate::Profile;
use crate::error::Problems;
use crate::secret::{self, Secret};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Devices {
    /// Signs the tokens with which an account's owner lets a further device in. Absent in development: the registry makes
    /// one in the data directory.
    #[serde(deserialize_with = "secret::key")]
    pub link_secret: Option<Secret<[u8; 32]>>,
}

impl Devices {
    pub fn for_testing() -> Self {
        Self { link_secret: Some(Secret::new([0x11; 32])) }
    }

    pub(crate) fn validate(&self, profile: Profile, problems: &mut Problems) {
        if profile == Profile::Production && self.link_secret.is_none() {
            let what = "required in production; set 64 random hex digits, on all nodes the same";
            problems.add("devices.link_secret", what);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn production_names_its_secret() {
        let error = Config::parse("devices.link_secret = \"s3cr3t\"").unwrap_err().to_string();
        assert_eq!(error, "devices.link_secret: expected 64 hex digits (the text)");
        let error = Config::parse("profile = \"production\"").unwrap_err().to_string();
        assert!(error.contains("devices.link_secret: required in production"), "{error}");
        let toml = format!("profile = \"production\"\ndevices.link_secret = \"{}\"", "0f".repeat(32));
        assert!(!Config::parse(&toml).unwrap_err().to_string().contains("devices.link_secret"));
    }
}
