//! The cache of a single node: in this process, gone at its end, never down.
//!
//! Values and tombstones share one moka cache with a bound on its weight. It evicts what was used least recently and
//! turns nothing new away: a policy that did could refuse a new version and later accept an old one. The levels of
//! buckets, sliding logs and counters are bounded by [`Kept`].
//!
//! Whether something has expired is asked of our clock. moka's own timer only takes away what nobody asks for any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy;

use super::bucket::{Bucket, Level, Taken};
use super::channels::{Hub, Subscription};
use super::counter::{Counted, Counter};
use super::window::{Log, Standing, Window};
use super::{CacheDown, Like, kept_for, report_up};
use crate::clock::{Clock, Timestamp};

mod kept;
mod tallies;

use kept::Kept;

/// Bytes of keys and values, with a guess at what each entry costs beyond.
const VALUES_WEIGHT: u64 = 64 * 1024 * 1024;
/// The same for what was kept: anybody can leave letters, and is not to push out accounts.
const LETTERS_WEIGHT: u64 = 32 * 1024 * 1024;
const ENTRY_WEIGHT: usize = 160;
/// How much longer than our clock says moka keeps an entry, so that the two need not agree.
const MOKA_SLACK: Duration = Duration::from_secs(60);

pub struct Local {
    clock: Clock,
    values: moka::sync::Cache<String, Entry>,
    letters: moka::sync::Cache<String, Entry>,
    hub: Arc<Hub>,
    levels: Kept<Level>,
    logs: Kept<Log>,
    counters: Kept<Counter>,
    tallies: tallies::Tallies,
    /// While this is set nobody gets an answer, as if it were a cache elsewhere that went away with all it holds.
    #[cfg(feature = "test-util")]
    away: std::sync::atomic::AtomicBool,
}

/// A version and its value, or the tombstone of all versions up to this one.
#[derive(Clone)]
struct Entry {
    version: u64,
    value: Option<Bytes>,
    kept_for: Duration,
    expires: Timestamp,
}

struct MokaExpiry;

impl moka::Expiry<String, Entry> for MokaExpiry {
    fn expire_after_create(&self, _: &String, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.kept_for + MOKA_SLACK)
    }

    fn expire_after_update(&self, _: &String, entry: &Entry, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(entry.kept_for + MOKA_SLACK)
    }
}

impl Local {
    pub(super) fn new(clock: Clock) -> Self {
        report_up(true);
        Self {
            clock,
            values: bounded(VALUES_WEIGHT),
            letters: bounded(LETTERS_WEIGHT),
            hub: Arc::default(),
            levels: Kept::default(),
            logs: Kept::default(),
            counters: Kept::default(),
            tallies: tallies::tallies(),
            #[cfg(feature = "test-util")]
            away: std::sync::atomic::AtomicBool::default(),
        }
    }

    #[cfg(feature = "test-util")]
    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, std::sync::atomic::Ordering::SeqCst);
    }

    #[cfg(feature = "test-util")]
    pub(super) fn here(&self) -> Result<&Self, CacheDown> {
        if self.away.load(std::sync::atomic::Ordering::SeqCst) { Err(CacheDown) } else { Ok(self) }
    }

    #[cfg(not(feature = "test-util"))]
    pub(super) const fn here(&self) -> Result<&Self, CacheDown> {
        Ok(self)
    }

    pub(super) fn get(&self, key: &str) -> Option<Bytes> {
        let now = self.clock.now();
        self.values.get(key).filter(|entry| now < entry.expires)?.value
    }

    pub(super) fn put_newer(&self, key: &str, version: u64, value: Bytes, ttl: Duration) -> bool {
        let now = self.clock.now();
        let entry = Entry::new(version, Some(value), ttl, now);
        let result = self.values.entry_by_ref(key).and_compute_with(|there| match living(there, now) {
            Some(there) if there.version > version => Op::Nop,
            Some(there) if there.version == version && there.value.is_none() => Op::Nop,
            _ => Op::Put(entry),
        });
        matches!(result, CompResult::Inserted(_) | CompResult::ReplacedWith(_))
    }

    pub(super) fn forget(&self, key: &str, version: u64, ttl: Duration) {
        let now = self.clock.now();
        self.values.entry_by_ref(key).and_compute_with(|there| match living(there, now) {
            Some(there) if there.value.is_some() && there.version > version => Op::Nop,
            Some(there) if there.value.is_none() => {
                // A tombstone never guards less, nor for a shorter time, than the one it takes the place of.
                let ttl = ttl.max(there.expires.remaining(now));
                Op::Put(Entry::new(version.max(there.version), None, ttl, now))
            }
            _ => Op::Put(Entry::new(version, None, ttl, now)),
        });
    }

    pub(super) fn keep(&self, key: &str, value: Bytes, ttl: Duration) {
        self.letters.insert(key.to_owned(), Entry::new(0, Some(value), ttl, self.clock.now()));
    }

    pub(super) fn kept(&self, key: &str) -> Option<Bytes> {
        let now = self.clock.now();
        self.letters.get(key).filter(|entry| now < entry.expires)?.value
    }

    pub(super) fn hold(&self, lease: &str, who: &str, ttl: Duration) -> bool {
        let now = self.clock.now();
        let entry = Entry::new(0, Some(Bytes::copy_from_slice(who.as_bytes())), ttl, now);
        let mine = |there: &Entry| there.value.as_deref() == Some(who.as_bytes());
        let result = self.letters.entry_by_ref(lease).and_compute_with(|there| match living(there, now) {
            Some(there) if !mine(&there) => Op::Nop,
            _ => Op::Put(entry),
        });
        !matches!(result, CompResult::Unchanged(_))
    }

    pub(super) fn let_go(&self, lease: &str, who: &str) {
        self.letters.entry_by_ref(lease).and_compute_with(|there| {
            let mine = there.is_some_and(|there| there.value().value.as_deref() == Some(who.as_bytes()));
            if mine { Op::Remove } else { Op::Nop }
        });
    }

    pub(super) fn publish(&self, channel: &str, message: &Bytes) -> u64 {
        self.hub.deliver(channel, message)
    }

    pub(super) fn subscribe(&self, channel: &str) -> Subscription {
        self.hub.join(channel)
    }

    #[cfg(feature = "test-util")]
    pub(super) fn subscriptions(&self) -> usize {
        self.hub.subscriptions()
    }

    pub(super) fn take(&self, bucket: &Bucket, key: &str, amount: u64) -> Taken {
        let now = self.clock.now();
        let limiter = self.levels.of(bucket.id);
        let mut shard = limiter.shard(key);
        let level = shard.get(key);
        let available = bucket.available(level, now);
        if available >= amount {
            match bucket.after(level, now, available, amount) {
                Some(level) => shard.put(key, kept::Entry { until: level.full_at, weight: 0, value: level }, now),
                None => drop(shard.remove(key)),
            }
        }
        bucket.answer(available, amount)
    }

    pub(super) fn peek(&self, bucket: &Bucket, key: &str, amount: u64) -> Taken {
        let limiter = self.levels.of(bucket.id);
        let available = bucket.available(limiter.shard(key).get(key), self.clock.now());
        bucket.answer(available, amount)
    }

    pub(super) fn clear(&self, bucket: &Bucket, key: &str) {
        self.levels.of(bucket.id).shard(key).remove(key);
    }

    pub(super) fn look(&self, bucket: &Bucket, key: &str) -> Standing {
        let limiter = self.levels.of(bucket.id);
        bucket.standing(limiter.shard(key).get(key), self.clock.now())
    }

    pub(super) fn take_window(&self, window: &Window, key: &str, amount: u64) -> Taken {
        let now = self.clock.now();
        self.with_log(window, key, |log| window.take(log, now, amount))
    }

    pub(super) fn untake_window(&self, window: &Window, key: &str) {
        self.with_log(window, key, Log::pop_back);
    }

    /// Changes the log and keeps what comes of it.
    fn with_log<T>(&self, window: &Window, key: &str, change: impl FnOnce(&mut Log) -> T) -> T {
        let now = self.clock.now();
        let limiter = self.logs.of(window.id);
        let mut shard = limiter.shard(key);
        let mut log = shard.remove(key).unwrap_or_default();
        let result = change(&mut log);
        if let Some(until) = window.ends(&log).filter(|until| now < *until) {
            shard.put(key, kept::Entry { until, weight: log.len() as u64, value: log }, now);
        }
        result
    }

    pub(super) fn look_window(&self, window: &Window, key: &str) -> Standing {
        let limiter = self.logs.of(window.id);
        let shard = limiter.shard(key);
        window.standing(shard.get(key).unwrap_or(&Log::new()), self.clock.now())
    }

    pub(super) fn clear_window(&self, window: &Window, key: &str) {
        self.logs.of(window.id).shard(key).remove(key);
    }

    pub(super) fn keys(&self, bucket: &Bucket, like: Like<'_>) -> Vec<String> {
        self.levels.of(bucket.id).keys(self.clock.now(), |key| match like {
            Like::Begins(text) => key.starts_with(text),
            Like::Ends(text) => key.ends_with(text),
        })
    }

    pub(super) fn count(&self, key: &str, amount: u64, window: Duration) -> Counted {
        let now = self.clock.now();
        let family = self.counters.of(family(key));
        let mut shard = family.shard(key);
        let counter = Counter::plus(shard.get(key), amount, window, now);
        shard.put(key, kept::Entry { until: counter.ends, weight: counter.total, value: counter }, now);
        Counted { total: counter.total, ends_in: counter.ends.remaining(now) }
    }

    pub(super) fn counted(&self, key: &str) -> Option<Counted> {
        self.counters.of(family(key)).shard(key).get(key)?.seen_at(self.clock.now())
    }

    pub(super) fn remove(&self, key: &str) {
        self.counters.of(family(key)).shard(key).remove(key);
    }
}

/// Entries that weigh no more than this together.
fn bounded(weight: u64) -> moka::sync::Cache<String, Entry> {
    moka::sync::Cache::builder()
        .max_capacity(weight)
        .weigher(|key: &String, entry: &Entry| {
            let value = entry.value.as_ref().map_or(0, Bytes::len);
            u32::try_from(key.len() + value + ENTRY_WEIGHT).unwrap_or(u32::MAX)
        })
        .eviction_policy(EvictionPolicy::lru())
        .expire_after(MokaExpiry)
        .build()
}

/// Keys with the same text before their first colon share their bound.
fn family(key: &str) -> &str {
    key.split_once(':').map_or("", |(family, _)| family)
}

impl Entry {
    fn new(version: u64, value: Option<Bytes>, ttl: Duration, now: Timestamp) -> Self {
        let kept_for = kept_for(ttl);
        Self { version, value, kept_for, expires: now.plus(kept_for) }
    }
}

fn living(there: Option<moka::Entry<String, Entry>>, now: Timestamp) -> Option<Entry> {
    there.map(moka::Entry::into_value).filter(|entry| now < entry.expires)
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn values_weigh_no_more_than_the_bound() {
        let cache = Local::new(ManualClock::starting_at(Timestamp::from_millis(0)).clock());
        let value = Bytes::from(vec![7; 1024 * 1024]);
        for i in 0..200 {
            cache.put_newer(&format!("key {i}"), 1, value.clone(), Duration::from_secs(60));
        }
        cache.values.run_pending_tasks();
        assert!(cache.values.weighted_size() <= VALUES_WEIGHT);
        assert!(cache.get("key 199").is_some(), "the newest is never the one turned away");
        assert!(cache.get("key 0").is_none());
    }
}
