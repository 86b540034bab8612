//! What a lock that is not opened does to the account (§6.3, §6.5): credentials, recovery passwords, and who is told.

use serde_json::json;
use signet::events::Event;
use signet_storage::ids::DeviceId;
use signet_tests::Table;

use super::{By, House, LOCK, NUMBER, PAUSE, PIN, WRONG, heard};

/// Every row of §6.5. A session here was verified before the recovery password was set, so that nothing but the failure can
/// have removed that.
#[tokio::test]
async fn what_a_failure_costs() {
    let h = House::open();
    let mut events = h.listen();
    let mut table = Table::default();
    for (n, (by, lock, number_kept)) in [
        (By::Session, None, false),
        (By::Session, Some(""), false),
        (By::Session, Some(WRONG), false),
        (By::Number, None, true),
        (By::Number, Some(""), false),
        (By::Number, Some(WRONG), false),
        (By::Aci, None, true),
        (By::Aci, Some(""), false),
        (By::Aci, Some(WRONG), false),
    ]
    .into_iter()
    .enumerate()
    {
        let what = format!("{by:?}, {lock:?}");
        let home = h.settle(&format!("+120255501{n:02}"), Some(PIN)).await;
        h.link(&home, DeviceId::try_from(3).unwrap()).await;
        let before = h.account(&home).await;
        h.whoami(&home, &h.owner).await.expect(200);
        assert_eq!(h.recovery(&home).await, (true, true));
        heard(&mut events);

        table.row(&what, h.come(&home, by, lock).await.status, 423);
        table.row(format!("{what}: recovery passwords"), h.recovery(&home).await, (number_kept, false));
        let after = h.account(&home).await;
        table.row(format!("{what}: frozen"), after.devices.iter().all(|device| device.auth.is_frozen()), true);
        table.row(format!("{what}: devices"), after.devices.len(), 2);
        table.row(format!("{what}: lock"), after.registration_lock == before.registration_lock, true);
        table.row(format!("{what}: version"), after.version, before.version + 1);
        table.row(format!("{what}: the owner"), h.whoami(&home, &h.owner).await.status, 401);
        table.row(format!("{what}: the newcomer"), h.whoami(&home, &h.newcomer).await.status, 401);
        let (presented, attempts_left) = (lock == Some(WRONG), if lock == Some(WRONG) { 9 } else { 10 });
        let devices = vec![DeviceId::PRIMARY, DeviceId::try_from(3).unwrap()];
        let told = vec![
            Event::LockFailed { aci: home.aci, presented, attempts_left },
            Event::CredentialsFrozen { aci: home.aci, devices },
        ];
        table.row(format!("{what}: events"), heard(&mut events), told);
    }
    table.close();
}

#[tokio::test]
async fn what_is_frozen_is_not_frozen_twice() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    assert_eq!(h.come(&home, By::Session, None).await.status, 423);
    let frozen = h.account(&home).await;
    let row = serde_json::to_value(&frozen.devices[0].auth).unwrap();
    let hash = row["hash"].as_str().unwrap();
    assert!(hash.starts_with("!2.") && hash.len() == 67, "one mark, and the hash as it was");

    let mut events = h.listen();
    for lock in [None, Some(""), Some(WRONG)] {
        assert_eq!(h.come(&home, By::Session, lock).await.status, 423);
    }
    assert_eq!(h.account(&home).await.devices, frozen.devices);
    let told = heard(&mut events);
    let failures = told.iter().filter(|event| matches!(event, Event::LockFailed { .. })).count();
    assert_eq!((failures, told.len()), (3, 3), "there is nobody left to be cut off: {told:?}");
}

/// A device that somehow is not frozen (linked meanwhile) is the only one that the next failure names.
#[tokio::test]
async fn a_repeated_failure_freezes_what_has_come_since() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    assert_eq!(h.come(&home, By::Session, None).await.status, 423);
    let fresh = signet_storage::hash::SaltedTokenHash::of("another", &signet_storage::Chance::system());
    let second = DeviceId::try_from(2).unwrap();
    h.link(&home, second).await;
    h.change(&home, |account| account.devices[1].auth = fresh.clone()).await;
    let user = format!("{}.2", home.aci);
    h.t.client.whoami(&user, "another").await.expect(200);

    let mut events = h.listen();
    assert_eq!(h.come(&home, By::Session, None).await.status, 423);
    assert_eq!(h.t.client.whoami(&user, "another").await.status, 401);
    assert!(heard(&mut events).contains(&Event::CredentialsFrozen { aci: home.aci, devices: vec![second] }));
}

#[tokio::test]
async fn the_right_lock_gives_the_account_back() {
    let h = House::open();
    let mut events = h.listen();
    for (number, by) in [("+12025550101", By::Session), ("+12025550102", By::Number)] {
        let home = h.settle(number, Some(PIN)).await;
        assert_eq!(h.come(&home, by, None).await.status, 423);
        assert_eq!(h.whoami(&home, &h.owner).await.status, 401);
        heard(&mut events);
        let back = h.come(&home, by, Some(PIN)).await.expect(200);
        assert_eq!((&back["uuid"], &back["reregistration"]), (&json!(home.aci), &json!(true)));
        h.whoami(&home, &h.newcomer).await.expect(200);
        assert_eq!(h.whoami(&home, &h.owner).await.status, 401);
        let registered = Event::Registered { aci: home.aci, reregistration: true };
        let recovered = (by == By::Number).then_some(Event::Recovered { aci: home.aci });
        let expected: Vec<_> = recovered.into_iter().chain([registered]).collect();
        assert_eq!(heard(&mut events), expected);
    }
}

/// Kind B may ask whether there is a lock and come again with the same password; not so once it has guessed wrong.
#[tokio::test]
async fn a_recovery_password_survives_a_question_but_no_wrong_guess() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    for _ in 0..3 {
        assert_eq!(h.come(&home, By::Number, None).await.status, 423);
    }
    assert_eq!(h.come(&home, By::Number, Some(PIN)).await.status, 200);

    assert_eq!(h.come(&home, By::Number, Some(WRONG)).await.status, 423);
    h.t.advance(PAUSE);
    assert_eq!(h.come(&home, By::Number, Some(PIN)).await.status, 403, "only a session helps from here on");
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
}

/// Kind C has one try; after that kind B still has its own, if no lock was sent.
#[tokio::test]
async fn recovery_by_aci_cannot_ask_first() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    assert_eq!(h.come(&home, By::Aci, None).await.status, 423);
    assert_eq!(h.come(&home, By::Aci, Some(PIN)).await.status, 403);
    assert_eq!(h.come(&home, By::Number, Some(PIN)).await.status, 200);
    assert_eq!(h.come(&home, By::Aci, Some(PIN)).await.status, 200, "who sends it at once gets in");
    h.whoami(&home, &h.newcomer).await.expect(200);
}

/// Without a lock, or past one that has expired, nothing is frozen on the way.
#[tokio::test]
async fn nothing_is_frozen_where_nothing_is_locked() {
    let h = House::open();
    let mut events = h.listen();
    for (number, by) in [("+12025550101", By::Session), ("+12025550102", By::Number), ("+12025550103", By::Aci)] {
        let home = h.settle(number, None).await;
        heard(&mut events);
        let through = h.come_with(&home, by, &[(LOCK, Some(json!("")))]).await;
        assert_eq!(through.status, 200, "{by:?}");
        assert!(
            heard(&mut events).iter().all(|event| matches!(event, Event::Registered { .. } | Event::Recovered { .. }))
        );
    }
}
