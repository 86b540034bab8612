//! The sliding log, as pure arithmetic: at most so many takes in any span of time, exactly. It is for promises that a leaky
//! bucket cannot make, because a bucket that was left alone grants its size and then what flows back besides.
//!
//! Kept are the times of the last `size` takes; older ones cannot matter. `window.lua` says the same inside Redis.

use std::collections::VecDeque;
use std::time::Duration;

use super::bucket::Taken;
use crate::clock::Timestamp;

/// The rule of one limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The limiter's name; part of the key.
    pub id: &'static str,
    /// Takes in any one span; as many times are kept for each key.
    pub size: u64,
    /// Counted in milliseconds, at least one. A take counts until the moment a span after it, and no longer in it.
    pub span: Duration,
}

/// How a limiter stands for one key, whatever its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Permits that can be taken now.
    pub left: u64,
    /// When there is one more; zero if nothing is taken.
    pub next_in: Duration,
    /// When nothing is taken any more, if nobody takes meanwhile.
    pub full_in: Duration,
}

/// The times of takes, the oldest first.
pub(super) type Log = VecDeque<Timestamp>;

impl Window {
    /// The name of the log for `key` in Redis.
    pub(super) fn redis_key(&self, key: &str) -> String {
        format!("sliding_log::{}::{key}", self.id)
    }

    pub(super) fn span(&self) -> Duration {
        super::kept_for(self.span)
    }

    /// Takes `amount`, or nothing.
    pub(super) fn take(&self, log: &mut Log, now: Timestamp, amount: u64) -> Taken {
        let live = self.live(log, now);
        if self.size.saturating_sub(live) < amount {
            return Taken::Refused { retry_after: self.until_free(log, live, now, amount) };
        }
        // Nodes' clocks differ, and the log has to stay in order.
        let at = log.back().map_or(now, |newest| now.max(*newest));
        log.extend((0..amount).map(|_| at));
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        log.drain(..log.len().saturating_sub(size));
        Taken::Granted
    }

    pub(super) fn standing(&self, log: &Log, now: Timestamp) -> Standing {
        let live = self.live(log, now);
        let left = self.size.saturating_sub(live);
        if live == 0 {
            return Standing { left, next_in: Duration::ZERO, full_in: Duration::ZERO };
        }
        let full_in = log.back().map_or(Duration::ZERO, |newest| newest.plus(self.span()).remaining(now));
        Standing { left, next_in: self.until_free(log, live, now, left + 1), full_in }
    }

    /// When the log says no more than an empty one.
    pub(super) fn ends(&self, log: &Log) -> Option<Timestamp> {
        log.back().map(|newest| newest.plus(self.span()))
    }

    /// Takes that still count.
    fn live(&self, log: &Log, now: Timestamp) -> u64 {
        (log.len() - log.partition_point(|at| at.plus(self.span()) <= now)) as u64
    }

    /// How long until `amount` can be taken. More than there ever are: a whole span.
    fn until_free(&self, log: &Log, live: u64, now: Timestamp, amount: u64) -> Duration {
        let to_end = (live + amount).saturating_sub(self.size);
        let last_to_end = usize::try_from(to_end).ok().filter(|_| to_end <= live).and_then(|to_end| {
            let first = log.len() - live as usize;
            log.get(first + to_end.checked_sub(1)?)
        });
        last_to_end.map_or(self.span(), |at| at.plus(self.span()).remaining(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: Window = Window { id: "codes", size: 3, span: Duration::from_millis(1_000) };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn no_span_holds_more_than_the_size() {
        let mut log = Log::new();
        for time in [0, 400, 900] {
            assert_eq!(CODES.take(&mut log, at(time), 1), Taken::Granted);
        }
        assert_eq!(CODES.take(&mut log, at(999), 1), Taken::Refused { retry_after: millis(1) });
        assert_eq!(CODES.standing(&log, at(999)), Standing { left: 0, next_in: millis(1), full_in: millis(901) });
        assert_eq!(CODES.take(&mut log, at(1_000), 2), Taken::Refused { retry_after: millis(400) });
        assert_eq!(CODES.take(&mut log, at(1_000), 1), Taken::Granted);
        assert_eq!(CODES.take(&mut log, at(1_000), 4), Taken::Refused { retry_after: millis(1_000) });
        assert_eq!(CODES.standing(&log, at(1_400)), Standing { left: 1, next_in: millis(500), full_in: millis(600) });
        assert_eq!(CODES.standing(&log, at(2_000)), Standing { left: 3, next_in: millis(0), full_in: millis(0) });
        assert_eq!(log.len(), 3, "no more is kept than can matter");
    }

    #[test]
    fn a_clock_that_is_behind_gains_nothing_and_a_smaller_size_holds_at_once() {
        let mut log = Log::new();
        assert_eq!(CODES.take(&mut log, at(10_000), 2), Taken::Granted);
        assert_eq!(CODES.take(&mut log, at(5_000), 1), Taken::Granted);
        assert_eq!(CODES.take(&mut log, at(10_500), 1), Taken::Refused { retry_after: millis(500) });
        let one = Window { size: 1, ..CODES };
        assert_eq!(one.take(&mut log, at(10_999), 1), Taken::Refused { retry_after: millis(1) });
        assert_eq!(one.standing(&log, at(10_999)), Standing { left: 0, next_in: millis(1), full_in: millis(1) });
        assert_eq!(one.take(&mut log, at(11_000), 1), Taken::Granted);
        assert_eq!(log.len(), 1);
    }
}
