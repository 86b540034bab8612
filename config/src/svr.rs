//! Section `svr`: the keys of the credentials with which clients go to a secure value recovery service (contract:
//! registration, §7.3). That service has the same `auth_key`.

use std::time::Duration;

use serde::Deserialize;

use crate::Profile;
use crate::error::Problems;
use crate::secret::{self, Secret};
use crate::values;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Svr {
    /// Signs credentials. Absent in development: the registry makes one in the data directory, as it does the next.
    #[serde(deserialize_with = "secret::key")]
    pub auth_key: Option<Secret<[u8; 32]>>,
    /// Makes an account's user name there out of its ACI. Never change it: people would lose what they stored.
    #[serde(deserialize_with = "secret::key")]
    pub user_key: Option<Secret<[u8; 32]>>,
    /// Older credentials do not show that an account is one's own.
    #[serde(deserialize_with = "values::duration")]
    pub max_age: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Svr {
    fn default() -> Self {
        Self { auth_key: None, user_key: None, max_age: 120 * DAY }
    }
}

impl Svr {
    /// The keys of the contract's vectors (§15).
    pub fn for_testing() -> Self {
        let counting = |from: u8| Secret::new(std::array::from_fn(|n| from + u8::try_from(n).unwrap_or_default()));
        Self { auth_key: Some(counting(0x20)), user_key: Some(counting(0)), ..Self::default() }
    }

    pub(crate) fn validate(&self, profile: Profile, problems: &mut Problems) {
        if !(Duration::from_secs(1)..=3650 * DAY).contains(&self.max_age) {
            problems.add("svr.max_age", "must be from 1s to 3650 days");
        }
        for (name, key) in [("svr.auth_key", &self.auth_key), ("svr.user_key", &self.user_key)] {
            if profile == Profile::Production && key.is_none() {
                problems.add(name, "required in production; set 64 random hex digits, on all nodes the same");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn keys_are_64_hex_digits_and_production_names_them() {
        for key in ["auth_key", "user_key"] {
            let error = Config::parse(&format!("svr.{key} = \"s3cr3t\"")).unwrap_err().to_string();
            assert_eq!(error, format!("svr.{key}: expected 64 hex digits (the text)"));
            let error = Config::parse("profile = \"production\"").unwrap_err().to_string();
            assert!(error.contains(&format!("svr.{key}: required in production")), "{error}");
            let toml = format!("profile = \"production\"\nsvr.{key} = \"{}\"", "0f".repeat(32));
            assert!(!Config::parse(&toml).unwrap_err().to_string().contains(&format!("svr.{key}")));
        }
        assert!(Config::parse("svr.max_age = \"0s\"").unwrap_err().to_string().starts_with("svr.max_age: must be"));
    }
}
