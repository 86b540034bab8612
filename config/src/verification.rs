//! Section `verification`: how a number is proven (contract: registration, §4 and §5).
//!
//! Much of it is for development only. [`Verification::validate`] is the one place that keeps it out of
//! production.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::Profile;
use crate::error::Problems;
use crate::secret::{self, Secret};
use crate::test_numbers::TestNumbers;
use crate::values::{self, words};

words! {
    /// Who delivers codes.
    pub enum SenderKind {
        /// Nobody: the management port shows them. For development only.
        Outbox = "outbox",
        /// AWS SNS; SMS only.
        Sns = "sns",
        /// An endpoint of the operator's, which sends or calls by whatever means.
        Webhook = "webhook",
    }
}

words! {
    /// What must be solved before a code may be asked for.
    pub enum ChallengeKind {
        /// Nothing.
        Off = "off",
        /// A captcha whose only site key is `noop`.
        Stub = "stub",
    }
}

words! {
    /// How sending to a number fails, for rehearsals.
    pub enum Refusal {
        Rejected = "rejected",
        IllegalArgument = "illegal_argument",
        Unavailable = "unavailable",
        TransportNotAllowed = "transport_not_allowed",
    }
}

/// Numbers to which sending fails. `Debug` shows how many, not which.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Refusals(BTreeMap<String, Refusal>);

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Verification {
    pub sender: SenderKind,
    /// Who makes calls, if not `sender`.
    pub voice_sender: Option<SenderKind>,
    /// How long handing a code over may take in all: from 1 millisecond to 25 seconds.
    #[serde(deserialize_with = "values::duration")]
    pub send_within: Duration,
    pub challenge: ChallengeKind,
    /// How long a code may be used: from 1 second to 10 minutes.
    #[serde(deserialize_with = "values::duration")]
    pub code_lifetime: Duration,
    /// How long a registration waits for its session to be read, at most; then its client is told to come back.
    #[serde(deserialize_with = "values::duration")]
    pub check_within: Duration,
    /// Under which codes are kept. Absent in development: the registry makes one in the data directory.
    #[serde(deserialize_with = "secret::key")]
    pub code_key: Option<Secret<[u8; 32]>>,
    pub refusals: Refusals,
    pub test_numbers: TestNumbers,
}

/// An endpoint is given 30 s for all it does.
const LONGEST_SEND: Duration = Duration::from_secs(25);
const LONGEST_CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

impl Default for Verification {
    fn default() -> Self {
        Self {
            sender: SenderKind::Outbox,
            voice_sender: None,
            send_within: Duration::from_secs(15),
            challenge: ChallengeKind::Off,
            code_lifetime: LONGEST_CODE_LIFETIME,
            check_within: Duration::from_secs(16),
            code_key: None,
            refusals: Refusals::default(),
            test_numbers: TestNumbers::default(),
        }
    }
}

impl Verification {
    /// The defaults, with a fixed key.
    pub fn for_testing() -> Self {
        Self { code_key: Some(Secret::new([7; 32])), ..Self::default() }
    }

    /// Who makes calls.
    pub fn voice(&self) -> SenderKind {
        self.voice_sender.unwrap_or(self.sender)
    }

    /// Whether this sender is in use, for whatever transport.
    pub fn uses(&self, sender: SenderKind) -> bool {
        [self.sender, self.voice()].contains(&sender)
    }

    pub(crate) fn validate(&self, profile: Profile, problems: &mut Problems) {
        if self.voice_sender == Some(SenderKind::Sns) {
            problems.add("verification.voice_sender", "\"sns\" makes no calls; set \"webhook\", or remove it");
        }
        if !(Duration::from_millis(1)..=LONGEST_SEND).contains(&self.send_within) {
            problems.add("verification.send_within", "must be from 1ms to 25s");
        }
        if !(Duration::from_secs(1)..=LONGEST_CODE_LIFETIME).contains(&self.code_lifetime) {
            problems.add("verification.code_lifetime", "must be from 1s to 10m");
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(60)).contains(&self.check_within) {
            problems.add("verification.check_within", "must be from 1ms to 1m");
        }
        for (number, _) in self.refusals.iter().filter(|(number, _)| !is_e164(number)) {
            let reason = "expected a number in E.164 form, such as \"+12025550123\"";
            problems.add(format!("verification.refusals.{number}"), reason);
        }
        self.test_numbers.validate(problems);
        if profile == Profile::Production {
            self.validate_for_production(problems);
        }
    }

    fn validate_for_production(&self, problems: &mut Problems) {
        for (key, sender) in [("sender", Some(self.sender)), ("voice_sender", self.voice_sender)] {
            if sender == Some(SenderKind::Outbox) {
                let reason = "\"outbox\" shows codes on the management port, which production refuses; set \"sns\" or \
                              \"webhook\", or profile = \"development\"";
                problems.add(format!("verification.{key}"), reason);
            }
        }
        if self.challenge == ChallengeKind::Off {
            problems.add("verification.challenge", "\"off\" is refused in production; set \"stub\"");
        }
        if !self.refusals.is_empty() {
            problems.add("verification.refusals", "are for development only; remove them");
        }
        if !self.test_numbers.is_empty() {
            problems.add("verification.test_numbers", "are for development only; remove them");
        }
        if self.code_key.is_none() {
            problems.add(
                "verification.code_key",
                "required in production; set 64 random hex digits, on all nodes the same",
            );
        }
    }
}

impl Refusals {
    /// How sending to this number (E.164) shall fail, if it shall.
    pub fn get(&self, number: &str) -> Option<Refusal> {
        self.0.get(number).copied()
    }

    /// For tests that rehearse a failing provider.
    pub fn set(&mut self, number: &str, refusal: Refusal) {
        self.0.insert(number.to_owned(), refusal);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Refusal)> {
        self.0.iter().map(|(number, refusal)| (number.as_str(), *refusal))
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers", self.0.len())
    }
}

/// The form only: whether such a number exists is for others to know.
pub(crate) fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F";

    #[test]
    fn the_code_key_is_32_bytes() {
        let config = Config::parse(&format!("verification.code_key = \"{KEY}\"")).unwrap();
        let expected: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(config.verification.code_key.unwrap().expose(), &expected);

        for wrong in [&KEY[2..], "s3cr3t", "", &KEY.replace('0', "x")] {
            let error = Config::parse(&format!("verification.code_key = \"{wrong}\"")).unwrap_err().to_string();
            assert_eq!(error, "verification.code_key: expected 64 hex digits (the text)");
        }
    }

    #[test]
    fn a_code_lives_at_most_ten_minutes() {
        for right in ["1s", "10m", "600s"] {
            Config::parse(&format!("verification.code_lifetime = \"{right}\"")).unwrap();
        }
        for wrong in ["0s", "999ms", "601s", "10m 1ns", "1h"] {
            let error = Config::parse(&format!("verification.code_lifetime = \"{wrong}\"")).unwrap_err().to_string();
            assert_eq!(error, "verification.code_lifetime: must be from 1s to 10m (the text)");
        }
    }

    #[test]
    fn refusals_are_by_number() {
        let config = Config::parse("verification.refusals = { \"+12025550123\" = \"rejected\" }").unwrap();
        assert_eq!(config.verification.refusals.get("+12025550123"), Some(Refusal::Rejected));
        assert_eq!(config.verification.refusals.get("+12025550124"), None);
        assert!(!format!("{config:?}").contains("2025550123"));

        for wrong in ["12025550123", "+0202", "+1", "+1234567890123456", "+1202555012x", ""] {
            let toml = format!("verification.refusals = {{ \"{wrong}\" = \"rejected\" }}");
            let error = Config::parse(&toml).unwrap_err().to_string();
            assert!(error.starts_with(&format!("verification.refusals.{wrong}: expected a number")), "{error}");
        }
        let error = Config::parse("verification.refusals = { \"+12025550123\" = \"no\" }").unwrap_err().to_string();
        assert!(error.starts_with("verification.refusals.+12025550123: expected one of rejected, "), "{error}");
    }

    #[test]
    fn production_refuses_what_is_for_development() {
        let toml = "profile = \"production\"
            sms = { countries = \"US\", daily_cap = 1 }
            verification.voice_sender = \"outbox\"
            verification.refusals = { \"+12025550123\" = \"unavailable\" }
            verification.test_numbers = { \"+12025550123\" = { code = \"123456\", until = \"2027-01-01\" } }";
        let error = Config::parse(toml).unwrap_err().to_string();
        let ours = error.lines().filter(|line| line.starts_with("verification."));
        let keys: Vec<_> = ours.filter_map(|line| line.split(':').next()).collect();
        let all = ["sender", "voice_sender", "challenge", "refusals", "test_numbers", "code_key"];
        assert_eq!(keys, all.map(|key| format!("verification.{key}")));

        let toml = format!(
            "profile = \"production\"\nsms = {{ countries = \"US\", daily_cap = 1 }}\n[verification]\nchallenge = \"stub\"\ncode_key = \"{KEY}\""
        );
        let error = Config::parse(&toml).unwrap_err().to_string();
        assert!(error.contains("\nverification.sender: ") && error.matches("verification.").count() == 1, "{error}");
        let error = Config::parse(&format!("{toml}\nsender = \"sns\"")).unwrap_err().to_string();
        assert!(!error.contains("verification."), "{error}");
    }

    #[test]
    fn who_sends_what() {
        let senders = |toml: &str| {
            let verification =
                Config::parse(&format!("webhook.url = \"http://h\"\n[verification]\n{toml}")).unwrap().verification;
            (verification.sender, verification.voice())
        };
        assert_eq!(senders(""), (SenderKind::Outbox, SenderKind::Outbox));
        assert_eq!(senders("sender = \"sns\""), (SenderKind::Sns, SenderKind::Sns));
        assert_eq!(senders("sender = \"sns\"\nvoice_sender = \"webhook\""), (SenderKind::Sns, SenderKind::Webhook));
        let error = Config::parse("verification.voice_sender = \"sns\"").unwrap_err().to_string();
        assert!(error.starts_with("verification.voice_sender: \"sns\" makes no calls"), "{error}");
        for wrong in ["0s", "26s"] {
            let error = Config::parse(&format!("verification.send_within = \"{wrong}\"")).unwrap_err().to_string();
            assert_eq!(error, "verification.send_within: must be from 1ms to 25s (the text)");
        }
    }
}
