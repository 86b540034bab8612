//! Many at once. Whatever the order, a number gets one account, and no loser leaves anything behind.

use std::sync::Arc;

use futures::future::join_all;
use signet_storage::accounts::{AccountsError, Slot};
use signet_tests::registrant::verified;
use signet_tests::{Audit, Engine, Registrant, Store};
use tokio::sync::Barrier;

const RIVALS: usize = 64;
/// Two ways to write one line in Benin.
const FORMS: [&str; 2] = ["+22997123456", "+2290197123456"];

on_each_engine! {
    of_sixty_four_who_found_a_number_vacant_one_gets_it,
    sixty_four_registrations_of_one_number_end_in_one_account,
    of_many_who_read_one_version_one_changes_it,
    different_numbers_do_not_get_in_each_others_way,
}

/// Keys are costly to make and no race is about them: a few registrants take turns.
fn registrants() -> Vec<Arc<Registrant>> {
    (0..4).map(|_| Arc::new(Registrant::generate())).collect()
}

async fn all<T: Send + 'static>(tasks: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let tasks: Vec<_> = tasks.map(tokio::spawn).collect();
    join_all(tasks).await.into_iter().map(|task| task.expect("no panic")).collect()
}

async fn of_sixty_four_who_found_a_number_vacant_one_gets_it(engine: Engine) {
    let store = Arc::new(engine.open().await);
    let (registrants, everybody_looked) = (registrants(), Arc::new(Barrier::new(RIVALS)));
    let rival = |n: usize| {
        let (store, me, everybody_looked) = (store.clone(), registrants[n % 4].clone(), everybody_looked.clone());
        async move {
            let mine = verified(FORMS[n % 2], store.now());
            let slot = store.accounts().slot_for(&mine).await.unwrap();
            assert!(matches!(slot, Slot::Vacant(_)));
            everybody_looked.wait().await;
            me.register_into(&store, slot, &mine).await
        }
    };
    let results = all((0..RIVALS).map(rival)).await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert!(lost.into_iter().all(|result| result == Err(AccountsError::Contested)));
    assert_eq!(won.len(), 1);
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.claims, audit.keys), (2, 2));
    assert_eq!(audit.accounts, [won.into_iter().next().unwrap().unwrap()]);
}

async fn sixty_four_registrations_of_one_number_end_in_one_account(engine: Engine) {
    let store = Arc::new(engine.open().await);
    let registrants = registrants();
    let rival = |n: usize| {
        let (store, me) = (store.clone(), registrants[n % 4].clone());
        async move { until_uncontested(&store, &me, FORMS[n % 2]).await }
    };
    let accounts = all((0..RIVALS).map(rival)).await;
    assert!(accounts.iter().all(|account| (account.aci, account.pni) == (accounts[0].aci, accounts[0].pni)));
    // Each of them was applied to what the one before left: every version was reached exactly once.
    let mut versions: Vec<_> = accounts.iter().map(|account| account.version).collect();
    versions.sort_unstable();
    assert!(versions.into_iter().eq(0..RIVALS as u64));
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.claims, audit.keys), (2, 2));
    let last = accounts.into_iter().max_by_key(|account| account.version).unwrap();
    assert_eq!(audit.accounts, std::slice::from_ref(&last));
    assert_eq!(store.accounts().get_cached(last.aci).await.as_deref(), Some(&last), "the cache holds the last one");
}

async fn until_uncontested(store: &Store, me: &Registrant, number: &str) -> signet_storage::model::Account {
    loop {
        match me.register(store, number).await {
            Ok(account) => return account,
            Err(AccountsError::Contested) => tokio::task::yield_now().await,
            Err(e) => panic!("{e}"),
        }
    }
}

async fn of_many_who_read_one_version_one_changes_it(engine: Engine) {
    let store = Arc::new(engine.open().await);
    let registrants = registrants();
    let account = registrants[0].register(&store, FORMS[0]).await.unwrap();
    let rival = |n: usize| {
        let (store, me, account) = (store.clone(), registrants[n % 4].clone(), account.clone());
        async move {
            let (cleared, new) = (signet_tests::registrant::cleared(account, store.now()), me.account());
            let keys = store.keys().writes_for_new_device(
                cleared.ids(),
                signet_storage::ids::DeviceId::PRIMARY,
                &(&new.device).into(),
                &me.aci,
                &me.pni,
            );
            store.accounts().reclaim(cleared, &verified(FORMS[n % 2], store.now()), new, keys).await
        }
    };
    let results = all((0..16).map(rival)).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == Err(AccountsError::Contested)).count(), 15);
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!(audit.accounts[0].version, 1);
}

async fn different_numbers_do_not_get_in_each_others_way(engine: Engine) {
    let store = Arc::new(engine.open().await);
    let registrants = registrants();
    let registration = |n: usize| {
        let (store, me) = (store.clone(), registrants[n % 4].clone());
        async move { me.register(&store, &format!("+120255501{n:02}")).await }
    };
    let accounts = all((0..RIVALS).map(registration)).await;
    assert!(accounts.iter().all(Result::is_ok));
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (RIVALS, 2 * RIVALS, 2 * RIVALS));
}
