//! Section `sns`: AWS SNS as the sender of SMS.
//!
//! Without keys, credentials come from the usual AWS sources. Production refuses to send codes in clear.

use serde::Deserialize;

use crate::Profile;
use crate::error::Problems;
use crate::secret::Secret;
use crate::url::{Url, check_endpoint};

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Sns {
    pub region: String,
    /// `http://` or `https://`, host, port; absent: that of AWS in this region.
    pub endpoint: Option<String>,
    /// Both keys, or neither.
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<Secret<String>>,
    /// Who the SMS is from, in countries that permit it: at most 11 letters, digits and hyphens, one of them a letter.
    pub sender_id: Option<String>,
}

impl Default for Sns {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            endpoint: None,
            access_key_id: None,
            secret_access_key: None,
            sender_id: None,
        }
    }
}

impl Sns {
    pub(crate) fn validate(&self, profile: Profile, problems: &mut Problems) {
        if self.region.is_empty() || !self.region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            problems.add("sns.region", "expected a region such as \"us-east-1\"");
        }
        if let Some(endpoint) = &self.endpoint {
            if let Err(reason) = check_endpoint(endpoint) {
                problems.add("sns.endpoint", reason);
            } else if profile == Profile::Production && Url::read(endpoint).is_ok_and(|url| url.is_in_clear()) {
                problems
                    .add("sns.endpoint", "would send codes in clear, which production refuses; set an https:// URL");
            }
        }
        match (&self.access_key_id, &self.secret_access_key) {
            (Some(_), None) => problems.add("sns.secret_access_key", "required with sns.access_key_id"),
            (None, Some(_)) => problems.add("sns.access_key_id", "required with sns.secret_access_key"),
            _ => {}
        }
        if self.sender_id.as_deref().is_some_and(|id| !is_sender_id(id)) {
            let reason = "expected at most 11 letters, digits and hyphens, at least one of them a letter";
            problems.add("sns.sender_id", reason);
        }
    }
}

fn is_sender_id(id: &str) -> bool {
    id.len() <= 11
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && id.chars().any(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn what_is_refused() {
        for (toml, expected) in [
            ("region = \"\"", "sns.region: expected a region"),
            ("endpoint = \"ftp://h\"", "sns.endpoint: expected an http:// or https://"),
            ("access_key_id = \"s3cr3t\"", "sns.secret_access_key: required"),
            ("secret_access_key = \"s3cr3t\"", "sns.access_key_id: required"),
            ("sender_id = \"123\"", "sns.sender_id: expected"),
            ("sender_id = \"more-than-11\"", "sns.sender_id: expected"),
            ("sender_id = \"a b\"", "sns.sender_id: expected"),
        ] {
            let error = Config::parse(&format!("[sns]\n{toml}")).unwrap_err().to_string();
            assert!(error.starts_with(expected) && error.lines().count() == 1, "{toml}: {error}");
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn production_sends_nothing_in_clear() {
        for (endpoint, refused) in
            [("http://10.0.0.1", true), ("http://127.0.0.1:4566", false), ("https://10.0.0.1", false)]
        {
            let toml = format!("profile = \"production\"\nsns.endpoint = \"{endpoint}\"");
            let error = Config::parse(&toml).unwrap_err().to_string();
            assert_eq!(error.contains("sns.endpoint: would send codes in clear"), refused, "{error}");
        }
    }
}
