//! Section `recovery`: ways back into an account without a code (contract: registration, §3.5 and §7).

use std::time::Duration;

use serde::Deserialize;

use crate::error::Problems;
use crate::values;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Recovery {
    /// May an account be taken back by its ACI and its recovery password alone? If not, such a request is 400.
    #[serde(deserialize_with = "values::switch")]
    pub by_aci: bool,
    /// How long a recovery password proves its number, from each time it is set.
    #[serde(deserialize_with = "values::duration")]
    pub password_lifetime: Duration,
}

impl Default for Recovery {
    fn default() -> Self {
        Self { by_aci: false, password_lifetime: Duration::from_secs(300 * 86_400) }
    }
}

impl Recovery {
    pub(crate) fn validate(&self, problems: &mut Problems) {
        if self.password_lifetime < Duration::from_secs(86_400) {
            problems.add("recovery.password_lifetime", "must be at least 1 day");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn a_recovery_password_lives_a_day_at_least() {
        let error = Config::parse("recovery.password_lifetime = \"23h\"").unwrap_err().to_string();
        assert_eq!(error, "recovery.password_lifetime: must be at least 1 day (the text)");
        assert!(Config::parse("recovery.by_aci = true").unwrap().recovery.by_aci);
    }
}
