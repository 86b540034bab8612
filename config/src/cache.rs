//! Section `cache`: where cached rows, counters and announcements live; nothing that may not be lost.

use std::time::Duration;

use serde::Deserialize;

use crate::error::Problems;
use crate::secret::Secret;
use crate::url::Url;
use crate::values::{self, words};

words! {
    /// Who keeps the cache.
    pub enum CacheKind {
        /// The process itself; for a single node.
        Local = "local",
        /// Redis at `cache.url`; needed as soon as there are two nodes.
        Redis = "redis",
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct Cache {
    pub kind: CacheKind,
    /// Present whenever the kind is `Redis`. A secret, for it may hold a password; to show it there is `shown_url`.
    pub url: Option<Secret<String>>,
    /// For how long a copy of an account is believed without a look at the account. What has changed is in the cache at once, as
    /// long as it answers; this bounds what an outage can do.
    #[serde(deserialize_with = "values::duration")]
    pub stale_at_most: Duration,
}

const SCHEMES: &[&str] = &["redis", "rediss", "redis-cluster", "rediss-cluster", "redis-sentinel", "rediss-sentinel"];

/// No copy is kept longer.
const LONGEST_STALE: Duration = Duration::from_secs(3600);

impl Default for Cache {
    fn default() -> Self {
        Self { kind: CacheKind::Local, url: None, stale_at_most: Duration::from_secs(60) }
    }
}

impl Cache {
    /// The cache inside the process.
    pub fn for_testing() -> Self {
        Self::default()
    }

    /// The URL without user name, password and unknown parameters.
    pub fn shown_url(&self) -> Option<String> {
        let url = self.url.as_ref()?;
        Url::read(url.expose()).ok().map(|url| url.shown())
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        if !(Duration::from_secs(1)..=LONGEST_STALE).contains(&self.stale_at_most) {
            problems.add("cache.stale_at_most", "must be from 1s to 1h");
        }
        match (self.kind, &self.url) {
            (CacheKind::Redis, None) => problems.add("cache.url", "required with cache.kind = \"redis\""),
            (_, Some(url)) => match Url::read(url.expose()) {
                Ok(url) if SCHEMES.contains(&url.scheme) => {}
                Ok(_) => problems.add("cache.url", format!("must begin with one of {}", SCHEMES.join("://, ") + "://")),
                Err(reason) => problems.add("cache.url", reason),
            },
            (CacheKind::Local, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn error(url: &str) -> String {
        Config::parse(&format!("[cache]\nkind = \"redis\"\nurl = \"{url}\"")).unwrap_err().to_string()
    }

    #[test]
    fn redis_needs_a_url() {
        let error = Config::parse("cache.kind = \"redis\"").unwrap_err().to_string();
        assert_eq!(error, "cache.url: required with cache.kind = \"redis\"");
    }

    #[test]
    fn all_forms_are_accepted() {
        for scheme in super::SCHEMES {
            let url = format!("{scheme}://user:s3cr3t@cache.example:6379");
            let config = Config::parse(&format!("[cache]\nkind = \"redis\"\nurl = \"{url}\"")).unwrap();
            assert_eq!(config.cache.shown_url(), Some(format!("{scheme}://…@cache.example:6379")));
        }
    }

    #[test]
    fn copies_are_believed_for_an_hour_at_most() {
        for wrong in ["0s", "999ms", "61m"] {
            let error = Config::parse(&format!("cache.stale_at_most = \"{wrong}\"")).unwrap_err().to_string();
            assert_eq!(error, "cache.stale_at_most: must be from 1s to 1h (the text)");
        }
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        for wrong in ["http://:s3cr3t@h", "redis://:s3c/r3t@h", "s3cr3t", "redis://:s3cr3t@", "redis://:s3cr3t@h:port"]
        {
            let error = error(wrong);
            assert!(error.starts_with("cache.url: ") && !error.contains("s3c"), "{error}");
        }
    }
}
