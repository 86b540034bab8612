//! Section `messages`: what an SMS with a code says.
//!
//! Invariant: whatever is configured, a message fits into the 140 bytes of one SMS, the line for Android's SMS retriever
//! included. The texts that are built in leave room for the longest name of an app.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::Problems;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Messages {
    /// How the app is called: 1 to 24 bytes.
    pub app: String,
    /// What Android's SMS retriever knows the app by: 11 characters of base64.
    pub android_app_hash: Option<String>,
    /// By language tag, such as `en` or `pt-BR`; `{code}` and `{app}` are filled in. These go before those built in.
    pub templates: BTreeMap<String, String>,
}

impl Default for Messages {
    fn default() -> Self {
        Self { app: "Signet".to_owned(), android_app_hash: None, templates: BTreeMap::new() }
    }
}

const CODE_DIGITS: usize = 6;

impl Messages {
    /// Bytes of UTF-8 that a whole message may have: Android's SMS retriever reads no longer ones.
    pub const LONGEST: usize = 140;
    pub const LONGEST_APP: usize = 24;
    /// Characters of an app's hash.
    pub const HASH: usize = 11;

    pub(crate) fn validate(&self, problems: &mut Problems) {
        let plain = |text: &str| !text.chars().any(|c| c.is_control() || matches!(c, '{' | '}'));
        if !(1..=Self::LONGEST_APP).contains(&self.app.len()) || !plain(&self.app) {
            problems.add("messages.app", "expected a name of 1 to 24 bytes, without braces");
        }
        let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
        if self.android_app_hash.as_ref().is_some_and(|hash| hash.len() != Self::HASH || !hash.chars().all(base64)) {
            problems.add("messages.android_app_hash", "expected the 11 characters that Google's tool prints");
        }
        for (language, template) in &self.templates {
            if let Err(reason) = self.check(language, template) {
                problems.add(format!("messages.templates.{language}"), reason);
            }
        }
    }

    fn check(&self, language: &str, template: &str) -> Result<(), &'static str> {
        if !is_language(language) {
            return Err("expected a language tag, such as \"en\" or \"pt-BR\"");
        }
        if template.matches("{code}").count() != 1 {
            return Err("must hold {code} once");
        }
        let rest = template.replace("{code}", "");
        let app_names = rest.matches("{app}").count();
        let rest = rest.replace("{app}", "");
        if rest.chars().any(|c| matches!(c, '{' | '}') || c.is_control() && c != '\n') {
            return Err("knows {code} and {app}, and no other braces or control characters");
        }
        let hash = self.android_app_hash.as_ref().map_or(0, |_| "\n".len() + Self::HASH);
        if rest.len() + CODE_DIGITS + app_names * self.app.len() + hash > Self::LONGEST {
            return Err("must come to at most 140 bytes, with code, app and android_app_hash filled in");
        }
        Ok(())
    }
}

/// The form only: a language of two to eight letters, then subtags.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=8).contains(&first.len())
        && first.chars().all(|c| c.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn error(toml: &str) -> String {
        Config::parse(&format!("[messages]\n{toml}")).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn what_is_refused() {
        for (toml, key) in [
            ("app = \"\"", "app"),
            ("app = \"a name of twenty-five byte\"", "app"),
            ("app = \"{code}\"", "app"),
            ("android_app_hash = \"ten-letter\"", "android_app_hash"),
            ("android_app_hash = \"FA+9qCX9VS-\"", "android_app_hash"),
            ("templates.e = \"{code}\"", "templates.e"),
            ("templates.en_GB = \"{code}\"", "templates.en_GB"),
            ("templates.en = \"your code\"", "templates.en"),
            ("templates.en = \"{code} {code}\"", "templates.en"),
            ("templates.en = \"{code} {name}\"", "templates.en"),
        ] {
            assert!(error(toml).starts_with(&format!("messages.{key}: ")), "{toml}: {}", error(toml));
        }
        assert_eq!(error("app = \"A\"\nandroid_app_hash = \"FA+9qCX9VSu\"\ntemplates.pt-BR = \"{app}\\n{code}\""), "");
    }

    #[test]
    fn a_message_fits_into_an_sms_to_the_byte() {
        let text =
            |length: usize, more: &str| error(&format!("{more}\ntemplates.en = \"{{code}}{}\"", "x".repeat(length)));
        assert_eq!(text(134, ""), "");
        assert!(text(135, "").contains("at most 140 bytes"));
        assert_eq!(text(122, "android_app_hash = \"FA+9qCX9VSu\""), "");
        assert!(text(123, "android_app_hash = \"FA+9qCX9VSu\"").contains("at most 140 bytes"));
    }
}
