//! Registering again: the name is kept for three days, and its link with it, dead until the name is confirmed (§11.5, §16 no. 11).

use signet_storage::accounts::{LinkClaim, UsernameClaim};
use signet_storage::model::Username;
use signet_tests::Table;
use signet_tests::names::url;

use super::{DAY, MS, SEALED, Town, name};

#[tokio::test]
async fn confirming_gives_the_link_back() {
    let mut table = Table::default();
    for (what, reserves_first) in [("at once", false), ("after a reservation", true)] {
        let town = Town::open();
        let [me] = town.people().await;
        let mine = name(0);
        let handle = town.take(&me, &mine).await;
        let me = town.register(&me.number).await;
        let until = town.t.registry.clock.now().plus(3 * DAY);
        let aside = UsernameClaim { aci: me.aci, confirmed: false, reclaimable: true, until: Some(until) };
        let kept = Username { reserved_hash: Some(mine.opaque()), link_handle: Some(handle), ..Username::default() };
        table.row(format!("{what}: kept"), town.username(&me).await, kept);
        table.row(format!("{what}: claim"), town.claim(&mine).await, Some(aside.clone()));
        table.row(format!("{what}: link"), town.link_claim(handle).await, Some(LinkClaim { aci: me.aci }));
        let dead = (town.look_up(&mine).await, town.follow(handle).await);
        table.row(format!("{what}: nothing leads there"), dead, (None, None));
        town.audit().await;
        if reserves_first {
            table.row("reserved", town.reserve(&me, &[&mine]).await, Ok(mine.encoded()));
            table.row("as long as before", town.claim(&mine).await, Some(aside));
        }
        table.row(format!("{what}: the handle"), town.confirm(&me, &mine, Some(b"anew")).await, Ok(Some(handle)));
        let alive = (town.look_up(&mine).await, town.follow(handle).await);
        table.row(format!("{what}: it leads there"), alive, (Some(me.aci), Some(url(b"anew"))));
        town.audit().await;
    }
    table.close();
}

#[tokio::test]
async fn without_an_encrypted_name_the_old_link_ends() {
    let town = Town::open();
    let [me] = town.people().await;
    let handle = town.take(&me, &name(0)).await;
    let me = town.register(&me.number).await;
    assert_eq!(town.confirm(&me, &name(0), None).await, Ok(None));
    assert_eq!(town.link_claim(handle).await, None);
    town.audit().await;
}

#[tokio::test]
async fn another_name_gets_another_link() {
    let town = Town::open();
    let [me, other] = town.people().await;
    let (old, new) = (name(0), name(1));
    let handle = town.take(&me, &old).await;
    let me = town.register(&me.number).await;
    town.reserve(&me, &[&new]).await.unwrap();
    let another = town.confirm(&me, &new, Some(SEALED)).await.unwrap().unwrap();
    assert_ne!(another, handle);
    assert_eq!((town.follow(handle).await, town.link_claim(handle).await), (None, None));
    // The old name is kept for the rest of the three days.
    town.t.advance(3 * DAY - MS);
    assert_eq!(town.reserve(&other, &[&old]).await, Err(409));
    town.t.advance(MS);
    assert_eq!(town.reserve(&other, &[&old]).await, Ok(old.encoded()));
    town.audit().await;
}

#[tokio::test]
async fn after_three_days_the_name_is_anybodys_and_the_link_another() {
    let mut table = Table::default();
    for taken in [false, true] {
        let town = Town::open();
        let [me, other] = town.people().await;
        let mine = name(0);
        let handle = town.take(&me, &mine).await;
        let me = town.register(&me.number).await;
        town.t.advance(3 * DAY - MS);
        table.row("before", town.reserve(&other, &[&mine]).await, Err(409));
        town.t.advance(MS);
        if taken {
            town.take(&other, &mine).await;
            table.row("taken", town.confirm(&me, &mine, Some(SEALED)).await, Err(410));
            table.row("whose", town.look_up(&mine).await, Some(other.aci));
        } else {
            let another = town.confirm(&me, &mine, Some(SEALED)).await.unwrap();
            table.row("another link", another.is_some_and(|another| another != handle), true);
            table.row("the old one", town.link_claim(handle).await, None);
        }
        town.audit().await;
    }
    table.close();
}

/// A handle that is left over is kept or replaced, and ends with the account.
#[tokio::test]
async fn a_handle_without_a_name_waits_for_one() {
    let town = Town::open();
    let [me] = town.people().await;
    let handle = town.take(&me, &name(0)).await;
    let me = town.register(&me.number).await;
    assert_eq!(town.set_link(&me, SEALED, true).await, Err(409));
    assert_eq!(town.clear(&me).await, 204);
    assert_eq!(town.username(&me).await.link_handle, Some(handle), "there was no name to give up");
    let me = town.register(&me.number).await;
    assert_eq!(town.username(&me).await.link_handle, Some(handle));
    town.audit().await;
    town.send(&me, "DELETE", "/v1/accounts/me", &serde_json::Value::Null).await.expect(204);
    assert_eq!(town.link_claim(handle).await, None);
    town.audit().await;
}

/// The names that an account gave up are nobody's before their time, though the account no longer remembers them.
#[tokio::test]
async fn holds_go_on_without_the_account() {
    let town = Town::open();
    let [me, other] = town.people().await;
    town.take(&me, &name(0)).await;
    town.take(&me, &name(1)).await;
    let me = town.register(&me.number).await;
    assert_eq!(town.username(&me).await.holds, []);
    assert_eq!(town.reserve(&other, &[&name(0)]).await, Err(409));
    assert_eq!(town.reserve(&me, &[&name(0)]).await, Ok(name(0).encoded()));
    town.audit().await;
}
