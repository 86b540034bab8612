//! Evidence: values that only a check can make and that a write demands. *The check is the constructor.*
//!
//! Their fields are private, so no path through the code can create an account for a number nobody proved, or take one over
//! from a version nobody looked at.

use subtle::ConstantTimeEq as _;

use super::{Account, VerificationSession};
use crate::number::E164;

/// Somebody proved to control this number.
#[derive(Debug)]
pub struct VerifiedNumber {
    number: E164,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    #[error("the session is for another number")]
    OtherNumber,
    #[error("no right code was submitted to the session")]
    NoRightCode,
}

impl VerifiedNumber {
    /// By a verification session. Another number is reported before a missing code (contract §3.4).
    pub fn from_session(session: &VerificationSession, claimed: &E164) -> Result<Self, NotVerified> {
        let same: bool = session.number().as_str().as_bytes().ct_eq(claimed.as_str().as_bytes()).into();
        match (same, session.verified()) {
            (false, _) => Err(NotVerified::OtherNumber),
            (true, false) => Err(NotVerified::NoRightCode),
            (true, true) => Ok(Self { number: claimed.clone() }),
        }
    }

    pub const fn number(&self) -> &E164 {
        &self.number
    }
}

/// Nothing keeps the person who proved the number from taking this account, in this version, over.
#[derive(Debug)]
pub struct LockCleared {
    account: Account,
}

impl LockCleared {
    /// Accounts cannot have a registration lock yet, so every account is without one. The lock's own check will be the only
    /// other constructor.
    pub const fn no_lock(account: Account) -> Self {
        Self { account }
    }

    pub const fn account(&self) -> &Account {
        &self.account
    }
}
