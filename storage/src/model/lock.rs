//! Does an account's registration lock hold? (contract registration §6.2)
//!
//! A lock keeps whoever proves the number from taking the account over, for a time after the account was last seen; an owner
//! who is gone for longer has lost the number. How a lock is compared is in `lock_hasher.rs`, who counts the guesses is in the
//! service.

use std::time::Duration;

use super::Account;
use crate::clock::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    Absent,
    /// It holds for this much longer, unless the account is seen again; more than zero, in whole milliseconds.
    Required {
        remaining: Duration,
    },
    Expired,
}

impl LockState {
    /// `holds_for` counts from the day the account was last seen, which is kept as its midnight: the lock of somebody seen
    /// late in a day holds up to a day less.
    pub fn of(account: &Account, holds_for: Duration, now: Timestamp) -> Self {
        if account.registration_lock.is_none() {
            return Self::Absent;
        }
        let remaining = account.last_seen().plus(holds_for).remaining(now);
        if remaining.is_zero() { Self::Expired } else { Self::Required { remaining } }
    }
}
