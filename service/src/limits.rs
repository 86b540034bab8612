//! The named limiters. Each is a leaky bucket per key in the shared cache, so that it holds over restarts and nodes, and says
//! itself what happens when the cache does not answer.
//!
//! Not here: the shield per client address, which every process has for itself (`shield.rs`).

use std::time::Duration;

use signet_config::{LimitId, Limits as Settings, OnFailure};
use signet_storage::cache::{Bucket, Cache, Taken};

#[derive(Clone, Debug)]
pub struct Limits {
    cache: Cache,
    settings: Settings,
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

impl Limits {
    pub const fn new(cache: Cache, settings: Settings) -> Self {
        Self { cache, settings }
    }

    /// Permits left for this key.
    pub async fn peek(&self, limiter: LimitId, key: &str) -> Result<u64, Limited> {
        let limit = self.settings.get(limiter);
        let bucket = Bucket { id: limiter.name(), size: limit.size, per: limit.per };
        let down = Err(Limited::StoreDown { limiter });
        for left in (1..=limit.size).rev() {
            match self.cache.peek(&bucket, key, left).await {
                Ok(Taken::Granted) => return Ok(left),
                Ok(Taken::Refused { .. }) => {}
                Err(_) => return down,
            }
        }
        Ok(0)
    }

    /// Fills it up.
    pub async fn clear(&self, limiter: LimitId, key: &str) -> Result<(), Limited> {
        let limit = self.settings.get(limiter);
        let bucket = Bucket { id: limiter.name(), size: limit.size, per: limit.per };
        self.cache.clear(&bucket, key).await.map_err(|_| Limited::StoreDown { limiter })
    }

    /// Takes one permit of this limiter for this key.
    pub async fn take(&self, limiter: LimitId, key: &str) -> Result<(), Limited> {
        let limit = self.settings.get(limiter);
        let bucket = Bucket { id: limiter.name(), size: limit.size, per: limit.per };
        let result = match (self.cache.take(&bucket, key, 1).await, limit.on_failure) {
            (Ok(Taken::Granted), _) => Ok(()),
            (Ok(Taken::Refused { retry_after }), _) => Err(Limited::Refused { limiter, retry_after }),
            (Err(_), OnFailure::Allow) => Ok(()),
            (Err(_), OnFailure::Refuse) => Err(Limited::StoreDown { limiter }),
        };
        let outcome = match result {
            Ok(()) => "passed",
            Err(Limited::Refused { .. }) => "refused",
            Err(Limited::StoreDown { .. }) => "no store",
        };
        metrics::counter!("signet_limiter_total", "limiter" => limiter.name(), "outcome" => outcome).increment(1);
        result
    }
}
