//! What one client address may cause (an IPv6 /64 is one address): unverified messages in an hour and a day, and countries in a
//! day in which nothing was ever verified from there.

use std::collections::BTreeMap;
use std::time::Duration;

use signet_config::Sms;
use signet_storage::cache::{Change, Tally};
use signet_storage::clock::Timestamp;

use super::window::{DAY, HOUR, within};

const UNVERIFIED_HOUR: &str = "hour";
const UNVERIFIED_DAY: &str = "day";
const VERIFIED_DAY: &str = "verified";
/// With a region behind it: unverified messages to that region.
const TO: &str = "to:";
/// With a region behind it: numbers verified there.
const KNOWN: &str = "known:";

pub fn message(region: &str, now: Timestamp) -> Vec<Change> {
    vec![
        Change::add(UNVERIFIED_HOUR, HOUR.end(now), 1),
        Change::add(UNVERIFIED_DAY, DAY.end(now), 1),
        Change::add(format!("{TO}{region}"), DAY.end(now), 1),
    ]
}

pub fn verified(region: &str, now: Timestamp) -> Vec<Change> {
    vec![Change::add(VERIFIED_DAY, DAY.end(now), 1), Change::add(format!("{KNOWN}{region}"), DAY.end(now), 1)]
}

/// `tally` has this request's own message in it. `Err`: how long to wait.
pub fn judge(settings: &Sms, tally: &Tally, region: &str, now: Timestamp) -> Result<(), Duration> {
    countries(settings, tally, region, now)?;
    let verified = tally.sum(VERIFIED_DAY);
    let daily = settings.address_daily.max(verified * settings.address_percent / 100);
    let in_a_busy_hour = verified * settings.address_hourly_percent / 100 / settings.busy_hours;
    within(tally, UNVERIFIED_DAY, daily, now)?;
    within(tally, UNVERIFIED_HOUR, settings.address_hourly.max(in_a_busy_hour), now)
}

/// While there is one country too many nobody asks for codes to any of them: of two requests for a fourth country neither may
/// take the other's as the one that was let in.
fn countries(settings: &Sms, tally: &Tally, region: &str, now: Timestamp) -> Result<(), Duration> {
    let known = |region: &str| tally.sum(&format!("{KNOWN}{region}")) > 0;
    if known(region) {
        return Ok(());
    }
    let mut left_at = BTreeMap::<&str, Timestamp>::new();
    for counter in &tally.0 {
        if let Some(country) = counter.name.strip_prefix(TO).filter(|country| !known(country)) {
            let end = left_at.entry(country).or_insert(counter.ends);
            *end = (*end).max(counter.ends);
        }
    }
    if left_at.len() as u64 <= settings.countries_per_address {
        return Ok(());
    }
    left_at.remove(region);
    Err(left_at.values().min().map_or(Duration::ZERO, |end| end.remaining(now)))
}
