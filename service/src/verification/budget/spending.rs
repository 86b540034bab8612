//! The hard end: what may be spent on messages in one day (UTC), and the alarms on the way there, each told once a day by
//! whichever node gets there first.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use signet_storage::cache::{Cache, Change, Tally};
use signet_storage::clock::Timestamp;

use super::SPENDING;
use super::window::midnight_after;
use crate::events::{Event, Events};

const SPENT: &str = "spent";
const ALARMS: [u32; 3] = [50, 80, 100];

pub fn message(price: u64, now: Timestamp) -> Change {
    Change::add(SPENT, midnight_after(now, 0), price)
}

/// `tally` has this request's own message in it. `Err`: how long to wait.
pub fn judge(tally: &Tally, cap: u64, now: Timestamp) -> Result<(), Duration> {
    if tally.sum(SPENT) <= cap { Ok(()) } else { Err(midnight_after(now, 0).remaining(now)) }
}

/// Remembers which alarms were raised, so that the cache is not asked with every message; the cache decides.
pub struct Alarms {
    events: Events,
    /// For each alarm the end of the day for which it was raised.
    raised: [AtomicI64; ALARMS.len()],
}

impl Alarms {
    pub fn new(events: Events) -> Self {
        Self { events, raised: Default::default() }
    }

    /// Raises the alarms that are due. A message that meets the cap, also one that is refused for it, is the alarm at 100 %.
    pub async fn look(&self, cache: &Cache, tally: &Tally, cap: u64, now: Timestamp) {
        let (spent, end) = (tally.sum(SPENT), midnight_after(now, 0));
        metrics::gauge!("signet_sms_spent_percent").set((spent.min(cap) * 100 / cap) as f64);
        for (percent, raised) in ALARMS.into_iter().zip(&self.raised) {
            let due = spent.saturating_mul(100) >= cap.saturating_mul(percent.into());
            if !due || raised.load(Ordering::Relaxed) == end.millis() {
                continue;
            }
            let name = format!("alarm:{percent}");
            // If the cache is down the next message asks again.
            let Ok(tally) = cache.tally(SPENDING, &[Change::add(name.as_str(), end, 1)]).await else { continue };
            raised.store(end.millis(), Ordering::Relaxed);
            if tally.sum(&name) == 1 {
                tracing::warn!(percent, cap, "spending on messages has come so far today");
                metrics::counter!("signet_sms_alarms_total", "percent" => percent.to_string()).increment(1);
                self.events.publish(Event::SpendAlarm { percent });
            }
        }
    }
}
