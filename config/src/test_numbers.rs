//! `verification.test_numbers`: numbers whose code is fixed and goes to nobody, until a given time. For development only.
//!
//! They are there for those who test a client, or review an app, without a telephone.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Deserializer};

use crate::error::Problems;
use crate::secret::Secret;
use crate::verification::is_e164;

/// By number (E.164). `Debug` shows how many, not which.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct TestNumbers(BTreeMap<String, TestNumber>);

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub struct TestNumber {
    /// Six digits.
    pub code: Secret<String>,
    /// From then on the number is like any other. Milliseconds since the Unix epoch; configured as a date or as a time in UTC.
    #[serde(rename = "until", deserialize_with = "time")]
    pub until_millis: u64,
}

impl TestNumber {
    /// As it can be configured.
    pub(crate) fn until_text(&self) -> String {
        humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(self.until_millis)).to_string()
    }
}

impl TestNumbers {
    pub fn get(&self, number: &str) -> Option<&TestNumber> {
        self.0.get(number)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For tests.
    pub fn set(&mut self, number: &str, code: &str, until_millis: u64) {
        self.0.insert(number.to_owned(), TestNumber { code: Secret::new(code.to_owned()), until_millis });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &TestNumber)> {
        self.0.iter().map(|(number, test)| (number.as_str(), test))
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        for (number, test) in self.iter() {
            let code = test.code.expose();
            if !is_e164(number) {
                let reason = "expected a number in E.164 form, such as \"+12025550123\"";
                problems.add(format!("verification.test_numbers.{number}"), reason);
            } else if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
                problems.add(format!("verification.test_numbers.{number}.code"), "expected six digits");
            }
        }
    }
}

impl fmt::Debug for TestNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers", self.0.len())
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = humantime::parse_rfc3339(&text).or_else(|_| humantime::parse_rfc3339(&format!("{text}T00:00:00Z")));
    let since_epoch = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch.and_then(|time| u64::try_from(time.as_millis()).ok()).ok_or_else(|| {
        serde::de::Error::custom("expected a date or a time in UTC, such as \"2027-01-01\" or \"2027-01-01T12:00:00Z\"")
    })
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn with(code: &str, until: &str) -> Result<Config, String> {
        let toml = format!("[verification.test_numbers]\n\"+12025550123\" = {{ code = {code}, until = {until} }}");
        Config::parse(&toml).map_err(|error| error.to_string())
    }

    #[test]
    fn until_is_a_date_or_a_time() {
        for (until, millis) in [
            ("\"1970-01-02\"", 86_400_000),
            ("1970-01-02", 86_400_000),
            ("\"1970-01-01T00:00:01.5Z\"", 1_500),
            ("1970-01-01T00:00:01Z", 1_000),
        ] {
            let config = with("\"012345\"", until).unwrap();
            let test = config.verification.test_numbers.get("+12025550123").unwrap();
            assert_eq!((test.until_millis, test.code.expose().as_str()), (millis, "012345"));
            assert!(config.verification.test_numbers.get("+12025550124").is_none());
            assert!(!format!("{config:?}").contains("+1202") && !format!("{config:?}").contains("012345"));
        }
        for until in ["\"tomorrow\"", "\"2027-13-01\"", "\"\"", "\"2027-01-01T00:00:00\""] {
            let error = with("\"012345\"", until).unwrap_err();
            assert!(error.contains("verification.test_numbers") && error.contains("expected a date"), "{error}");
        }
    }

    #[test]
    fn the_code_is_six_digits_of_a_number() {
        for code in ["\"12345\"", "\"1234567\"", "\"12345x\"", "\"\""] {
            let error = with(code, "\"2027-01-01\"").unwrap_err();
            assert_eq!(error, "verification.test_numbers.+12025550123.code: expected six digits (the text)");
        }
        let error = Config::parse("verification.test_numbers.123 = { code = \"123456\", until = \"2027-01-01\" }");
        assert!(error.unwrap_err().to_string().starts_with("verification.test_numbers.123: expected a number"));
        let error = Config::parse("verification.test_numbers.\"+12025550123\" = { code = \"123456\" }").unwrap_err();
        assert_eq!(error.to_string(), "verification.test_numbers.+12025550123: until is missing (the text)");
    }
}
