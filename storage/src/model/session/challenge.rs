//! A push challenge: what only the app on the phone gets to see (contract registration §4.2).

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::chance::Chance;

/// 16 random bytes as 32 lower-case hex digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PushChallenge(String);

impl PushChallenge {
    pub fn draw(chance: &Chance) -> Self {
        Self(hex::encode(chance.bytes::<16>()))
    }

    #[cfg(any(test, feature = "test-util"))]
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// For the sender, and nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Takes the same time wherever the answer is wrong.
    pub fn is_answered_by(&self, answer: &str) -> bool {
        self.0.as_bytes().ct_eq(answer.as_bytes()).into()
    }
}

impl fmt::Debug for PushChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushChallenge(…)")
    }
}
