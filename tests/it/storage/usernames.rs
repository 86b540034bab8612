//! Claims of usernames on every engine: that one which has run out is free is decided by the store, in a condition of its own kind.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use signet_storage::accounts::UsernameError::NotAvailable;
use signet_storage::accounts::{AccountsError, UsernameError};
use signet_storage::model::{Account, Opaque};
use signet_tests::names::name;
use signet_tests::{Audit, Engine, Registrant, Store, Table};
use tokio::sync::Barrier;

const RIVALS: usize = 20;
const RESERVED: Duration = Duration::from_secs(300);
const HELD: Duration = Duration::from_secs(7 * 86_400);
const MS: Duration = Duration::from_millis(1);

on_each_engine! {
    a_name_is_free_when_it_has_run_out_and_not_before,
    of_many_who_found_a_name_free_one_gets_it,
    a_link_is_followed_as_it_stands,
}

/// Keys are costly to make, and nothing here is about them.
async fn people(store: &Store, count: usize) -> Vec<Account> {
    let registrant = Registrant::generate();
    let mut people = Vec::new();
    for n in 0..count {
        people.push(registrant.register(store, &format!("+12025550{:03}", 100 + n)).await.unwrap());
    }
    people
}

async fn reserve(store: &Store, who: &Account, hash: &Opaque) -> Result<Opaque, UsernameError> {
    let asked_by = (who.devices[0].id, &who.devices[0].auth);
    store.accounts().reserve_username(who.aci, asked_by, std::slice::from_ref(hash)).await
}

async fn confirm(store: &Store, who: &Account, hash: &Opaque) -> Result<(), UsernameError> {
    let asked_by = (who.devices[0].id, &who.devices[0].auth);
    store.accounts().confirm_username(who.aci, asked_by, hash, Some(&vec![7].into())).await.map(drop)
}

async fn clear(store: &Store, who: &Account) {
    store.accounts().clear_username(who.aci, (who.devices[0].id, &who.devices[0].auth)).await.unwrap();
}

async fn a_name_is_free_when_it_has_run_out_and_not_before(engine: Engine) {
    let store = engine.open().await;
    let people = people(&store, 2).await;
    let [me, other] = &people[..] else { unreachable!() };
    let hash = name(0).opaque();
    let mut table = Table::default();
    reserve(&store, me, &hash).await.unwrap();
    store.clock.advance(RESERVED - MS);
    table.row("reserved", reserve(&store, other, &hash).await, Err(NotAvailable));
    store.clock.advance(MS);
    table.row("run out", reserve(&store, other, &hash).await, Ok(hash.clone()));
    table.row("too late", confirm(&store, me, &hash).await, Err(NotAvailable));
    table.row("theirs", confirm(&store, other, &hash).await, Ok(()));
    clear(&store, other).await;
    store.clock.advance(HELD - MS);
    table.row("held", reserve(&store, me, &hash).await, Err(NotAvailable));
    store.clock.advance(MS);
    table.row("no longer", reserve(&store, me, &hash).await, Ok(hash.clone()));
    table.row("mine", confirm(&store, me, &hash).await, Ok(()));
    table.row("whose", store.accounts().aci_of_username(&hash).await, Ok(Some(me.aci)));
    table.close();
    Audit::of(&store.storage).await.expect_clean();
}

async fn of_many_who_found_a_name_free_one_gets_it(engine: Engine) {
    let store = Arc::new(engine.open().await);
    let people = people(&store, RIVALS).await;
    let (hash, ready) = (name(0).opaque(), Arc::new(Barrier::new(RIVALS)));
    let rivals = people.iter().cloned().map(|who| {
        let (store, hash, ready) = (store.clone(), hash.clone(), ready.clone());
        tokio::spawn(async move {
            ready.wait().await;
            reserve(&store, &who, &hash).await?;
            confirm(&store, &who, &hash).await.map(|()| who.aci)
        })
    });
    let ends: Vec<_> = join_all(rivals).await.into_iter().map(|end| end.expect("no panic")).collect();
    let winners: Vec<_> = ends.iter().filter_map(|end| end.as_ref().ok()).collect();
    assert_eq!(winners.len(), 1, "{ends:?}");
    let contested = UsernameError::Accounts(AccountsError::Contested);
    assert!(ends.iter().filter_map(|end| end.as_ref().err()).all(|error| [&NotAvailable, &contested].contains(&error)));
    assert_eq!(store.accounts().aci_of_username(&hash).await, Ok(Some(*winners[0])));
    Audit::of(&store.storage).await.expect_clean();
}

async fn a_link_is_followed_as_it_stands(engine: Engine) {
    let store = engine.open().await;
    let people = people(&store, 1).await;
    let (me, accounts, hash) = (&people[0], store.accounts(), name(0).opaque());
    let asked_by = (me.devices[0].id, &me.devices[0].auth);
    reserve(&store, me, &hash).await.unwrap();
    confirm(&store, me, &hash).await.unwrap();
    let mut handles = Vec::new();
    for n in 1..4 {
        let sealed: Opaque = vec![n].into();
        let handle = accounts.set_username_link(me.aci, asked_by, &sealed, false).await.unwrap();
        assert_eq!(accounts.encrypted_username(handle).await, Ok(Some(sealed)));
        handles.push(handle);
    }
    let followed = join_all(handles.iter().map(|handle| accounts.encrypted_username(*handle))).await;
    assert_eq!(followed, [Ok(None), Ok(None), Ok(Some(vec![3].into()))]);
    accounts.remove_username_link(me.aci, asked_by).await.unwrap();
    assert_eq!(accounts.encrypted_username(handles[2]).await, Ok(None));
    Audit::of(&store.storage).await.expect_clean();
}
