//! What an operator may say, as typed data; read once at start, then only passed on by reference. Long, for the example names every
//! key.
//!
//! It opens nothing and depends on nothing else of the registry. A [`Config`] from [`Config::load`] has been checked:
//! what it says can be tried. Whether a server answers at an address is for those who connect.
//!
//! Later layers win: defaults, the TOML file, the environment (`SIGNET__SECTION__KEY`), flags (`section.key`). A key
//! that is not known is an error in each of them. All keys with their defaults, and those without one as comments (which makes
//! this file long):
//!
//! ```
//! let example = r#"
//! profile = "development"         # or "production", which refuses what is for development only
//!
//! [server]
//! http = "127.0.0.1:8080"
//! tls = "127.0.0.1:8443"          # sockets, requests and gRPC over TLS; or "off"
//! plain = "off"                   # the same without TLS, for behind a balancer that ends it
//! ## certificate = "chain.pem"             for `tls`, leaf first; production requires it, development makes its own
//! ## certificate_key = "key.pem"
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
//! stale_at_most = "1m"            # what a copy of an account may lag behind if the cache fails, from 1s to 1h
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
//! [recovery]
//! by_aci = false                  # recovery by ACI and recovery password, without number or code
//! password_lifetime = "300days"   # of a number's recovery password, from each time it is set
//!
//! [registration_lock]             # Argon2id; a wrong lock costs this much to try
//! memory_kib = 19456
//! iterations = 2
//! lanes = 1
//! budget_mib = 128                # memory of all checks together
//! waiting = 32                    # checks that may wait for their turn
//! pause = "5m"                    # after a wrong lock the account's next try is refused for so long
//! expires_after = "7d"            # counted from when the account was last seen
//!
//! [svr]                           # credentials for a secure value recovery service
//! ## auth_key = "64 hex digits; production requires it, development makes its own"
//! ## user_key = "64 hex digits; the same"
//! max_age = "120d"
//!
//! [accounts]
//! change_number_wait = "1h"       # from each registration until the number can be changed; 0s for no wait
//!
//! [devices]
//! ## link_secret = "64 hex digits; production requires it, development makes its own"
//!
//! [prekeys]
//! low_water = 20                  # one-time keys left of one kind when it is said that they run out; 0 for never
//!
//! [sweep]                         # what has run out or is used by nobody; `signet sweep` takes the ages from here, too
//! every = "1h"                    # the background task begins anew so long after it has come to the end
//! rate = 200                      # rows a second that it looks at
//! kinds = ["tokens", "sessions", "recovery", "usernames", "pages"]     # also "linked", "accounts", "primaries"
//! idle_linked_after = "45days"
//! idle_primary_after = "180days"
//! idle_account_after = "120days"
//!
//! [audit]
//! ## path = "audit.log"                    or "off"; absent: in storage.path with the embedded engine. Production says it
//!
//! [limits.registration]
//! shape = "bucket"                # `size` permits, one regained each `per`; "window": `size` in any span of `per`
//! size = 6
//! per = "30s"
//! on_failure = "refuse"           # or "allow", if the limit cannot be asked
//!
//! [limits.registration_per_address]       # in production 5 per 1h
//! shape = "window"
//! size = 1000000
//! per = "1h"
//! on_failure = "refuse"
//!
//! [limits.pin]
//! size = 10
//! per = "1day"
//! on_failure = "refuse"
//!
//! [limits.check_totp]
//! size = 5
//! per = "6s"
//! on_failure = "refuse"
//!
//! [limits.set_registration_lock]
//! size = 10
//! per = "30s"
//! on_failure = "allow"
//!
//! [limits.code_per_number]        # in production 3 per 1h
//! shape = "window"
//! size = 10000
//! per = "1h"
//! on_failure = "refuse"
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
//! [limits.backup_auth_check]
//! size = 100
//! per = "15m"
//! on_failure = "allow"
//!
//! [limits.prekeys]                # of one device by one other
//! size = 6
//! per = "10m"
//! on_failure = "refuse"
//!
//! [limits.allocate_device]
//! size = 6
//! per = "2m"
//! on_failure = "refuse"
//!
//! [limits.verify_device]
//! size = 6
//! per = "2m"
//! on_failure = "refuse"
//!
//! [limits.wait_for_linked_device]
//! size = 10
//! per = "30s"
//! on_failure = "refuse"
//!
//! [limits.upload_transfer_archive]
//! size = 10
//! per = "1m"
//! on_failure = "refuse"
//!
//! [limits.wait_for_transfer_archive]
//! size = 10
//! per = "30s"
//! on_failure = "refuse"
//!
//! [limits.record_device_transfer_request]
//! size = 10
//! per = "100ms"
//! on_failure = "allow"
//!
//! [limits.wait_for_device_transfer_request]
//! size = 10
//! per = "100ms"
//! on_failure = "allow"
//!
//! [limits.messages]
//! size = 60
//! per = "1s"
//! on_failure = "allow"
//!
//! [limits.batch_identity_check]
//! size = 100
//! per = "1m"
//! on_failure = "allow"
//!
//! [limits.username_reserve]
//! size = 100
//! per = "15m"
//! on_failure = "refuse"
//!
//! [limits.username_set]
//! size = 100
//! per = "15m"
//! on_failure = "refuse"
//!
//! [limits.username_link_operation]
//! size = 10
//! per = "1m"
//! on_failure = "refuse"
//!
//! [limits.username_lookup]
//! size = 100
//! per = "15m"
//! on_failure = "allow"
//!
//! [limits.username_link_lookup]
//! size = 100
//! per = "15s"
//! on_failure = "allow"
//!
//! [limits.check_account_existence]
//! size = 1000
//! per = "4s"
//! on_failure = "allow"
//!
//! [limits.address]                # in production 200 per 20ms
//! size = 20000
//! per = "100us"
//! on_failure = "allow"
//!
//! [sms]                           # how many codes go out, and where to; see service/docs/sms-budget.md
//! countries = "all"               # or regions such as ["US", "DE"]; production must say
//! on_failure = "allow"            # in production "refuse", if the budget cannot be asked
//! ## daily_cap = 5000             units per day (UTC); absent: no end; production must say
//! countries_per_address = 1000000 # in production 3: new ones a day
//! address_daily = 1000000         # in production 10: unverified messages, or a share of the verified
//! address_hourly = 1000000        # in production 5
//! country_daily = 1000000         # in production 20
//! country_hourly = 1000000        # in production 3
//! address_percent = 30
//! address_hourly_percent = 20
//! country_percent = 30
//! busy_hours = 6                  # in which a day's traffic is taken to come
//!
//! [sms.prices]                    # units of a message by region; 1 where nothing is said
//! ## DE = 8
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

mod accounts;
mod audit;
mod cache;
mod devices;
mod effective;
mod error;
mod layer;
mod limits;
mod load;
mod log;
mod messages;
mod prekeys;
mod recovery;
mod registration_lock;
mod secret;
mod server;
mod sms;
mod sns;
mod storage;
mod svr;
mod sweep;
mod test_numbers;
mod url;
mod values;
mod verification;
mod webhook;

pub use accounts::Accounts;
pub use audit::{Audit, AuditPath};
pub use cache::{Cache, CacheKind};
pub use devices::Devices;
pub use error::{ConfigError, Problem, Problems};
pub use limits::{Limit, LimitId, Limits, OnFailure, Shape};
pub use log::Log;
pub use messages::Messages;
pub use prekeys::Prekeys;
pub use recovery::Recovery;
pub use registration_lock::RegistrationLock;
pub use secret::Secret;
pub use server::{Door, Server};
pub use sms::{Countries, REGIONS, Sms};
pub use sns::Sns;
pub use storage::{Storage, StorageTarget};
pub use svr::Svr;
pub use sweep::{Sweep, SweepKind};
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
    pub recovery: Recovery,
    pub registration_lock: RegistrationLock,
    pub svr: Svr,
    pub accounts: Accounts,
    pub devices: Devices,
    pub prekeys: Prekeys,
    pub sweep: Sweep,
    pub audit: Audit,
    pub limits: Limits,
    pub sms: Sms,
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
            recovery: Recovery::default(),
            registration_lock: RegistrationLock::for_testing(),
            svr: Svr::for_testing(),
            devices: Devices::for_testing(),
            accounts: Accounts::default(),
            prekeys: Prekeys::default(),
            sweep: Sweep::default(),
            audit: Audit::for_testing(),
            limits: Limits::for_testing(),
            sms: Sms::for_testing(),
            log: Log::for_testing(),
        }
    }

    /// The configuration in force as TOML, with secrets shown as "…". But for those it can be loaded again.
    pub fn effective(&self) -> String {
        effective::effective(self)
    }

    /// The keys, such as `limits.pin.size`, in which another configuration says something else. Secrets are not compared.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        effective::differences(&self.effective(), &other.effective())
    }

    fn validate(&self, problems: &mut Problems) {
        self.server.validate(self.profile, problems);
        self.storage.validate(problems);
        self.cache.validate(problems);
        self.verification.validate(self.profile, problems);
        self.sns.validate(self.profile, problems);
        self.webhook.validate(self.profile, self.verification.uses(SenderKind::Webhook), problems);
        self.messages.validate(problems);
        self.recovery.validate(problems);
        self.registration_lock.validate(self.profile, problems);
        self.svr.validate(self.profile, problems);
        self.devices.validate(self.profile, problems);
        self.prekeys.validate(problems);
        self.sweep.validate(problems);
        self.audit.validate(self.profile, problems);
        self.limits.validate(problems);
        self.sms.validate(self.profile, problems);
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
