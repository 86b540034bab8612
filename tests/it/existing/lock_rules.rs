//! The pure rules: when a lock holds (§6.2), and on which day a device was last seen (§13.3).

use std::time::Duration;

use signet_storage::clock::Timestamp;
use signet_storage::ids::{AccountId, NumberId};
use signet_storage::lock_hasher::StoredLock;
use signet_storage::model::LockState;
use signet_storage::number::E164;
use signet_tests::registry::NOON;
use signet_tests::{Registrant, Table};
use uuid::Uuid;

use super::{DAY, MS, NUMBER};

const DAY_MS: i64 = 86_400_000;

fn account(lock: bool, now: Timestamp) -> signet_storage::model::Account {
    let chance = signet_storage::Chance::system();
    let mut new = Registrant::generate().account();
    new.registration_lock = lock.then(|| StoredLock::from("$argon2id$…".to_owned()));
    new.begin(AccountId::draw(&chance), NumberId::draw(&chance), E164::parse(NUMBER).unwrap(), now)
}

#[test]
fn a_lock_holds_for_seven_days_from_the_midnight_of_the_last_day() {
    let midnight = NOON.midnight();
    let required = |ms| LockState::Required { remaining: Duration::from_millis(ms) };
    let week = 7 * 86_400_000;
    let mut table = Table::default();
    for (after, expected) in [
        (0, required(week)),
        (1, required(week - 1)),
        (DAY_MS, required(week - 86_400_000)),
        (7 * DAY_MS - 1000, required(1000)),
        (7 * DAY_MS - 1, required(1)),
        (7 * DAY_MS, LockState::Expired),
        (7 * DAY_MS + 1, LockState::Expired),
        (400 * DAY_MS, LockState::Expired),
        // A clock that went back does not make it longer than it is, but holds it.
        (-1, required(week + 1)),
    ] {
        let now = Timestamp::from_millis(midnight.millis() + after);
        // Somebody seen at the first or at the last moment of a day was seen on that day.
        for seen in [midnight, NOON, midnight.plus(DAY - MS)] {
            table.row(
                format!("{after} ms after {seen:?}"),
                LockState::of(&account(true, seen), 7 * DAY, now),
                expected,
            );
        }
        table.row("no lock", LockState::of(&account(false, NOON), 7 * DAY, now), LockState::Absent);
    }
    table.row("one day", LockState::of(&account(true, NOON), DAY, midnight.plus(DAY - MS)), required(1));
    table.row("over", LockState::of(&account(true, NOON), DAY, midnight.plus(DAY)), LockState::Expired);
    table.close();
}

#[test]
fn of_several_devices_the_one_seen_last_counts() {
    let mut account = account(true, NOON);
    for days in [3, 1] {
        let mut device = account.devices[0].clone();
        device.last_seen = NOON.midnight().plus(days * DAY);
        account.devices.push(device);
    }
    let at = |days: u32, less: Duration| LockState::of(&account, 7 * DAY, NOON.midnight().plus(days * DAY).minus(less));
    assert_eq!(at(10, MS), LockState::Required { remaining: MS });
    assert_eq!(at(10, Duration::ZERO), LockState::Expired);
    account.devices.clear();
    assert_eq!(LockState::of(&account, 7 * DAY, NOON), LockState::Expired);
}

/// n = the magnitude of the ACI's lower half as a signed number, modulo a day. A day is noted once now − n has reached it.
#[test]
fn a_day_is_noted_from_a_second_of_it_that_the_aci_determines() {
    let midnight = NOON.midnight();
    let mut table = Table::default();
    for (lower, second) in [
        (0_i64, 0),
        (1, 1),
        (-1, 1),
        (43_200, 43_200),
        (86_399, 86_399),
        (-86_399, 86_399),
        (86_400, 0),
        (86_401, 1),
        (i64::MAX, i64::MAX % 86_400),
        (-i64::MAX, i64::MAX % 86_400),
        (i64::MIN, 0),
    ] {
        let aci: AccountId =
            Uuid::from_u64_pair(0x0011_2233_4455_4677, lower.cast_unsigned()).to_string().parse().unwrap();
        let from = midnight.plus(DAY).plus(Duration::from_secs(second.cast_unsigned()));
        let fresh = account(true, NOON).devices.remove(0);
        assert_eq!(fresh.last_seen, midnight, "registered on this day");
        let seen = |now: Timestamp| {
            let mut device = fresh.clone();
            (device.seen(aci, now), device.last_seen)
        };
        table.row(format!("{lower}: the same day"), seen(midnight.plus(DAY - MS)), (false, midnight));
        table.row(format!("{lower}: too early"), seen(from.minus(MS)), (false, midnight));
        let today = from.midnight();
        table.row(format!("{lower}: from then on"), seen(from), (true, today));
        let mut device = fresh.clone();
        device.seen(aci, from);
        let again = (device.seen(aci, from.midnight().plus(DAY - MS)), device.last_seen);
        table.row(format!("{lower}: once a day"), again, (false, today));
        // Never yesterday's date, though now − n may lie in it.
        let late = midnight.plus(9 * DAY);
        table.row(format!("{lower}: after long"), seen(late), (true, late));
    }
    table.close();
}
