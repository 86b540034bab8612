//! A counter with a window, as pure arithmetic: the window begins with the first addition, later ones do not extend it,
//! and at its end the counter is gone. `count.lua` says the same inside Redis.

use std::time::Duration;

use crate::clock::Timestamp;

/// A counter as it stands within its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub total: u64,
    /// How long the window still lasts; more than zero.
    pub ends_in: Duration,
}

/// What is kept of a counter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter {
    pub(super) total: u64,
    pub(super) ends: Timestamp,
}

impl Counter {
    /// The counter after an addition to what was there.
    pub(super) fn plus(there: Option<&Self>, amount: u64, window: Duration, now: Timestamp) -> Self {
        match there.filter(|there| now < there.ends) {
            Some(there) => Self { total: there.total.saturating_add(amount), ends: there.ends },
            None => Self { total: amount, ends: now.plus(super::kept_for(window)) },
        }
    }

    /// Nothing once the window is over.
    pub(super) fn seen_at(&self, now: Timestamp) -> Option<Counted> {
        (now < self.ends).then(|| Counted { total: self.total, ends_in: self.ends.remaining(now) })
    }
}
