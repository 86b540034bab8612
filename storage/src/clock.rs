//! The one way in for time.
//!
//! Managers hold a [`Clock`]; pure rules take a [`Timestamp`] as their argument `now`. `.clippy.toml` forbids every other
//! way of asking what time it is, because an offered clock alone gets bypassed. Durations of our own work (metrics,
//! time-outs) are not "time" in this sense and use tokio's timers.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC: the resolution of every rule and of every stored time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

const DAY_MS: i64 = 86_400_000;

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, as DynamoDB's time-to-live attribute wants them.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The last midnight UTC at or before this moment (contract §13.1: `lastSeen` knows only days).
    pub const fn midnight(self) -> Self {
        Self(self.0 - self.0.rem_euclid(DAY_MS))
    }

    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(as_millis(duration)))
    }

    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(as_millis(duration)))
    }

    /// How long from `now` until this moment; zero when it has passed.
    pub fn remaining(self, now: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(now.0).max(0).unsigned_abs())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

fn as_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Tells the time. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    #[cfg(feature = "test-util")]
    Manual(std::sync::Arc<std::sync::atomic::AtomicI64>),
}

impl Clock {
    pub const fn system() -> Self {
        Self(Source::System)
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            #[cfg(feature = "test-util")]
            Source::Manual(millis) => Timestamp(millis.load(std::sync::atomic::Ordering::SeqCst)),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the one place that may ask")]
fn system_now() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp(as_millis(since_epoch))
}

/// A clock that stands still until it is told to move, and never goes back.
#[cfg(feature = "test-util")]
#[derive(Clone, Debug)]
pub struct ManualClock(std::sync::Arc<std::sync::atomic::AtomicI64>);

#[cfg(feature = "test-util")]
impl ManualClock {
    pub fn starting_at(now: Timestamp) -> Self {
        Self(std::sync::Arc::new(std::sync::atomic::AtomicI64::new(now.0)))
    }

    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(self.0.clone()))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(as_millis(by), std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_and_seconds_round_down() {
        let t = Timestamp::from_millis(1_700_000_000_999);
        assert_eq!(t.seconds(), 1_700_000_000);
        assert_eq!(t.midnight().millis() % DAY_MS, 0);
        assert!(t.midnight() <= t && t.millis() - t.midnight().millis() < DAY_MS);
    }

    #[test]
    fn remaining_is_never_negative() {
        let (early, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(4_500));
        assert_eq!(late.remaining(early), Duration::from_millis(3_500));
        assert_eq!(early.remaining(late), Duration::ZERO);
    }
}
