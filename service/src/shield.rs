//! The shield in front of everything: a limit per client address, held by each process for itself, checked before any work is
//! done. It keeps one client from using up a node; what guards money and secrets are the shared limiters (`limits.rs`).

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use signet_config::{Limit, LimitId};

use crate::client_address::network;
use crate::limits;

pub struct Shield {
    current: RwLock<Current>,
    clock: DefaultClock,
}

struct Current {
    limit: Limit,
    limiter: DefaultKeyedRateLimiter<IpAddr>,
}

impl Shield {
    pub fn new(limit: Limit) -> Self {
        Self { current: RwLock::new(Current::new(limit)), clock: DefaultClock::default() }
    }

    /// Puts another limit in force. If it differs, every client begins it anew: what is kept of them says nothing under
    /// another limit, and it is a matter of seconds.
    pub fn update(&self, limit: Limit) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.limit != limit {
            *current = Current::new(limit);
        }
    }

    /// # Errors
    /// How long this client should wait.
    pub fn check(&self, client: IpAddr) -> Result<(), Duration> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let refused = match current.limiter.check_key(&network(client)) {
            Ok(()) => return Ok(()),
            Err(until) => until,
        };
        limits::report(LimitId::Address.name(), "refused");
        Err(refused.wait_time_from(self.clock.now()))
    }

    /// Forgets clients that have not been seen for so long that they would be let in anyway.
    pub fn sweep(&self) {
        self.current.read().unwrap_or_else(PoisonError::into_inner).limiter.retain_recent();
    }
}

impl Current {
    fn new(limit: Limit) -> Self {
        let burst = u32::try_from(limit.size).unwrap_or(u32::MAX);
        let burst = NonZeroU32::new(burst).expect("a checked configuration has a size of at least 1");
        let quota = Quota::with_period(limit.per).expect("a checked configuration has a period").allow_burst(burst);
        Self { limit, limiter: RateLimiter::dashmap(quota) }
    }
}

#[cfg(test)]
mod tests {
    use signet_config::OnFailure;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_client_waits() {
        let limit = Limit::bucket(3, Duration::from_secs(60), OnFailure::Allow);
        let shield = Shield::new(limit);
        let (a, b): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        assert!((0..3).all(|_| shield.check(a).is_ok()));
        let wait = shield.check(a).expect_err("the fourth");
        assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
        assert!(shield.check(b).is_ok());
    }

    #[test]
    fn another_limit_holds_at_once_and_the_same_one_changes_nothing() {
        let limit = |size| Limit::bucket(size, Duration::from_secs(60), OnFailure::Allow);
        let shield = Shield::new(limit(2));
        let client: IpAddr = [192, 0, 2, 1].into();
        assert!(shield.check(client).is_ok() && shield.check(client).is_ok());
        shield.update(limit(2));
        assert!(shield.check(client).is_err(), "what was taken stays taken");
        shield.update(limit(1));
        assert!(shield.check(client).is_ok());
        assert!(shield.check(client).is_err());
    }
}
