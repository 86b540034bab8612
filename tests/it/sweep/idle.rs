//! What nobody uses.

use std::time::Duration;

use signet::events::Event;
use signet::sweep::{Fate, Plan};
use signet_config::SweepKind;
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::DeviceId;
use signet_storage::model::Device;
use signet_tests::Audit;

use super::{DAY, NUMBER, Yard, plan};

const ALL: [SweepKind; 3] = [SweepKind::Linked, SweepKind::Accounts, SweepKind::Primaries];

/// From the midnight on which they were seen last.
async fn wait_until(yard: &Yard, days: u32, more: Duration) {
    let target = signet_tests::engine::FUTURE.plus(DAY * days).plus(more);
    yard.store.clock.advance(target.remaining(yard.store.now()));
}

const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_device_after_45_days() {
    let mut yard = Yard::open().await;
    let (_, account) = yard.settle(NUMBER).await;
    wait_until(&yard, 40, MOMENT).await;
    yard.seen(&account, 1).await;
    wait_until(&yard, 45, Duration::ZERO).await;
    assert_eq!(yard.sweep(&plan(&ALL, true)).await, []);
    wait_until(&yard, 45, MOMENT).await;
    assert_eq!(yard.sweep(&plan(&ALL, false)).await, [(SweepKind::Linked, Fate::Would, 1)]);
    assert_eq!(yard.events(), []);
    assert_eq!(yard.sweep(&plan(&ALL, true)).await, [(SweepKind::Linked, Fate::Removed, 1)]);
    let device = DeviceId::try_from(2).unwrap();
    assert_eq!(yard.events(), [Event::IdleDeviceRemoved { aci: account.aci, device }]);
    let audit = Audit::of(&yard.store.storage).await.expect_clean();
    assert_eq!((audit.accounts[0].devices.len(), audit.keys), (1, 2));
    assert_eq!(yard.sweep(&plan(&ALL, true)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_after_120_days_in_which_no_device_was_seen() {
    let mut yard = Yard::open().await;
    let (me, account) = yard.settle(NUMBER).await;
    let (_, other) = yard.settle("+12025550124").await;
    wait_until(&yard, 100, MOMENT).await;
    yard.seen(&other, 2).await;
    wait_until(&yard, 120, Duration::ZERO).await;
    assert_eq!(yard.sweep(&plan(&[SweepKind::Accounts], true)).await, []);
    wait_until(&yard, 120, MOMENT).await;
    assert_eq!(yard.sweep(&plan(&ALL, true)).await, [(SweepKind::Accounts, Fate::Removed, 1)]);
    assert_eq!(yard.events(), [Event::IdleAccountRemoved { aci: account.aci }]);
    let audit = Audit::of(&yard.store.storage).await.expect_clean();
    assert_eq!(audit.accounts.iter().map(|account| account.aci).collect::<Vec<_>>(), [other.aci]);
    assert_eq!(yard.store.accounts().get_cached(account.aci).await, None);
    // It is gone as if they had removed it: whoever has the number gets its ACI back.
    assert_eq!(me.register(&yard.store, NUMBER).await.unwrap().aci, account.aci);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_device_goes_with_its_account_and_only_if_it_is_asked_for() {
    let mut yard = Yard::open().await;
    let (_, account) = yard.settle(NUMBER).await;
    for days in [40, 80, 120, 160, 180] {
        wait_until(&yard, days, MOMENT).await;
        yard.seen(&account, 2).await;
    }
    assert_eq!(yard.sweep(&plan(&ALL, true)).await, [(SweepKind::Primaries, Fate::Told, 1)]);
    assert_eq!(yard.events(), []);
    let asked = Plan { ends_primaries: true, ..plan(&[SweepKind::Primaries], false) };
    assert_eq!(yard.sweep(&asked).await, [(SweepKind::Primaries, Fate::Would, 1)]);
    let asked = Plan { apply: true, ..asked };
    assert_eq!(yard.sweep(&asked).await, [(SweepKind::Primaries, Fate::Removed, 1)]);
    assert_eq!(yard.events(), [Event::IdleAccountRemoved { aci: account.aci }]);
    Audit::of(&yard.store.storage).await.expect_clean();
}

/// Somebody who comes back between the look and the removal stays, with all their devices.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_seen_meanwhile_stays() {
    let yard = Yard::open().await;
    let (_, account) = yard.settle(NUMBER).await;
    wait_until(&yard, 200, MOMENT).await;
    let (accounts, keys) = (yard.store.accounts(), yard.store.keys());
    let long_ago = yard.store.now().minus(DAY * 45);
    let idle = |device: &Device| device.last_seen < long_ago;
    yard.seen(&account, 2).await;
    let device = DeviceId::try_from(2).unwrap();
    let rows = |account: &_| keys.writes_for_removed_device(account, device);
    assert_eq!(accounts.remove_idle_device(account.aci, device, idle, rows).await, Ok(None));
    let rows = |account: &_| keys.writes_for_removed_account(account);
    let all_idle = |account: &signet_storage::model::Account| account.devices.iter().all(idle);
    assert_eq!(accounts.remove_idle_account(account.aci, all_idle, rows).await, Ok(None));
    // Nor does a primary device go alone, whatever is said of it.
    let rows = |account: &_| keys.writes_for_removed_device(account, DeviceId::PRIMARY);
    assert_eq!(accounts.remove_idle_device(account.aci, DeviceId::PRIMARY, |_| true, rows).await, Ok(None));
    let audit = Audit::of(&yard.store.storage).await.expect_clean();
    assert_eq!((audit.accounts[0].devices.len(), audit.accounts[0].version), (2, account.version + 1));
}

/// As many removals as there are accounts, and nothing of them is left but their numbers.
#[tokio::test(flavor = "multi_thread")]
async fn many_go_side_by_side() {
    let yard = Yard::open().await;
    for n in 0..30 {
        yard.settle(&format!("+120255503{n:02}")).await;
    }
    wait_until(&yard, 121, MOMENT).await;
    assert_eq!(yard.sweep(&plan(&ALL, true)).await, [(SweepKind::Accounts, Fate::Removed, 30)]);
    let audit = Audit::of(&yard.store.storage).await.expect_clean();
    assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (0, 30, 0));
    assert_eq!(yard.rows(Table::Prekeys).await, []);
}
