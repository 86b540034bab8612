//! The named limiters. Each is a leaky bucket, or a sliding window, per key in the shared cache, so that it holds over
//! restarts and nodes, and says itself what happens when the cache does not answer. Sizes are read at each use, so that an
//! operator can change them while the registry runs.
//!
//! Not here: the shield per client address, which every process has for itself (`shield.rs`). What operators see of the
//! limiters is in [`subject`].

pub mod subject;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use signet_config::{Limit, LimitId, Limits as Settings, OnFailure, Shape};
use signet_storage::cache::{Bucket, Cache, CacheDown, Standing, Taken, Window};

/// What a 429 names that comes from a session's own schedule of codes and guesses.
pub const SESSION_SCHEDULE: &str = "sessionSchedule";

/// Clones share their settings.
#[derive(Clone, Debug)]
pub struct Limits {
    cache: Cache,
    settings: Arc<RwLock<Settings>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    Refused {
        limiter: LimitId,
        retry_after: Duration,
    },
    /// The cache does not answer, and this limiter does not let anybody pass unseen.
    StoreDown {
        limiter: LimitId,
    },
}

/// A limiter as the cache knows it.
enum Rule {
    Bucket(Bucket),
    Window(Window),
}

impl Limits {
    pub fn new(cache: Cache, settings: Settings) -> Self {
        Self { cache, settings: Arc::new(RwLock::new(settings)) }
    }

    /// Puts other settings in force from the next use on. What was taken stays taken, but by a limiter that changes its
    /// shape: its other shape has a memory of its own.
    pub fn update(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// The setting in force.
    pub fn setting(&self, limiter: LimitId) -> Limit {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).get(limiter)
    }

    /// Takes one permit of this limiter for this key.
    pub async fn take(&self, limiter: LimitId, key: &str) -> Result<(), Limited> {
        let limit = self.setting(limiter);
        let taken = match rule(limiter, limit) {
            Rule::Bucket(bucket) => self.cache.take(&bucket, key, 1).await,
            Rule::Window(window) => self.cache.take_window(&window, key, 1).await,
        };
        let result = match (taken, limit.on_failure) {
            (Ok(Taken::Granted), _) => Ok(()),
            (Ok(Taken::Refused { retry_after }), _) => Err(Limited::Refused { limiter, retry_after }),
            (Err(CacheDown), OnFailure::Allow) => Ok(()),
            (Err(CacheDown), OnFailure::Refuse) => Err(Limited::StoreDown { limiter }),
        };
        report(
            limiter.name(),
            match result {
                Ok(()) => "passed",
                Err(Limited::Refused { .. }) => "refused",
                Err(Limited::StoreDown { .. }) => "no store",
            },
        );
        result
    }

    /// Gives back the permit that was taken last: what it was for did not happen. A window does; a bucket fills by itself.
    /// A cache that does not answer is no error, since the permit comes back anyhow.
    pub async fn give_back(&self, limiter: LimitId, key: &str) {
        if let Rule::Window(window) = rule(limiter, self.setting(limiter)) {
            let _ = self.cache.untake_window(&window, key).await;
        }
    }

    /// Permits that are left; takes none, and zero is no error.
    pub async fn peek(&self, limiter: LimitId, key: &str) -> Result<u64, Limited> {
        let limit = self.setting(limiter);
        match (self.standing(limiter, key).await, limit.on_failure) {
            (Ok(standing), _) => Ok(standing.left),
            (Err(CacheDown), OnFailure::Allow) => Ok(limit.size),
            (Err(CacheDown), OnFailure::Refuse) => Err(Limited::StoreDown { limiter }),
        }
    }

    /// Forgets what was taken for this key.
    pub async fn clear(&self, limiter: LimitId, key: &str) -> Result<(), Limited> {
        let cleared = match rule(limiter, self.setting(limiter)) {
            Rule::Bucket(bucket) => self.cache.clear(&bucket, key).await,
            Rule::Window(window) => self.cache.clear_window(&window, key).await,
        };
        cleared.map_err(|CacheDown| Limited::StoreDown { limiter })
    }

    async fn standing(&self, limiter: LimitId, key: &str) -> Result<Standing, CacheDown> {
        match rule(limiter, self.setting(limiter)) {
            Rule::Bucket(bucket) => self.cache.look(&bucket, key).await,
            Rule::Window(window) => self.cache.look_window(&window, key).await,
        }
    }
}

fn rule(limiter: LimitId, limit: Limit) -> Rule {
    let (id, size, time) = (limiter.name(), limit.size, limit.per);
    match limit.shape {
        Shape::Bucket => Rule::Bucket(Bucket { id, size, per: time }),
        Shape::Window => Rule::Window(Window { id, size, span: time }),
    }
}

/// Counts what a limiter decided, whoever keeps it.
pub fn report(limiter: &'static str, outcome: &'static str) {
    metrics::counter!("signet_limiter_total", "limiter" => limiter, "outcome" => outcome).increment(1);
}
