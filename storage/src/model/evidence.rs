//! Evidence: values that only a check can make and that a write demands. *The check is the constructor.*
//!
//! Their fields are private, so no path through the code can create an account for a number nobody proved, or take one over
//! past a lock, or from a version nobody looked at.

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use super::recovery::{NumberRecovery, RecoveryPassword};
use super::{Account, LockState, VerificationSession};
use crate::clock::Timestamp;
use crate::lock_hasher::MatchedLock;
use crate::number::E164;

/// Somebody proved to control this number.
#[derive(Debug)]
pub struct VerifiedNumber {
    number: E164,
    by: VerifiedBy,
}

/// What the proof was. A lock that is not opened then costs more or less (contract registration §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifiedBy {
    Session,
    RecoveryPassword,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    #[error("the session is for another number")]
    OtherNumber,
    #[error("no right code was submitted to the session")]
    NoRightCode,
    #[error("there is no such recovery password")]
    NotThePassword,
}

impl VerifiedNumber {
    /// By a verification session. Another number is reported before a missing code (contract §3.4).
    pub fn from_session(session: &VerificationSession, claimed: &E164) -> Result<Self, NotVerified> {
        let same: bool = session.number().as_str().as_bytes().ct_eq(claimed.as_str().as_bytes()).into();
        match (same, session.verified()) {
            (false, _) => Err(NotVerified::OtherNumber),
            (true, false) => Err(NotVerified::NoRightCode),
            (true, true) => Ok(Self { number: claimed.clone(), by: VerifiedBy::Session }),
        }
    }

    /// By the recovery password kept for the number, if one is kept and has not run out.
    pub fn from_recovery(
        kept: Option<&NumberRecovery>,
        presented: &RecoveryPassword,
        claimed: &E164,
        now: Timestamp,
    ) -> Result<Self, NotVerified> {
        let living = kept.filter(|kept| now < kept.until);
        let right = presented.matches(living.map(|kept| &kept.password));
        right.then(|| Self::recovered(claimed)).ok_or(NotVerified::NotThePassword)
    }

    /// By the recovery password kept in the account: whoever has it has the account, and so its number.
    pub fn from_account(account: Option<&Account>, presented: &RecoveryPassword) -> Result<Self, NotVerified> {
        let right = presented.matches(account.and_then(|account| account.recovery_password.as_ref()));
        let number = account.filter(|_| right).map(|account| &account.phone_number);
        number.map(Self::recovered).ok_or(NotVerified::NotThePassword)
    }

    fn recovered(number: &E164) -> Self {
        Self { number: number.clone(), by: VerifiedBy::RecoveryPassword }
    }

    pub const fn number(&self) -> &E164 {
        &self.number
    }

    pub const fn by(&self) -> VerifiedBy {
        self.by
    }
}

/// Nothing keeps the person who proved the number from taking this account, in this version, over.
#[derive(Debug)]
pub struct LockCleared {
    account: Account,
    matched: Option<MatchedLock>,
}

/// The account is locked, and will be for this long unless it is seen again.
#[derive(Debug)]
pub struct Locked {
    pub account: Account,
    pub remaining: Duration,
}

impl LockCleared {
    /// There is no lock, or it has expired.
    ///
    /// # Errors
    /// [`Locked`] gives the account back: somebody has to open the lock.
    pub fn without_lock(account: Account, holds_for: Duration, now: Timestamp) -> Result<Self, Box<Locked>> {
        match LockState::of(&account, holds_for, now) {
            LockState::Absent | LockState::Expired => Ok(Self { account, matched: None }),
            LockState::Required { remaining } => Err(Box::new(Locked { account, remaining })),
        }
    }

    /// The lock was opened.
    ///
    /// # Errors
    /// If it is not this account's lock that was opened, the account is given back.
    pub fn opened(account: Account, matched: MatchedLock) -> Result<Self, Box<Account>> {
        if account.registration_lock.as_ref() == Some(matched.stored()) {
            Ok(Self { account, matched: Some(matched) })
        } else {
            Err(Box::new(account))
        }
    }

    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// What opened the lock, if there was one to open.
    pub const fn matched(&self) -> Option<&MatchedLock> {
        self.matched.as_ref()
    }
}
