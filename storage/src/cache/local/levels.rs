//! The levels of all buckets that are not full, by limiter and key.
//!
//! Bounded, whatever keys are sent: each limiter has [`SHARDS`] shards of at most [`LEVELS_PER_SHARD`] levels. A shard
//! about to grow past its mark drops the levels that are full again; if it is still crowded, it drops the quarter that
//! would have been full soonest. So a flood of fresh keys pushes out other fresh keys before one that was emptied, and
//! never those of another limiter. A level that was pushed out counts as a full bucket.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::cache::bucket::Level;
use crate::clock::Timestamp;

const SHARDS: usize = 32;
const LEVELS_PER_SHARD: usize = 8_192;
const FIRST_SWEEP_AT: usize = 64;

#[derive(Default)]
pub(super) struct Levels {
    limiters: RwLock<HashMap<&'static str, Arc<Limiter>>>,
}

/// One limiter's levels, in shards so that a lock is held for one key's arithmetic and seldom waited for.
pub(super) struct Limiter {
    shards: [Mutex<Shard>; SHARDS],
    /// Seeded by chance: nobody can choose keys that meet in one shard.
    hasher: RandomState,
}

pub(super) struct Shard {
    by_key: HashMap<Box<str>, Level>,
    sweep_at: usize,
}

impl Levels {
    pub(super) fn of(&self, id: &'static str) -> Arc<Limiter> {
        let known = self.limiters.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        known.unwrap_or_else(|| {
            let mut limiters = self.limiters.write().unwrap_or_else(PoisonError::into_inner);
            limiters.entry(id).or_insert_with(|| Arc::new(Limiter::new())).clone()
        })
    }
}

impl Limiter {
    fn new() -> Self {
        let shard = || Mutex::new(Shard { by_key: HashMap::new(), sweep_at: FIRST_SWEEP_AT });
        Self { shards: std::array::from_fn(|_| shard()), hasher: RandomState::new() }
    }

    pub(super) fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(key) % SHARDS as u64;
        self.shards[index as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    pub(super) fn get(&self, key: &str) -> Option<&Level> {
        self.by_key.get(key)
    }

    pub(super) fn put(&mut self, key: &str, level: Level, now: Timestamp) {
        if let Some(there) = self.by_key.get_mut(key) {
            *there = level;
            return;
        }
        if self.by_key.len() >= self.sweep_at {
            self.sweep(now);
        }
        self.by_key.insert(key.into(), level);
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.by_key.remove(key);
    }

    /// Costs as much as the shard is large, and happens only after it has doubled or a quarter of it was pushed out.
    fn sweep(&mut self, now: Timestamp) {
        self.by_key.retain(|_, level| now < level.full_at);
        if self.by_key.len() > LEVELS_PER_SHARD / 4 * 3 {
            self.drop_soonest_full(LEVELS_PER_SHARD / 4);
        }
        self.sweep_at = (self.by_key.len() * 2).clamp(FIRST_SWEEP_AT, LEVELS_PER_SHARD);
        self.by_key.shrink_to(self.sweep_at);
    }

    fn drop_soonest_full(&mut self, mut count: usize) {
        let mut moments: Vec<_> = self.by_key.values().map(|level| level.full_at).collect();
        let (_, last, _) = moments.select_nth_unstable(count);
        let last = *last;
        self.by_key.retain(|_, level| {
            let drop = level.full_at <= last && count > 0;
            count -= usize::from(drop);
            !drop
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cache::bucket::Bucket;

    const LOOKUP: Bucket = Bucket { id: "lookup", size: 5, per: Duration::from_secs(60) };

    fn level(now: Timestamp, taken: u64) -> Level {
        LOOKUP.after(None, now, 5, taken).expect("something was taken, so it is kept")
    }

    #[test]
    fn a_flood_pushes_out_fresh_keys_and_keeps_the_emptied_one() {
        let (limiter, now) = (Limiter::new(), Timestamp::from_millis(0));
        limiter.shard("emptied").put("emptied", level(now, 5), now);
        for i in 0..400_000 {
            let key = i.to_string();
            limiter.shard(&key).put(&key, level(now, 1), now);
        }
        for shard in &limiter.shards {
            assert!(shard.lock().expect("no test panicked").by_key.len() <= LEVELS_PER_SHARD);
        }
        assert_eq!(LOOKUP.available(limiter.shard("emptied").get("emptied"), now), 0);
    }

    #[test]
    fn what_is_full_again_makes_room() {
        let limiter = Limiter::new();
        for i in 0..100_000_i64 {
            let now = Timestamp::from_millis(i * 1_000);
            limiter.shard(&i.to_string()).put(&i.to_string(), level(now, 1), now);
        }
        let kept: usize = limiter.shards.iter().map(|shard| shard.lock().expect("no test panicked").by_key.len()).sum();
        assert!(kept <= SHARDS * FIRST_SWEEP_AT, "{kept} kept where 60 are not full");
    }

    #[test]
    fn limiters_do_not_share_levels() {
        let (levels, now) = (Levels::default(), Timestamp::from_millis(0));
        levels.of("a").shard("key").put("key", level(now, 1), now);
        assert!(levels.of("a").shard("key").get("key").is_some());
        assert!(levels.of("b").shard("key").get("key").is_none());
    }
}
