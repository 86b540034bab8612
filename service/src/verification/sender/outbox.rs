//! The development sender: keeps what was last sent to each number in memory, where `signet outbox NUMBER` fetches it from the
//! management port. A production profile refuses it.
//!
//! So that client developers can try what their program does when a provider fails, `verification.refusals` names numbers to
//! which this sender does not deliver, and how it fails.

use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use signet_config::{Refusal, Refusals};
use signet_storage::model::code::Code;
use signet_storage::model::session::PushChallenge;
use signet_storage::number::E164;
use zeroize::Zeroizing;

use super::{Delivery, Failure};

/// Codes of more numbers than this at once push the oldest out.
const NUMBERS: u64 = 100_000;
/// Nothing that was sent is of use for longer.
const KEPT_FOR: Duration = Duration::from_secs(3600);

/// What was last sent to a number.
#[derive(Clone, Default)]
pub struct Letter {
    pub code: Option<Code>,
    /// As the SMS would have read.
    pub text: Option<Zeroizing<String>>,
    pub push_challenge: Option<PushChallenge>,
}

/// Clones share the letters.
#[derive(Clone)]
pub struct Outbox {
    letters: Cache<String, Letter>,
    refusals: Refusals,
}

impl Outbox {
    pub fn new(refusals: Refusals) -> Self {
        // The oldest go, so that a new letter is never the one that is not kept.
        let letters = Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(NUMBERS);
        Self { letters: letters.time_to_live(KEPT_FOR).build(), refusals }
    }

    /// # Errors
    /// How it failed, for the numbers whose refusal is rehearsed.
    pub(super) fn deliver(&self, delivery: &Delivery, text: Zeroizing<String>) -> Result<(), Failure> {
        let number = delivery.number.as_str();
        match self.refusals.get(number) {
            Some(Refusal::Rejected) => Err(Failure::REJECTED),
            Some(Refusal::IllegalArgument) => Err(Failure::ILLEGAL),
            Some(Refusal::Unavailable) => Err(Failure::UNAVAILABLE),
            Some(Refusal::TransportNotAllowed) => Err(Failure::TransportNotAllowed),
            None => {
                let letter = self.letter(number).unwrap_or_default();
                let letter = Letter { code: Some(delivery.code.clone()), text: Some(text), ..letter };
                self.letters.insert(number.to_owned(), letter);
                Ok(())
            }
        }
    }

    pub fn push_challenge(&self, number: &E164, challenge: &PushChallenge) {
        let letter = self.letter(number.as_str()).unwrap_or_default();
        let letter = Letter { push_challenge: Some(challenge.clone()), ..letter };
        self.letters.insert(number.as_str().to_owned(), letter);
    }

    pub fn letter(&self, number: &str) -> Option<Letter> {
        self.letters.get(number)
    }
}
