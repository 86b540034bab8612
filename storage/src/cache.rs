//! What may be lost: copies of rows, the levels of the limiters, counters, letters between clients, and channels.
//!
//! Two implementations, chosen once by `open`: [`Local`] lives in this process and serves a single node, [`Redis`] is
//! shared by several. Not a store: whoever reads must be able to go on without it, and every error means the same,
//! "no answer"; each caller decides whether that lets through or stops (contract §8 column "on store failure", §12.2).
//!
//! Invariant: an older version never takes the place of a newer one, not even after the newer one was dropped. A reader
//! that was slow between its database read and its [`Cache::put_newer`] hence cannot bring back what has changed.
//!
//! Keys may hold phone numbers and session ids. Nothing here writes a key to a log, a metric or an error.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::clock::Clock;

mod bucket;
mod channels;
mod counter;
mod local;
mod redis;
mod tally;
mod window;

pub use bucket::{Bucket, Taken};
pub use channels::{Heard, Subscription};
pub use counter::Counted;
pub use local::Local;
pub use redis::Redis;
pub use tally::{Change, Slot, Tally};
pub use window::{Standing, Window};

/// The cache did not answer, or not in time. What was asked may still have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the cache does not answer")]
pub struct CacheDown;

/// What is wrong with the address of a Redis. The address itself is left out: it may carry a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CacheConfigError {
    #[error("the Redis URL cannot be read as a URL")]
    NotAUrl,
    #[error(
        "the Redis URL must begin with redis:, rediss:, redis-cluster:, rediss-cluster:, redis-sentinel: or rediss-sentinel:"
    )]
    Scheme,
    #[error("the Redis URL lacks or misstates its host, port, database number, nodes or sentinelServiceName")]
    Parts,
    #[error("no TLS for Redis: the root certificates of this system cannot be used")]
    Tls,
}

/// What a key looks like. The text is to hold no wildcards of Redis.
#[derive(Clone, Copy)]
pub enum Like<'a> {
    Begins(&'a str),
    Ends(&'a str),
}

/// Clones are cheap and lead to the same cache.
#[derive(Clone)]
pub enum Cache {
    Local(Arc<Local>),
    Redis(Redis),
}

impl Cache {
    /// A cache in this process, empty at each start.
    pub fn local(clock: Clock) -> Self {
        Self::Local(Arc::new(Local::new(clock)))
    }

    /// A cache in Redis, in a Redis cluster, or behind sentinels, as the URL's scheme says. Returns at once: it connects,
    /// and connects again, in the background, and until then every call is [`CacheDown`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn redis(url: &str, clock: Clock) -> Result<Self, CacheConfigError> {
        Redis::open(url, clock).map(Self::Redis)
    }

    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.get(key)),
            Self::Redis(redis) => redis.get(key).await,
        }
    }

    /// Stores `value` for `ttl`, unless a newer version is there, or this or a newer one was [forgotten](Self::forget). The
    /// version that is there is renewed: its value and its time. Says whether it was stored.
    pub async fn put_newer(&self, key: &str, version: u64, value: Bytes, ttl: Duration) -> Result<bool, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.put_newer(key, version, value, ttl)),
            Self::Redis(redis) => redis.put_newer(key, version, value, ttl).await,
        }
    }

    /// Drops the value if it is of this version or older, and for `ttl` lets none of them be stored again. A newer value
    /// stays: it keeps the older ones out itself, so values should be given a `ttl` at least as long as this one.
    pub async fn forget(&self, key: &str, version: u64, ttl: Duration) -> Result<(), CacheDown> {
        match self {
            Self::Local(local) => {
                local.here()?.forget(key, version, ttl);
                Ok(())
            }
            Self::Redis(redis) => redis.forget(key, version, ttl).await,
        }
    }

    /// Stores `value` for `ttl` in the place of whatever was there: the last one wins. What is kept so is apart from what
    /// has versions, and here in the process it has a bound of its own.
    pub async fn keep(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheDown> {
        match self {
            Self::Local(local) => {
                local.here()?.keep(key, value, ttl);
                Ok(())
            }
            Self::Redis(redis) => redis.keep(key, value, ttl).await,
        }
    }

    /// What was [kept](Self::keep) last, while its time lasts.
    pub async fn kept(&self, key: &str) -> Result<Option<Bytes>, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.kept(key)),
            Self::Redis(redis) => redis.kept(key).await,
        }
    }

    /// Takes the lease, or renews it, for `ttl`; says whether `who` has it. Whoever has it is to renew it long before its time is
    /// over, and to stop once that fails. It keeps two from doing the same work, and is no lock: who is slow may not know that
    /// it is lost.
    pub async fn hold(&self, lease: &str, who: &str, ttl: Duration) -> Result<bool, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.hold(lease, who, ttl)),
            Self::Redis(redis) => redis.hold(lease, who, ttl).await,
        }
    }

    /// Lets the lease go before its time, if `who` has it.
    pub async fn let_go(&self, lease: &str, who: &str) -> Result<(), CacheDown> {
        match self {
            Self::Local(local) => {
                local.here()?.let_go(lease, who);
                Ok(())
            }
            Self::Redis(redis) => redis.let_go(lease, who).await,
        }
    }

    /// Takes `amount` permits, or none if there are fewer.
    pub async fn take(&self, bucket: &Bucket, key: &str, amount: u64) -> Result<Taken, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.take(bucket, key, amount)),
            Self::Redis(redis) => redis.take(bucket, key, amount).await,
        }
    }

    /// What [`Self::take`] would answer; takes nothing.
    pub async fn peek(&self, bucket: &Bucket, key: &str, amount: u64) -> Result<Taken, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.peek(bucket, key, amount)),
            Self::Redis(redis) => redis.peek(bucket, key, amount).await,
        }
    }

    /// Fills the bucket up.
    pub async fn clear(&self, bucket: &Bucket, key: &str) -> Result<(), CacheDown> {
        match self {
            Self::Local(local) => {
                local.here()?.clear(bucket, key);
                Ok(())
            }
            Self::Redis(redis) => redis.clear(bucket, key).await,
        }
    }

    /// Takes a cache in this process away, or brings it back with what it held: an outage, for tests.
    #[cfg(feature = "test-util")]
    pub fn set_away(&self, away: bool) {
        if let Self::Local(local) = self {
            local.set_away(away);
        }
    }

    /// How the bucket stands; takes nothing.
    pub async fn look(&self, bucket: &Bucket, key: &str) -> Result<Standing, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.look(bucket, key)),
            Self::Redis(redis) => redis.look(bucket, key).await,
        }
    }

    /// Takes `amount` permits of a sliding log, or none if there are fewer.
    pub async fn take_window(&self, window: &Window, key: &str, amount: u64) -> Result<Taken, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.take_window(window, key, amount)),
            Self::Redis(redis) => redis.take_window(window, key, amount).await,
        }
    }

    /// Takes back the last take of a sliding log: what it was for did not happen.
    pub async fn untake_window(&self, window: &Window, key: &str) -> Result<(), CacheDown> {
        match self {
            Self::Local(local) => {
                local.here()?.untake_window(window, key);
                Ok(())
            }
            Self::Redis(redis) => redis.untake_window(window, key).await,
        }
    }

    /// How the sliding log stands; takes nothing.
    pub async fn look_window(&self, window: &Window, key: &str) -> Result<Standing, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.look_window(window, key)),
            Self::Redis(redis) => redis.look_window(window, key).await,
        }
    }

    /// Forgets all takes of the sliding log.
    pub async fn clear_window(&self, window: &Window, key: &str) -> Result<(), CacheDown> {
        match self {
            Self::Local(local) => {
                local.here()?.clear_window(window, key);
                Ok(())
            }
            Self::Redis(redis) => redis.clear_window(window, key).await,
        }
    }

    /// The keys of a limiter's buckets that are not full and begin, or end, so. For operators: all keys are looked at, for
    /// some seconds at most. A Redis cluster does not tell, which is [`CacheDown`] too.
    pub async fn keys(&self, bucket: &Bucket, like: Like<'_>) -> Result<Vec<String>, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.keys(bucket, like)),
            Self::Redis(redis) => redis.keys(bucket, like).await,
        }
    }

    /// Adds to a counter. Its window begins with the first addition, later ones do not extend it; at its end, by our
    /// clock, the counter is gone. The key is used as given: begin it with a word of our own and a colon (`reglock:…`),
    /// which is also how counters are told apart when there are too many to keep. Totals are to stay below 2^53.
    pub async fn count(&self, key: &str, amount: u64, window: Duration) -> Result<Counted, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.count(key, amount, window)),
            Self::Redis(redis) => redis.count(key, amount, window).await,
        }
    }

    /// A counter as it stands; nothing if nothing was added within its window.
    pub async fn counted(&self, key: &str) -> Result<Option<Counted>, CacheDown> {
        match self {
            Self::Local(local) => Ok(local.here()?.counted(key)),
            Self::Redis(redis) => redis.counted(key).await,
        }
    }

    /// Ends a counter's window.
    pub async fn remove(&self, key: &str) -> Result<(), CacheDown> {
        match self {
            Self::Local(local) => {
                local.here()?.remove(key);
                Ok(())
            }
            Self::Redis(redis) => redis.remove(key).await,
        }
    }

    /// Whether the last look at the cache found it answering. While false, calls fail at once.
    pub fn healthy(&self) -> bool {
        match self {
            Self::Local(local) => local.here().is_ok(),
            Self::Redis(redis) => redis.healthy(),
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Redis(_) => "redis",
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("kind", &self.kind()).field("healthy", &self.healthy()).finish_non_exhaustive()
    }
}

/// 1 while the cache answers, else 0.
fn report_up(up: bool) {
    metrics::gauge!("signet_cache_up").set(if up { 1.0 } else { 0.0 });
}

/// Milliseconds to keep something: at least one, since Redis refuses zero, and at most ten years, since it refuses what
/// would end after the end of its time.
fn kept_for(ttl: Duration) -> Duration {
    const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);
    ttl.clamp(Duration::from_millis(1), TEN_YEARS)
}
