//! Sliding windows made of slots: a count belongs to the slot of its moment, and all of a slot leave the window together, when
//! the last of them may. A window is therefore up to one slot longer than its name says, and never shorter.

use std::time::Duration;

use signet_storage::cache::Tally;
use signet_storage::clock::Timestamp;

#[derive(Clone, Copy)]
pub struct Window {
    slot: i64,
    length: i64,
}

const MINUTE: i64 = 60_000;
pub const HOUR: Window = Window { slot: 15 * MINUTE, length: 60 * MINUTE };
pub const DAY: Window = Window { slot: 60 * MINUTE, length: 24 * 60 * MINUTE };

impl Window {
    /// When a count made at this moment leaves the window.
    pub const fn end(self, at: Timestamp) -> Timestamp {
        let slot = at.millis().div_euclid(self.slot);
        Timestamp::from_millis((slot + 1) * self.slot + self.length)
    }
}

/// The midnight (UTC) after this moment, and so many days later.
pub fn midnight_after(at: Timestamp, days: u64) -> Timestamp {
    at.midnight().plus(Duration::from_secs((days + 1) * 86_400))
}

/// `Err`: how long until no more than `limit` of these counts are left. One of them is this request's own, which will not be
/// there any more.
pub fn within(tally: &Tally, name: &str, limit: u64, now: Timestamp) -> Result<(), Duration> {
    let sum = tally.sum(name);
    if sum <= limit {
        return Ok(());
    }
    let mut ends: Vec<(Timestamp, u64)> = tally.named(name).map(|counter| (counter.ends, counter.amount)).collect();
    ends.sort_unstable();
    let mut left = sum;
    for (end, amount) in ends {
        left -= amount;
        if left <= limit {
            return Err(end.remaining(now));
        }
    }
    Err(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use signet_storage::cache::Slot;

    use super::*;

    fn minutes(n: i64) -> Timestamp {
        Timestamp::from_millis(n * MINUTE)
    }

    #[test]
    fn a_count_stays_at_least_as_long_as_the_window_and_at_most_a_slot_longer() {
        for (at, end) in [(0, 75), (14, 75), (15, 90)] {
            assert_eq!(HOUR.end(minutes(at)), minutes(end));
        }
        assert_eq!(DAY.end(minutes(59)), minutes(25 * 60));
        assert_eq!(midnight_after(minutes(0), 0), minutes(24 * 60));
        assert_eq!(midnight_after(minutes(24 * 60 - 1), 14), minutes(15 * 24 * 60));
    }

    #[test]
    fn the_wait_is_until_there_is_room() {
        let counter = |ends, amount| Slot { name: "hour".to_owned(), ends: minutes(ends), amount };
        let tally = Tally(vec![counter(90, 2), counter(75, 1), counter(105, 1)]);
        let wait = |limit| within(&tally, "hour", limit, minutes(60)).map_err(|wait| wait.as_secs() / 60);
        // Four are there, the last of them the one that asks.
        assert_eq!([wait(4), wait(3), wait(2), wait(1)], [Ok(()), Err(15), Err(30), Err(30)]);
        assert_eq!(within(&tally, "day", 0, minutes(60)), Ok(()));
    }
}
