//! A store that changes while it is looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signet_tests::Registrant;
use signet_tests::registrant::permit;

use super::Town;

/// Accounts come, are taken over, get devices and go, all the time; what is found once and not again is no violation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_at_work_has_no_violations() {
    let town = Arc::new(Town::settle().await);
    let stop = Arc::new(AtomicBool::new(false));
    let people = (0..4).map(|n| {
        let (town, stop) = (town.clone(), stop.clone());
        tokio::spawn(async move {
            let mut lives = 0;
            while !stop.load(Ordering::Relaxed) {
                live(&town, &format!("+120255502{n:02}")).await;
                lives += 1;
            }
            lives
        })
    });
    let people: Vec<_> = people.collect();
    for _ in 0..20 {
        let (found, _) = town.inspect(true).await;
        assert!(found.is_empty(), "{found:?}");
    }
    stop.store(true, Ordering::Relaxed);
    for lives in people {
        assert!(lives.await.unwrap() > 3, "little happened");
    }
    assert!(town.inspect(false).await.0.is_empty());
}

async fn live(town: &Town, number: &str) {
    let store = &town.store;
    let me = Registrant::generate();
    let account = me.register(store, number).await.unwrap();
    let again = me.register(store, number).await.unwrap();
    // Tokens of one moment are one.
    store.clock.advance(std::time::Duration::from_millis(1));
    let linked = me.link(store, &permit(account.aci, store.now()), &again, me.further_device()).await.unwrap();
    let account = linked.account;
    let asked_by = (account.devices[0].id, &account.devices[0].auth);
    let keys = |account: &_| store.keys().writes_for_removed_account(account);
    assert!(store.accounts().remove(&account, asked_by, keys).await.unwrap());
}
