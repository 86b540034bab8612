//! Tallies in this process, one entry per key.
//!
//! Bounded by weight. What was used least recently goes first, so a flood of fresh keys pushes out the forgotten ones of its
//! own kind and never a country or the spending, which every message touches.

use std::sync::Arc;

use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;

use super::Local;
use crate::cache::tally::{Change, Slot, Tally};
use crate::clock::Timestamp;

const WEIGHT: u64 = 32 * 1024 * 1024;
const KEY_WEIGHT: usize = 160;
const COUNTER_WEIGHT: usize = 64;

pub(super) type Tallies = moka::sync::Cache<String, Arc<Tally>>;

pub(super) fn tallies() -> Tallies {
    moka::sync::Cache::builder()
        .max_capacity(WEIGHT)
        .weigher(|key: &String, tally: &Arc<Tally>| {
            u32::try_from(key.len() + KEY_WEIGHT + tally.0.len() * COUNTER_WEIGHT).unwrap_or(u32::MAX)
        })
        .eviction_policy(EvictionPolicy::lru())
        .build()
}

impl Local {
    pub(in crate::cache) fn tally(&self, key: &str, changes: &[Change]) -> Tally {
        let now = self.clock.now();
        let mut after = Tally::default();
        self.tallies.entry_by_ref(key).and_compute_with(|there| {
            after = there.map(|there| Arc::unwrap_or_clone(there.into_value())).unwrap_or_default();
            changes.iter().for_each(|change| after.apply(change, now));
            after.0.retain(|counter| counter.amount > 0 && now < counter.ends);
            if after.0.is_empty() { Op::Remove } else { Op::Put(Arc::new(after.clone())) }
        });
        after
    }

    pub(in crate::cache) fn remove_tally(&self, key: &str) {
        self.tallies.invalidate(key);
    }
}

impl Tally {
    fn apply(&mut self, change: &Change, now: Timestamp) {
        if change.ends <= now {
            return;
        }
        let same = |counter: &&mut Slot| counter.name == change.name && counter.ends == change.ends;
        match self.0.iter_mut().find(same) {
            Some(counter) => counter.amount = counter.amount.saturating_add_signed(change.amount),
            None => {
                let amount = 0_u64.saturating_add_signed(change.amount);
                self.0.push(Slot { name: change.name.clone(), ends: change.ends, amount });
            }
        }
    }
}
