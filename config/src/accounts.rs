//! Section `accounts`: rules of accounts that are there (contract: registration, §10.2).

use std::time::Duration;

use serde::Deserialize;

use crate::values;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Accounts {
    /// For so long after an account registered, for the first time or again, its number cannot be changed.
    #[serde(deserialize_with = "values::duration")]
    pub change_number_wait: Duration,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { change_number_wait: Duration::from_secs(3600) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::Config;

    #[test]
    fn there_may_be_no_wait_at_all() {
        let wait = |text| Config::parse(text).map(|config| config.accounts.change_number_wait);
        assert_eq!(wait("accounts.change_number_wait = \"0s\"").ok(), Some(Duration::ZERO));
        assert_eq!(wait("").ok(), Some(Duration::from_secs(3600)));
        assert!(wait("accounts.change_number_wait = -1").is_err());
    }
}
