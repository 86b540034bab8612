//! What one country may be sent that nobody verifies: a floor for countries without a history, else a share of what is verified
//! there. It holds against attackers with any number of addresses.

use std::time::Duration;

use signet_config::Sms;
use signet_storage::cache::{Change, Tally};
use signet_storage::clock::Timestamp;

use super::window::{DAY, HOUR, midnight_after, within};

const UNVERIFIED_HOUR: &str = "hour";
const UNVERIFIED_DAY: &str = "day";
const VERIFIED_HOUR: &str = "verified_hour";
const VERIFIED_DAY: &str = "verified";
/// Verified on one day (UTC), each day for itself.
const VERIFIED_ON: &str = "verified_on";
/// The best of so many days before today is the measure of a normal day.
const DAYS: u64 = 14;

pub fn message(now: Timestamp) -> Vec<Change> {
    vec![Change::add(UNVERIFIED_HOUR, HOUR.end(now), 1), Change::add(UNVERIFIED_DAY, DAY.end(now), 1)]
}

pub fn verified(now: Timestamp) -> Vec<Change> {
    vec![
        Change::add(VERIFIED_HOUR, HOUR.end(now), 1),
        Change::add(VERIFIED_DAY, DAY.end(now), 1),
        Change::add(VERIFIED_ON, midnight_after(now, DAYS), 1),
    ]
}

/// `tally` has this request's own message in it. `Err`: how long to wait.
pub fn judge(settings: &Sms, tally: &Tally, now: Timestamp) -> Result<(), Duration> {
    let share = |verified: u64| verified * settings.country_percent / 100;
    let best_day = tally.named(VERIFIED_ON).map(|day| day.amount).max().unwrap_or(0);
    let daily = settings.country_daily.max(share(best_day)).max(share(tally.sum(VERIFIED_DAY)));
    let hourly = settings.country_hourly.max(daily / settings.busy_hours).max(share(tally.sum(VERIFIED_HOUR)));
    within(tally, UNVERIFIED_DAY, daily, now)?;
    within(tally, UNVERIFIED_HOUR, hourly, now)
}

#[cfg(test)]
mod tests {
    use signet_config::Profile;
    use signet_storage::cache::Slot;

    use super::*;

    /// How many unverified messages pass in a day and in an hour, given what was verified in the last hour, the last day, and
    /// on the best day.
    fn room(hour: u64, day: u64, best: u64) -> (u64, u64) {
        let (settings, now) = (Sms::of(Profile::Production), Timestamp::from_millis(0));
        let counter = |name: &str, amount| Slot { name: name.to_owned(), ends: DAY.end(now), amount };
        let passes = |unverified: &str, n: u64| {
            let verified = [(VERIFIED_HOUR, hour), (VERIFIED_DAY, day), (VERIFIED_ON, best), (unverified, n)];
            let tally = Tally(verified.map(|(name, amount)| counter(name, amount)).into());
            judge(&settings, &tally, now).is_ok()
        };
        let most = |unverified| (1..10_000).take_while(|n| passes(unverified, *n)).last().unwrap_or(0);
        (most(UNVERIFIED_DAY), most(UNVERIFIED_HOUR))
    }

    #[test]
    fn the_formula() {
        for ((hour, day, best), expected) in [
            ((0, 0, 0), (20, 3)),
            ((5, 15, 15), (20, 3)),
            // A launch: nothing but the last hour.
            ((300, 300, 300), (90, 90)),
            // A thousand a day: a normal hour, and the busiest.
            ((40, 500, 1000), (300, 50)),
            ((200, 1000, 1000), (300, 60)),
            // A quiet day after a busy one, and the other way round.
            ((0, 10, 1000), (300, 50)),
            ((400, 2000, 1000), (600, 120)),
        ] {
            assert_eq!(room(hour, day, best), expected, "{hour} {day} {best}");
        }
    }
}
