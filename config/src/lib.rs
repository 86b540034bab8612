//! What an operator may say, as typed data; read once at start, then only passed on by reference.
//!
//! It opens nothing and depends on nothing else of the registry. A [`Config`] from [`Config::load`] has been checked:
//! what it says can be tried. Whether a server answers at an address is for those who connect.
//!
//! Later layers win: defaults, the TOML file, the environment (`SIGNET__SECTION__KEY`), flags (`section.key`). A key
//! that is not known is an error in each of them. All keys with their defaults, and those without one as comments:
//!
//! ```
//! let example = r#"
//! profile = "development"         # or "production", which refuses what is for development only
//!
//! [server]
//! http = "127.0.0.1:8080"
//! management = "127.0.0.1:8081"   # health, metrics, outbox: not for the public
//! trusted_proxies = []            # such as ["10.0.0.0/8", "192.0.2.7"]: whose forwarding headers are believed
//! workers = 0                     # 0: one per core
//!
//! [storage]
//! target = "embedded"             # or "endpoint", "aws"
//! path = "data"                   # a directory
//! ## endpoint = "http://127.0.0.1:4566"    for the target "endpoint", as are the two keys
//! region = "us-east-1"
//! table_prefix = "signet-"
//! ## access_key_id = "local"
//! ## secret_access_key = "local"
//!
//! [cache]
//! kind = "local"                  # or "redis"
//! ## url = "redis://127.0.0.1:6379"        or rediss, redis-cluster, redis-sentinel, …
//!
//! [verification]
//! sender = "outbox"               # or "sns", "webhook"
//! ## voice_sender = "webhook"     who makes calls, if not `sender`
//! send_within = "15s"             # handing a code over may take no longer
//! challenge = "off"               # or "stub"
//! code_lifetime = "10m"           # from 1s to 10m
//! check_within = "16s"            # a registration waits for its session no longer
//! ## code_key = "64 hex digits; production requires it, development makes its own"
//!
//! [verification.refusals]         # development only: a provider that fails
//! ## "+12025550123" = "rejected"           or "illegal_argument", "unavailable", "transport_not_allowed"
//!
//! [verification.test_numbers]     # development only: a code that is not sent
//! ## "+12025550123" = { code = "123456", until = "2027-01-01" }
//!
//! [sns]                           # for the sender "sns"
//! region = "us-east-1"
//! ## endpoint = "http://127.0.0.1:4566"
//! ## access_key_id = "local"      without the two keys: the usual AWS sources
//! ## secret_access_key = "local"
//! ## sender_id = "Signet"         who the SMS is from, where a country permits it
//!
//! [webhook]                       # for the sender "webhook"
//! ## url = "https://sms.example.org/codes"
//! ## secret = "at least 16 characters; signs each request; production requires it"
//!
//! [messages]                      # what an SMS says
//! app = "Signet"
//! ## android_app_hash = "FA+9qCX9VSu"      11 characters, for Android's SMS retriever
//!
//! [messages.templates]            # over those that are built in
//! ## en = "{app}: {code} is your code."
//!
//! [limits.registration]           # `size` permits, one regained each `per`
//! size = 6
//! per = "30s"
//! on_failure = "refuse"           # or "allow", if the limit cannot be asked
//!
//! [limits.verification_push_challenge]
//! size = 5
//! per = "30s"
//! on_failure = "refuse"
//!
//! [limits.verification_captcha]
//! size = 10
//! per = "30s"
//! on_failure = "refuse"
//!
//! [limits.verification_session]   # in production 5 per 288m
//! size = 1000
//! per = "1s"
//! on_failure = "allow"
//!
//! [limits.address]                # in production 200 per 20ms
//! size = 20000
//! per = "100us"
//! on_failure = "allow"
//!
//! [log]
//! filter = "info,actix_server=warn"
//! "#;
//! let config = signet_config::Config::parse(example)?;
//! assert_eq!(config.effective(), signet_config::Config::parse("")?.effective());
//! # Ok::<(), signet_config::ConfigError>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::path::Path;

mod cache;
mod effective;
mod error;
mod layer;
mod limits;
mod load;
mod log;
mod messages;
mod secret;
mod server;
mod sns;
mod storage;
mod test_numbers;
mod url;
mod values;
mod verification;
mod webhook;

pub use cache::{Cache, CacheKind};
pub use error::{ConfigError, Problem, Problems};
pub use limits::{Limit, LimitId, Limits, OnFailure};
pub use log::Log;
pub use messages::Messages;
pub use secret::Secret;
pub use server::Server;
pub use sns::Sns;
pub use storage::{Storage, StorageTarget};
pub use test_numbers::{TestNumber, TestNumbers};
pub use verification::{ChallengeKind, Refusal, Refusals, SenderKind, Verification};
pub use webhook::Webhook;

values::words! {
    /// What the registry is run for.
    #[derive(Default)]
    pub enum Profile {
        /// To try and to build against: generous limits, codes that can be looked up.
        #[default]
        Development = "development",
        /// For people: refuses what only development may do.
        Production = "production",
    }
}

/// The whole configuration. See the crate's documentation for all keys.
#[derive(Clone, Debug)]
pub struct Config {
    pub profile: Profile,
    pub server: Server,
    pub storage: Storage,
    pub cache: Cache,
    pub verification: Verification,
    pub sns: Sns,
    pub webhook: Webhook,
    pub messages: Messages,
    pub limits: Limits,
    pub log: Log,
}

impl Config {
    /// Loads and checks. `env` is all of the environment (what does not begin with `SIGNET__` is passed over), `flags`
    /// are dotted keys with their values.
    ///
    /// Errors: the file cannot be read, is not TOML, or the list of all wrong keys.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
        };
        let toml = file.map(read).transpose()?;
        let text = file.zip(toml.as_deref());
        load::load(text.map(|(path, toml)| load::Text { origin: path.display().to_string(), toml }), env, flags)
    }

    /// Loads and checks a text alone, without file, environment and flags.
    pub fn parse(toml: &str) -> Result<Self, ConfigError> {
        load::load(Some(load::Text { origin: "the text".to_owned(), toml }), std::iter::empty(), &[])
    }

    /// For tests: free ports, the embedded engine (set `storage.path`, or keep it in memory), a fixed code key.
    pub fn for_testing() -> Self {
        Self {
            profile: Profile::Development,
            server: Server::for_testing(),
            storage: Storage::for_testing(),
            cache: Cache::for_testing(),
            verification: Verification::for_testing(),
            sns: Sns::default(),
            webhook: Webhook::default(),
            messages: Messages::default(),
            limits: Limits::for_testing(),
            log: Log::for_testing(),
        }
    }

    /// The configuration in force as TOML, with secrets shown as "…". But for those it can be loaded again.
    pub fn effective(&self) -> String {
        effective::effective(self)
    }

    fn validate(&self, problems: &mut Problems) {
        self.server.validate(problems);
        self.storage.validate(problems);
        self.cache.validate(problems);
        self.verification.validate(self.profile, problems);
        self.sns.validate(self.profile, problems);
        self.webhook.validate(self.profile, self.verification.uses(SenderKind::Webhook), problems);
        self.messages.validate(problems);
        self.limits.validate(problems);
        self.log.validate(problems);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let path = std::env::temp_dir().join(format!("signet-config-{}.toml", std::process::id()));
        std::fs::write(&path, "[log]\nfilter = \"debug\"\nx = 1").unwrap();
        let error = Config::load(Some(&path), std::iter::empty(), &[]).unwrap_err().to_string();
        assert_eq!(error, format!("log.x: unknown key, expected filter ({})", path.display()));
        std::fs::write(&path, "[log]\nfilter = \"debug\"").unwrap();
        assert_eq!(Config::load(Some(&path), std::iter::empty(), &[]).unwrap().log.filter, "debug");
        std::fs::remove_file(&path).unwrap();

        let error = Config::load(Some(&path), std::iter::empty(), &[]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot read the configuration file {}: ", path.display())), "{error}");
        Config::load(None, std::iter::empty(), &[]).unwrap();
    }

    #[test]
    fn the_one_for_testing_is_valid() {
        let mut problems = Problems::default();
        Config::for_testing().validate(&mut problems);
        assert!(problems.is_empty(), "{problems}");
    }
}
