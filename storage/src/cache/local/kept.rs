//! What the local cache keeps of limits and counters, by family and key.
//!
//! Bounded, whatever keys are sent: each family (a limiter, a kind of counter) has [`SHARDS`] shards of at most
//! [`ENTRIES_PER_SHARD`] entries. A shard about to grow past its mark drops the entries that have run out; if it is still
//! crowded, it drops the quarter that weighs least, and of equal weight what would have run out soonest. So a flood of
//! fresh keys pushes out other fresh keys before one that was used up, and never those of another family. An entry that was
//! pushed out counts as never used.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::clock::Timestamp;

const SHARDS: usize = 32;
const ENTRIES_PER_SHARD: usize = 8_192;
const FIRST_SWEEP_AT: usize = 64;
/// Families are named by our own code. Should keys that clients choose ever get into the names, this bounds them too.
const FAMILIES: usize = 64;

pub(super) struct Kept<V> {
    families: RwLock<HashMap<Box<str>, Arc<Family<V>>>>,
    /// For what comes once there are as many families as there may be.
    rest: Arc<Family<V>>,
}

/// One family's entries, in shards so that a lock is held for one key's arithmetic and seldom waited for.
pub(super) struct Family<V> {
    shards: [Mutex<Shard<V>>; SHARDS],
    /// Seeded by chance: nobody can choose keys that meet in one shard.
    hasher: RandomState,
}

pub(super) struct Shard<V> {
    by_key: HashMap<Box<str>, Entry<V>>,
    sweep_at: usize,
}

pub(super) struct Entry<V> {
    pub(super) value: V,
    /// When it says no more than a missing one.
    pub(super) until: Timestamp,
    /// How much would be lost with it.
    pub(super) weight: u64,
}

impl<V> Default for Kept<V> {
    fn default() -> Self {
        Self { families: RwLock::default(), rest: Arc::new(Family::new()) }
    }
}

impl<V> Kept<V> {
    pub(super) fn of(&self, name: &str) -> Arc<Family<V>> {
        let known = self.families.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.unwrap_or_else(|| {
            let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
            if families.len() >= FAMILIES && !families.contains_key(name) {
                return self.rest.clone();
            }
            families.entry(name.into()).or_insert_with(|| Arc::new(Family::new())).clone()
        })
    }
}

impl<V> Family<V> {
    fn new() -> Self {
        let shard = || Mutex::new(Shard { by_key: HashMap::new(), sweep_at: FIRST_SWEEP_AT });
        Self { shards: std::array::from_fn(|_| shard()), hasher: RandomState::new() }
    }

    pub(super) fn shard(&self, key: &str) -> MutexGuard<'_, Shard<V>> {
        let index = self.hasher.hash_one(key) % SHARDS as u64;
        self.shards[index as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys of entries that have not run out, in their order. Costs as much as there are.
    pub(super) fn keys(&self, now: Timestamp, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut keys = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let found = shard.by_key.iter().filter(|(key, entry)| now < entry.until && wanted(key));
            keys.extend(found.map(|(key, _)| key.to_string()));
        }
        keys.sort_unstable();
        keys
    }
}

impl<V> Shard<V> {
    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.by_key.get(key).map(|entry| &entry.value)
    }

    pub(super) fn put(&mut self, key: &str, entry: Entry<V>, now: Timestamp) {
        if let Some(there) = self.by_key.get_mut(key) {
            *there = entry;
            return;
        }
        if self.by_key.len() >= self.sweep_at {
            self.sweep(now);
        }
        self.by_key.insert(key.into(), entry);
    }

    /// Takes it out; the caller may put it back changed.
    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        self.by_key.remove(key).map(|entry| entry.value)
    }

    /// Costs as much as the shard is large, and happens only after it has doubled or a quarter of it was pushed out.
    fn sweep(&mut self, now: Timestamp) {
        self.by_key.retain(|_, entry| now < entry.until);
        if self.by_key.len() > ENTRIES_PER_SHARD / 4 * 3 {
            self.drop_lightest(ENTRIES_PER_SHARD / 4);
        }
        self.sweep_at = (self.by_key.len() * 2).clamp(FIRST_SWEEP_AT, ENTRIES_PER_SHARD);
        self.by_key.shrink_to(self.sweep_at);
    }

    fn drop_lightest(&mut self, mut count: usize) {
        let mut weights: Vec<_> = self.by_key.values().map(|entry| (entry.weight, entry.until)).collect();
        let (_, last, _) = weights.select_nth_unstable(count);
        let last = *last;
        self.by_key.retain(|_, entry| {
            let drop = (entry.weight, entry.until) <= last && count > 0;
            count -= usize::from(drop);
            !drop
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(0);

    fn entry(until: i64, weight: u64) -> Entry<u64> {
        Entry { value: weight, until: Timestamp::from_millis(until), weight }
    }

    fn sizes(family: &Family<u64>) -> Vec<usize> {
        family.shards.iter().map(|shard| shard.lock().expect("no test panicked").by_key.len()).collect()
    }

    #[test]
    fn a_flood_pushes_out_fresh_keys_and_keeps_those_that_weigh_more_or_last_longer() {
        let family = Family::new();
        family.shard("used up").put("used up", entry(500, 5), START);
        family.shard("long").put("long", entry(2_000, 1), START);
        for i in 0..400_000 {
            let key = i.to_string();
            family.shard(&key).put(&key, entry(1_000, 1), START);
        }
        assert!(sizes(&family).into_iter().all(|size| size <= ENTRIES_PER_SHARD));
        assert_eq!(family.shard("used up").get("used up"), Some(&5));
        assert_eq!(family.shard("long").get("long"), Some(&1));
    }

    #[test]
    fn what_has_run_out_makes_room() {
        let family = Family::new();
        for i in 0..100_000_i64 {
            let now = Timestamp::from_millis(i * 1_000);
            family.shard(&i.to_string()).put(&i.to_string(), entry(i * 1_000 + 60_000, 1), now);
        }
        let kept: usize = sizes(&family).into_iter().sum();
        assert!(kept <= SHARDS * FIRST_SWEEP_AT, "{kept} kept where 60 have not run out");
    }

    #[test]
    fn families_are_apart_and_few() {
        let kept = Kept::default();
        kept.of("a").shard("key").put("key", entry(1, 1), START);
        assert!(kept.of("a").shard("key").get("key").is_some());
        assert!(kept.of("b").shard("key").get("key").is_none());
        for i in 0..1_000 {
            kept.of(&i.to_string()).shard("key").put("key", entry(1, 1), START);
        }
        assert_eq!(kept.families.read().expect("no test panicked").len(), FAMILIES);
        assert!(kept.of("999").shard("key").get("key").is_some());
        assert!(kept.of("a").shard("key").get("key").is_some());
    }
}
