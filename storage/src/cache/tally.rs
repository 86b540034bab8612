//! Tallies: counters that each end at a time of their own, several to a key, changed and read in one step.
//!
//! What budgets are counted with. A sliding window is a counter per slot of time, each ending when its slot leaves the window:
//! whatever is live then is in the window, and [`Tally::sum`] is the count. Because adding answers with the whole key as it is
//! after adding, of several at once no two see the same sum.
//!
//! Whether a counter has ended is judged by our clock. A counter never falls below zero: what was lost cannot be given back.

use super::{Cache, CacheDown};
use crate::clock::Timestamp;

/// What to add to one counter: the one of this name that ends then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub name: String,
    pub ends: Timestamp,
    /// Below zero: to give back.
    pub amount: i64,
}

/// One live counter: the count of one name in one slot of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub name: String,
    pub ends: Timestamp,
    pub amount: u64,
}

/// All live counters of one key at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(pub Vec<Slot>);

impl Tally {
    /// All counters of this name together.
    pub fn sum(&self, name: &str) -> u64 {
        self.named(name).map(|counter| counter.amount).sum()
    }

    pub fn named(&self, name: &str) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter(move |counter| counter.name == name)
    }
}

impl Change {
    pub fn add(name: impl Into<String>, ends: Timestamp, amount: u64) -> Self {
        Self { name: name.into(), ends, amount: i64::try_from(amount).unwrap_or(i64::MAX) }
    }

    /// The change that takes this one back.
    pub fn reversed(&self) -> Self {
        Self { amount: -self.amount, ..self.clone() }
    }
}

impl Cache {
    /// Makes these changes to the key and answers with all of it, as one step. No change: only looks. A change to a counter
    /// that has ended changes nothing.
    pub async fn tally(&self, key: &str, changes: &[Change]) -> Result<Tally, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.tally(key, changes)),
            Self::Redis(redis) => redis.tally(key, changes).await,
        }
    }

    /// Forgets all counters of the key.
    pub async fn remove_tally(&self, key: &str) -> Result<(), CacheDown> {
        match self {
            Self::Local(local) => {
                local.here()?.remove_tally(key);
                Ok(())
            }
            Self::Redis(redis) => redis.remove_tally(key).await,
        }
    }
}
