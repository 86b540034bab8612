//! Names that were given up: kept for their owner for seven days, three at most.

use signet_storage::model::username::Hold;
use signet_tests::Table;
use signet_tests::names::Name;

use super::{HELD, MS, Person, Town, name};

async fn is_free(town: &Town, who: &Person, name: &Name) -> bool {
    match town.reserve(who, &[name]).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(status, 409);
            false
        }
    }
}

async fn held(town: &Town, who: &Person) -> Vec<Name> {
    let holds = town.username(who).await.holds;
    let of = |hold: &Hold| signet_tests::names::all().find(|name| name.opaque() == hold.hash).unwrap();
    holds.iter().map(of).collect()
}

#[tokio::test]
async fn a_name_that_was_given_up_is_nobody_elses_for_seven_days() {
    let mut table = Table::default();
    for (what, by_another) in [("deleted", false), ("changed for another", true)] {
        let town = Town::open();
        let [me, other] = town.people().await;
        let old = name(0);
        let handle = town.take(&me, &old).await;
        if by_another {
            town.take(&me, &name(1)).await;
        } else {
            assert_eq!(town.clear(&me).await, 204);
        }
        table.row(format!("{what}: look-up"), town.look_up(&old).await, None);
        table.row(format!("{what}: link"), town.follow(handle).await, None);
        table.row(format!("{what}: the link's row"), town.link_claim(handle).await, None);
        town.t.advance(HELD - MS);
        table.row(format!("{what}: before"), is_free(&town, &other, &old).await, false);
        town.t.advance(MS);
        table.row(format!("{what}: after"), is_free(&town, &other, &old).await, true);
        table.row(format!("{what}: theirs"), town.confirm(&other, &old, None).await, Ok(None));
        town.audit().await;
    }
    table.close();
}

#[tokio::test]
async fn the_owner_takes_it_back() {
    let town = Town::open();
    let [me, other] = town.people().await;
    let (old, new) = (name(0), name(1));
    let first = town.take(&me, &old).await;
    town.take(&me, &new).await;
    let until = town.claim(&old).await.unwrap().until;
    // What is kept for a week is not kept for five minutes only because it was reserved.
    town.reserve(&me, &[&old]).await.unwrap();
    assert_eq!(town.claim(&old).await.unwrap().until, until);
    let second = town.confirm(&me, &old, Some(b"again")).await.unwrap().unwrap();
    assert_ne!(first, second);
    assert_eq!((town.look_up(&old).await, town.look_up(&new).await), (Some(me.aci), None));
    assert_eq!(held(&town, &me).await, std::slice::from_ref(&new));
    assert!(!is_free(&town, &other, &new).await && !is_free(&town, &other, &old).await);
    town.audit().await;
}

#[tokio::test]
async fn of_four_the_oldest_is_let_go() {
    let town = Town::open();
    let [me, other] = town.people().await;
    let names: Vec<_> = (0..5).map(name).collect();
    for name in &names {
        town.take(&me, name).await;
    }
    assert_eq!(held(&town, &me).await, names[1..4]);
    let mut table = Table::default();
    for (n, free) in [true, false, false, false, false].into_iter().enumerate() {
        table.row(n, is_free(&town, &other, &names[n]).await, free);
    }
    assert_eq!(town.clear(&me).await, 204);
    assert_eq!(held(&town, &me).await, names[2..5]);
    table.row("the next one", is_free(&town, &other, &names[1]).await, true);
    table.row("still kept", is_free(&town, &other, &names[2]).await, false);
    table.close();
    town.audit().await;
}

/// The oldest of four is not let go while its owner has just reserved it again.
#[tokio::test]
async fn a_name_that_is_reserved_again_is_kept() {
    let town = Town::open();
    let [me, other] = town.people().await;
    let names: Vec<_> = (0..4).map(name).collect();
    for name in &names {
        town.take(&me, name).await;
    }
    town.reserve(&me, &[&names[0]]).await.unwrap();
    assert_eq!(town.clear(&me).await, 204);
    assert!(!is_free(&town, &other, &names[0]).await);
    assert_eq!(town.confirm(&me, &names[0], None).await, Ok(None));
    assert_eq!(town.look_up(&names[0]).await, Some(me.aci));
    town.audit().await;
}

#[tokio::test]
async fn what_ran_out_is_forgotten_and_may_be_somebody_elses() {
    let town = Town::open();
    let [me, other] = town.people().await;
    let (old, middle, new) = (name(0), name(1), name(2));
    town.take(&me, &old).await;
    town.take(&me, &middle).await;
    town.t.advance(HELD);
    town.take(&other, &old).await;
    town.take(&me, &new).await;
    assert_eq!(held(&town, &me).await, [middle]);
    assert_eq!(town.look_up(&old).await, Some(other.aci));
    town.audit().await;
}

#[tokio::test]
async fn names_outlive_an_account_that_ends_only_as_long_as_they_are_kept() {
    let town = Town::open();
    let [me, other] = town.people().await;
    let (old, current, reserved) = (name(0), name(1), name(2));
    town.take(&me, &old).await;
    let handle = town.take(&me, &current).await;
    town.reserve(&me, &[&reserved]).await.unwrap();
    town.send(&me, "DELETE", "/v1/accounts/me", &serde_json::Value::Null).await.expect(204);
    let mut table = Table::default();
    table.row("look-up", town.look_up(&current).await, None);
    table.row("link", town.follow(handle).await, None);
    table.row("the link's row", town.link_claim(handle).await, None);
    table.row("the name it had", is_free(&town, &other, &current).await, true);
    table.row("a name it gave up", is_free(&town, &other, &old).await, false);
    table.row("a name it had reserved", is_free(&town, &other, &reserved).await, false);
    town.t.advance(super::RESERVED);
    table.row("that later", is_free(&town, &other, &reserved).await, true);
    town.t.advance(HELD);
    table.row("the one it gave up", is_free(&town, &other, &old).await, true);
    table.close();
    town.audit().await;
}
