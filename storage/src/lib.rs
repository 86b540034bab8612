//! What the registry keeps, and the rules of keeping it.
//!
//! There is one storage path, the DynamoDB API ([`dynamo`]); what answers it, and what serves as cache, is chosen at one place
//! ([`open`]). Rows are described in [`dynamo::tables`].
//!
//! Invariants kept here, each by conditions of a transaction and never by an earlier read:
//! - a number, in all its equivalent forms, is held by at most one account; its PNI never changes;
//! - a username is confirmed for at most one account, and while it is kept for one, no other gets it;
//! - an account exists with its claims and its primary device's keys, or not at all;
//! - an account changes only from the version that was read;
//! - an account is taken over only by who proved its number, and past no lock that holds;
//! - an account has at most six devices, and a link token lets one of them in, once;
//! - a verification code is judged at most five times, however many ask at once.
//!
//! Not here: what keys mean (`signet-keys`), who may ask and over which wire (`signet`).

pub mod accounts;
pub mod aws;
pub mod cache;
pub mod chance;
pub mod clock;
pub mod dynamo;
pub mod hash;
pub mod ids;
pub mod lock_hasher;
pub mod model;
pub mod number;
pub mod open;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod recovery;
pub mod secrets;
pub mod sessions;
pub mod task;

pub use accounts::AccountsManager;
pub use cache::Cache;
pub use chance::Chance;
pub use clock::{Clock, Timestamp};
pub use dynamo::{CommitError, Dynamo, StoreError};
pub use lock_hasher::LockHasher;
pub use open::{StartError, World};
pub use recovery::RecoveryPasswords;
pub use sessions::Sessions;

use std::time::Duration;

use dynamo::embedded::Embedded;

/// Everything that is kept, opened. Clones share it.
#[derive(Clone, Debug)]
pub struct Storage {
    pub dynamo: Dynamo,
    pub cache: Cache,
    pub clock: Clock,
    pub chance: Chance,
    recovery_lifetime: Duration,
    stale_at_most: Duration,
    embedded: Option<Embedded>,
    #[cfg(feature = "test-util")]
    inline: bool,
}

impl Storage {
    /// Drops rows that have expired, where the store does not do so by itself. To be called now and then.
    pub async fn sweep(&self) {
        if let Some(engine) = &self.embedded {
            engine.sweep().await;
        }
    }
}
