//! Sections `limits.<id>`: how often one key (a number, a session, an address) may do one thing.
//!
//! Each limit is a leaky bucket, named and sized as in the reference (contract: registration, §8 and §5.2). The
//! defaults depend on the profile: in development, a whole test run comes from one address and must pass. An override
//! may be partial, hence it is read apart and laid over the defaults of the profile that is in force in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::Profile;
use crate::error::Problems;
use crate::values::{self, words};

words! {
    /// A limit, by what it guards.
    pub enum LimitId {
        /// Registrations of one number.
        Registration = "registration",
        /// Push challenges answered for one session.
        VerificationPushChallenge = "verification_push_challenge",
        /// Captchas presented for one session.
        VerificationCaptcha = "verification_captcha",
        /// Sessions opened for one number from one address.
        VerificationSession = "verification_session",
        /// Recovery credentials presented by one client address.
        BackupAuthCheck = "backup_auth_check",
        /// All requests of one client address: a shield of this process, not of the reference.
        Address = "address",
    }
}

words! {
    /// What happens when the limit cannot be asked, for want of its store.
    pub enum OnFailure {
        Refuse = "refuse",
        Allow = "allow",
    }
}

/// One bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Permits in a full bucket; at least 1.
    pub size: u64,
    /// Time to regain one permit; more than 0.
    pub per: Duration,
    pub on_failure: OnFailure,
}

/// All limits, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits([Limit; LimitId::ALL.len()]);

/// What an operator says about one limit.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub(crate) struct LimitOverride {
    #[serde(deserialize_with = "size")]
    size: Option<u64>,
    #[serde(deserialize_with = "per")]
    per: Option<Duration>,
    on_failure: Option<OnFailure>,
}

impl LimitId {
    /// The id in the reference, for logs, metrics and keys in the cache.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::VerificationPushChallenge => "verificationPushChallenge",
            Self::VerificationCaptcha => "verificationCaptcha",
            Self::VerificationSession => "verificationSession",
            Self::BackupAuthCheck => "backupAuthCheck",
            Self::Address => "address",
        }
    }

    /// The id in the configuration: `limits.<key>`.
    pub const fn key(self) -> &'static str {
        self.as_str()
    }
}

impl Limit {
    const fn new(size: u64, per: Duration, on_failure: OnFailure) -> Self {
        Self { size, per, on_failure }
    }

    fn default_for(id: LimitId, profile: Profile) -> Self {
        use OnFailure::{Allow, Refuse};
        use Profile::{Development, Production};
        match (id, profile) {
            (LimitId::Registration, _) => Self::new(6, Duration::from_secs(30), Refuse),
            (LimitId::VerificationPushChallenge, _) => Self::new(5, Duration::from_secs(30), Refuse),
            (LimitId::VerificationCaptcha, _) => Self::new(10, Duration::from_secs(30), Refuse),
            (LimitId::VerificationSession, Production) => Self::new(5, Duration::from_secs(288 * 60), Allow),
            (LimitId::VerificationSession, Development) => Self::new(1000, Duration::from_secs(1), Allow),
            (LimitId::BackupAuthCheck, _) => Self::new(100, Duration::from_secs(15 * 60), Allow),
            (LimitId::Address, Production) => Self::new(200, Duration::from_millis(20), Allow),
            (LimitId::Address, Development) => Self::new(20_000, Duration::from_micros(100), Allow),
        }
    }

    fn overridden(self, by: LimitOverride) -> Self {
        Self {
            size: by.size.unwrap_or(self.size),
            per: by.per.unwrap_or(self.per),
            on_failure: by.on_failure.unwrap_or(self.on_failure),
        }
    }
}

impl Limits {
    /// The defaults of a profile.
    pub fn of(profile: Profile) -> Self {
        let mut limits = Self([Limit::default_for(LimitId::Registration, profile); LimitId::ALL.len()]);
        for &id in LimitId::ALL {
            limits.set(id, Limit::default_for(id, profile));
        }
        limits
    }

    /// The defaults of development.
    pub fn for_testing() -> Self {
        Self::of(Profile::Development)
    }

    pub fn get(&self, id: LimitId) -> Limit {
        self.0[id as usize]
    }

    /// For tests that want a limit to be met soon.
    pub fn set(&mut self, id: LimitId, limit: Limit) {
        self.0[id as usize] = limit;
    }

    pub(crate) fn overridden(mut self, by: &BTreeMap<LimitId, LimitOverride>) -> Self {
        for (&id, &by) in by {
            self.set(id, self.get(id).overridden(by));
        }
        self
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        for &id in LimitId::ALL {
            let limit = self.get(id);
            if limit.size == 0 {
                problems.add(format!("limits.{}.size", id.key()), "must be at least 1");
            }
            if limit.per.is_zero() {
                problems.add(format!("limits.{}.per", id.key()), "must be more than 0");
            }
        }
    }
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    values::whole(deserializer).map(Some)
}

fn per<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    values::duration(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn the_defaults_of_the_profiles() {
        let shown = |limit: Limit| format!("{} {:?} {}", limit.size, limit.per, limit.on_failure.as_str());
        let all = |profile| LimitId::ALL.iter().map(move |&id| shown(Limits::of(profile).get(id)));
        let production =
            ["6 30s refuse", "5 30s refuse", "10 30s refuse", "5 17280s allow", "100 900s allow", "200 20ms allow"];
        assert!(all(Profile::Production).eq(production));
        let development =
            ["6 30s refuse", "5 30s refuse", "10 30s refuse", "1000 1s allow", "100 900s allow", "20000 100µs allow"];
        assert!(all(Profile::Development).eq(development));
    }

    #[test]
    fn a_partial_override_keeps_the_rest() {
        let config = Config::parse("[limits.verification_session]\nsize = 7").unwrap();
        let limit = config.limits.get(LimitId::VerificationSession);
        assert_eq!(limit, Limit { size: 7, ..Limits::of(Profile::Development).get(LimitId::VerificationSession) });

        let by = BTreeMap::from([(LimitId::Address, LimitOverride { size: Some(9), ..Default::default() })]);
        let limit = Limits::of(Profile::Production).overridden(&by).get(LimitId::Address);
        assert_eq!(limit, Limit::new(9, Duration::from_millis(20), OnFailure::Allow));
    }

    #[test]
    fn errors_name_the_limit() {
        for (toml, error) in [
            (
                "[limits.pin]\nsize = 3",
                "limits.pin: expected one of registration, verification_push_challenge, \
                verification_captcha, verification_session, backup_auth_check, address",
            ),
            ("[limits.address]\nsize = 0", "limits.address.size: must be at least 1"),
            ("[limits.address]\nper = \"0s\"", "limits.address.per: must be more than 0"),
            ("[limits.address]\nper = 30", "limits.address.per: expected a duration"),
            ("[limits.address]\non_failure = \"panic\"", "limits.address.on_failure: expected one of refuse, allow"),
            ("[limits.address]\nsiez = 3", "limits.address.siez: unknown key, expected one of"),
            ("[limits]\naddress = 3", "limits.address: expected a section"),
        ] {
            let found = Config::parse(toml).unwrap_err().to_string();
            assert!(found.starts_with(error), "{found}");
        }
    }

    #[test]
    fn the_names_of_the_reference() {
        assert!(LimitId::ALL.iter().all(|id| !id.name().contains('_')));
        assert_eq!(LimitId::VerificationPushChallenge.name(), "verificationPushChallenge");
        assert_eq!(LimitId::VerificationPushChallenge.key(), "verification_push_challenge");
    }
}
