//! The leaky bucket (contract §8.1) as pure arithmetic: what is in it now, what is left after taking, how long to wait.
//!
//! The in-process cache computes with this directly; `take.lua` says the same inside Redis, because reading, deciding
//! and writing have to be one step there. The test suite holds both against a third, plain statement of the rule.
//!
//! Permits come back whole: one per full `per` since the last take, and taking forgets the part of a period that had
//! already gone by. All numbers are integers, so both sides round alike.

use std::time::Duration;

use super::window::Standing;
use crate::clock::Timestamp;

/// The rule of one limiter. Sizes and amounts are to stay below 2^53, where the numbers of Redis' scripts are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The limiter's name; part of the key.
    pub id: &'static str,
    /// Permits in a full bucket.
    pub size: u64,
    /// One permit comes back per this time; counted in milliseconds, at least one.
    pub per: Duration,
}

/// The answer to a wish for permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Granted,
    /// `retry_after` is the missing permits times `per`. It can overstate: the period that is running is not counted.
    Refused {
        retry_after: Duration,
    },
}

/// What is kept of a bucket that is not full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    left: u64,
    at: Timestamp,
    /// When it is full again and need not be kept. Fixed when the level is written, as a key's expiry in Redis is.
    pub(super) full_at: Timestamp,
}

impl Bucket {
    /// The name of the bucket for `key` in Redis.
    pub(super) fn redis_key(&self, key: &str) -> String {
        format!("leaky_bucket::{}::{key}", self.id)
    }

    pub(super) fn per_millis(&self) -> u64 {
        u64::try_from(self.per.as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// Permits that can be taken at `now`.
    pub(super) fn available(&self, level: Option<&Level>, now: Timestamp) -> u64 {
        let Some(level) = level.filter(|level| now < level.full_at) else { return self.size };
        let since = millis_of(now.remaining(level.at));
        self.size.min(level.left.saturating_add(since / self.per_millis()))
    }

    /// What to keep once `amount` of the `available` permits are taken; `None` if the bucket is full then.
    pub(super) fn after(&self, level: Option<&Level>, now: Timestamp, available: u64, amount: u64) -> Option<Level> {
        let left = available.saturating_sub(amount);
        if left >= self.size {
            return None;
        }
        // Nodes' clocks differ. If time went back with each change of node, the difference would be gained every time.
        let at = level.map_or(now, |level| level.at.max(now));
        let until_full = Duration::from_millis((self.size - left).saturating_mul(self.per_millis()));
        Some(Level { left, at, full_at: now.plus(super::kept_for(until_full)) })
    }

    /// How the bucket stands at `now`.
    pub(super) fn standing(&self, level: Option<&Level>, now: Timestamp) -> Standing {
        let left = self.available(level, now);
        let (per, missing) = (self.per_millis(), self.size - left);
        let since = level.map_or(0, |level| millis_of(now.remaining(level.at)));
        let wait = |permits: u64| match permits {
            0 => Duration::ZERO,
            permits => Duration::from_millis(permits.saturating_mul(per).saturating_sub(since % per)),
        };
        Standing { left, next_in: wait(missing.min(1)), full_in: wait(missing) }
    }

    /// The level that `take.lua` keeps as two numbers: permits left, and the time of the last take.
    pub(super) fn level_of(&self, kept: &[i64]) -> Option<Level> {
        let &[left, at] = kept else { return None };
        let (left, at) = (u64::try_from(left).ok()?, Timestamp::from_millis(at));
        let until_full = Duration::from_millis(self.size.saturating_sub(left).saturating_mul(self.per_millis()));
        Some(Level { left, at, full_at: at.plus(super::kept_for(until_full)) })
    }

    /// The answer where `available` permits met a wish for `amount`.
    pub(super) fn answer(&self, available: u64, amount: u64) -> Taken {
        match amount.saturating_sub(available) {
            0 => Taken::Granted,
            deficit => {
                let retry_after = Duration::from_millis(deficit.saturating_mul(self.per_millis()));
                Taken::Refused { retry_after }
            }
        }
    }
}

fn millis_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: Bucket = Bucket { id: "pin", size: 3, per: Duration::from_millis(1_000) };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_take_forgets_the_part_of_a_period_that_has_gone_by() {
        let level = PIN.after(None, at(0), 3, 3).expect("empty, so kept");
        assert_eq!(PIN.available(Some(&level), at(999)), 0);
        assert_eq!(PIN.available(Some(&level), at(1_999)), 1);
        let level = PIN.after(Some(&level), at(1_999), 1, 1).expect("empty, so kept");
        assert_eq!(PIN.available(Some(&level), at(2_998)), 0);
        assert_eq!(PIN.available(Some(&level), at(2_999)), 1);
    }

    #[test]
    fn a_clock_that_is_behind_gains_nothing_and_loses_nothing() {
        let level = PIN.after(None, at(10_000), 3, 2).expect("one left, so kept");
        assert_eq!(PIN.available(Some(&level), at(5_000)), 1);
        let level = PIN.after(Some(&level), at(5_000), 1, 1).expect("empty, so kept");
        assert_eq!(PIN.available(Some(&level), at(7_900)), 0);
    }

    #[test]
    fn waits_are_whole_periods() {
        assert_eq!(PIN.answer(1, 3), Taken::Refused { retry_after: Duration::from_millis(2_000) });
        assert_eq!(PIN.answer(3, 3), Taken::Granted);
        assert_eq!(PIN.after(None, at(0), 3, 0).map(|level| level.left), None);
    }
}
