//! Recovery passwords: what lets an owner register again without a code (contract registration §7.1, §7.2).
//!
//! One password is kept twice, under different salts: by the PNI of the number (it proves the number, and runs out), and in the
//! account (it proves the account to whoever knows its ACI). They live and die apart: a code that is submitted rightly, or a
//! lock that is not opened, removes the first; only a lock that is not opened removes the second.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::chance::Chance;
use crate::clock::Timestamp;
use crate::hash::SaltedTokenHash;

/// A recovery password as a client presents it: 32 bytes, though any others just match nothing.
pub struct RecoveryPassword(Zeroizing<String>);

impl RecoveryPassword {
    /// `None` if there are no bytes: an empty password is no password.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty()).then(|| Self(Zeroizing::new(hex::encode(bytes))))
    }

    /// What is kept of it; drawn anew each time, so that the two places have different salts.
    pub fn hash(&self, chance: &Chance) -> SaltedTokenHash {
        SaltedTokenHash::of(&self.0, chance)
    }

    /// Takes the same time whether there is something to compare with or not.
    pub(super) fn matches(&self, stored: Option<&SaltedTokenHash>) -> bool {
        stored.map_or_else(|| SaltedTokenHash::of_nobody().verify(&self.0), |hash| hash.verify(&self.0))
    }
}

impl fmt::Debug for RecoveryPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryPassword(…)")
    }
}

/// The password of a number, as stored by its PNI.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberRecovery {
    pub password: SaltedTokenHash,
    pub until: Timestamp,
}

/// A new password, hashed for both places.
#[derive(Clone, Debug)]
pub struct NewRecovery {
    pub of_number: SaltedTokenHash,
    pub of_account: SaltedTokenHash,
}

impl NewRecovery {
    pub fn of(password: &RecoveryPassword, chance: &Chance) -> Self {
        Self { of_number: password.hash(chance), of_account: password.hash(chance) }
    }
}
