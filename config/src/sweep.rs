//! Section `sweep`: what is taken away by and by, and how fast (contract: registration, §11.2 and §13.3).

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::error::Problems;
use crate::values;

values::words! {
    /// What can be taken away.
    pub enum SweepKind {
        /// Link tokens that were used, once they are too old to be used again.
        Tokens = "tokens",
        /// Verification sessions that have run out.
        Sessions = "sessions",
        /// Recovery passwords of numbers that have run out.
        Recovery = "recovery",
        /// Usernames that were kept for somebody, once their time is over.
        Usernames = "usernames",
        /// Pages of one-time keys that nothing points at.
        Pages = "pages",
        /// Linked devices that were not seen for long.
        Linked = "linked",
        /// Accounts none of whose devices was seen for long.
        Accounts = "accounts",
        /// Accounts whose primary device was not seen for long, though a linked one was.
        Primaries = "primaries",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Sweep {
    /// The background task begins anew so long after it has come to the end.
    #[serde(deserialize_with = "values::duration")]
    pub every: Duration,
    /// Rows that the background task looks at in a second.
    #[serde(deserialize_with = "values::whole")]
    pub rate: u64,
    /// What the background task takes away; nothing if none is named.
    #[serde(deserialize_with = "kinds")]
    pub kinds: Vec<SweepKind>,
    /// A linked device that was not seen for longer is idle.
    #[serde(deserialize_with = "values::duration")]
    pub idle_linked_after: Duration,
    /// The same of a primary device.
    #[serde(deserialize_with = "values::duration")]
    pub idle_primary_after: Duration,
    /// The same of an account: none of its devices was seen.
    #[serde(deserialize_with = "values::duration")]
    pub idle_account_after: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);
/// Nobody's day is noted more than once a day, and a registration lock holds for a week after it.
const LEAST_IDLE: Duration = Duration::from_secs(14 * 86_400);
const MOST_EVERY: Duration = Duration::from_secs(30 * 86_400);

impl Default for Sweep {
    fn default() -> Self {
        use SweepKind::{Pages, Recovery, Sessions, Tokens, Usernames};
        Self {
            every: Duration::from_secs(3600),
            rate: 200,
            kinds: vec![Tokens, Sessions, Recovery, Usernames, Pages],
            idle_linked_after: DAY * 45,
            idle_primary_after: DAY * 180,
            idle_account_after: DAY * 120,
        }
    }
}

impl Sweep {
    pub(crate) fn validate(&self, problems: &mut Problems) {
        if self.every < Duration::from_secs(1) || self.every > MOST_EVERY {
            problems.add("sweep.every", "must be from 1 second to 30 days");
        }
        if self.rate == 0 {
            problems.add("sweep.rate", "must be at least 1; to take nothing away, name no kinds");
        }
        for (key, after) in [
            ("sweep.idle_linked_after", self.idle_linked_after),
            ("sweep.idle_primary_after", self.idle_primary_after),
            ("sweep.idle_account_after", self.idle_account_after),
        ] {
            if after < LEAST_IDLE {
                problems.add(key, "must be at least 14 days");
            }
        }
    }
}

fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SweepKind>, D::Error> {
    let names = values::list(deserializer)?;
    let known = || SweepKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    let read = |name: &String| SweepKind::ALL.iter().copied().find(|kind| kind.as_str() == name);
    let kinds: Option<Vec<_>> = names.iter().map(read).collect();
    kinds.ok_or_else(|| D::Error::custom(format!("expected a list of {}", known())))
}

#[cfg(test)]
mod tests {
    use super::SweepKind;
    use crate::Config;

    fn error(toml: &str) -> String {
        Config::parse(toml).unwrap_err().to_string()
    }

    #[test]
    fn nobody_is_idle_after_a_week() {
        assert_eq!(
            error("sweep.idle_account_after = \"13days\""),
            "sweep.idle_account_after: must be at least 14 days (the text)"
        );
        assert!(error("sweep = { idle_linked_after = \"1h\", idle_primary_after = \"1h\" }").lines().count() == 2);
        assert!(error("sweep.rate = 0").starts_with("sweep.rate: must be at least 1"));
        assert!(error("sweep.every = \"31days\"").starts_with("sweep.every: must be from 1 second"));
    }

    #[test]
    fn kinds_are_a_list_or_a_text() {
        let kinds = |toml| Config::parse(toml).unwrap().sweep.kinds;
        assert_eq!(kinds("sweep.kinds = [\"pages\", \"linked\"]"), [SweepKind::Pages, SweepKind::Linked]);
        assert_eq!(kinds("sweep.kinds = \"accounts\""), [SweepKind::Accounts]);
        assert!(kinds("sweep.kinds = []").is_empty());
        assert_eq!(
            error("sweep.kinds = [\"people\"]"),
            "sweep.kinds: expected a list of tokens, sessions, recovery, usernames, pages, linked, accounts, primaries (the text)"
        );
    }
}
