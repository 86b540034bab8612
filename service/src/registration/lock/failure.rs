//! The body of a 423 (contract registration §6.4, and the fields that the seed's clients read).

use std::time::Duration;

use serde::Serialize;
use signet_storage::clock::Timestamp;
use signet_storage::model::Account;

use crate::svr::Credentials;

const DAY_MS: i64 = 86_400_000;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LockFailure {
    /// Milliseconds until the lock expires, if nobody uses the account.
    pub time_remaining: u64,
    pub svr2_credentials: Credentials,
    registration_lock: bool,
    /// Whole days since the account was last seen.
    idle_days: i64,
    /// Guesses that are left today, the pause between them apart.
    attempts_left: u64,
}

impl LockFailure {
    pub fn of(
        account: &Account,
        remaining: Duration,
        svr2_credentials: Credentials,
        attempts_left: u64,
        now: Timestamp,
    ) -> Self {
        let idle = now.millis().saturating_sub(account.last_seen().millis()).max(0);
        Self {
            time_remaining: u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX),
            svr2_credentials,
            registration_lock: true,
            idle_days: idle / DAY_MS,
            attempts_left,
        }
    }
}
