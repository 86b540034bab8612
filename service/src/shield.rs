//! The shield in front of everything: a limit per client address, held by each process for itself, checked before any work is
//! done. It keeps one client from using up a node; what guards money and secrets are the shared limiters (`limits.rs`).

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use signet_config::Limit;

pub struct Shield {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Shield {
    pub fn new(limit: Limit) -> Self {
        let burst = u32::try_from(limit.size).unwrap_or(u32::MAX);
        let burst = NonZeroU32::new(burst).expect("a checked configuration has a size of at least 1");
        let quota = Quota::with_period(limit.per).expect("a checked configuration has a period").allow_burst(burst);
        Self { limiter: RateLimiter::dashmap(quota), clock: DefaultClock::default() }
    }

    /// # Errors
    /// How long this client should wait.
    pub fn check(&self, client: IpAddr) -> Result<(), Duration> {
        let refused = match self.limiter.check_key(&network(client)) {
            Ok(()) => return Ok(()),
            Err(until) => until,
        };
        metrics::counter!("signet_limiter_total", "limiter" => "address", "outcome" => "refused").increment(1);
        Err(refused.wait_time_from(self.clock.now()))
    }

    /// Forgets clients that have not been seen for so long that they would be let in anyway.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
    }
}

/// One IPv6 client has a whole /64 to call from.
pub fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_client_waits() {
        let limit = Limit { size: 3, per: Duration::from_secs(60), on_failure: signet_config::OnFailure::Allow };
        let shield = Shield::new(limit);
        let (a, b): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        assert!((0..3).all(|_| shield.check(a).is_ok()));
        let wait = shield.check(a).expect_err("the fourth");
        assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
        assert!(shield.check(b).is_ok());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_client() {
        let parse = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::ffff:1"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:192.0.2.1"), parse("192.0.2.1"));
    }
}
