//! A reservation: what it gives, for how long, and to whom.

use signet_storage::accounts::UsernameClaim;
use signet_storage::dynamo::items::number;
use signet_tests::{Table, names};

use super::{MS, RESERVED, SEALED, Town, name, username_key};

#[tokio::test]
async fn the_first_name_that_is_free_is_reserved_for_five_minutes() {
    let town = Town::open();
    let [me, other] = town.people().await;
    let (first, second, third) = (name(0), name(1), name(2));
    town.take(&other, &first).await;
    let reserved = town.reserve(&me, &[&first, &second, &third]).await;
    assert_eq!(reserved, Ok(second.encoded()));
    let until = town.t.registry.clock.now().plus(RESERVED);
    let claim = UsernameClaim { aci: me.aci, confirmed: false, reclaimable: false, until: Some(until) };
    assert_eq!(town.claim(&second).await, Some(claim));
    assert_eq!((town.claim(&third).await, town.look_up(&second).await), (None, None));
    // A store that drops rows may drop it only when it no longer counts.
    let row = town.row(username_key(&second.opaque())).await.unwrap();
    assert_eq!(row["expires"], number(until.seconds() + 1));
    town.confirm(&me, &second, None).await.unwrap();
    assert!(!town.row(username_key(&second.opaque())).await.unwrap().contains_key("expires"));
    town.audit().await;
}

#[tokio::test]
async fn others_get_it_when_it_has_run_out_and_not_a_millisecond_before() {
    let town = Town::open();
    let [me, other] = town.people().await;
    let wanted = name(0);
    town.reserve(&me, &[&wanted]).await.unwrap();
    town.t.advance(RESERVED - MS);
    assert_eq!(town.reserve(&other, &[&wanted]).await, Err(409));
    town.t.advance(MS);
    assert_eq!(town.reserve(&other, &[&wanted]).await, Ok(wanted.encoded()));
    assert_eq!(town.confirm(&me, &wanted, None).await, Err(410));
    assert_eq!(town.confirm(&other, &wanted, None).await, Ok(None));
    assert_eq!(town.look_up(&wanted).await, Some(other.aci));
    town.audit().await;
}

#[tokio::test]
async fn what_has_run_out_is_confirmed_as_long_as_nobody_else_wanted_it() {
    let town = Town::open();
    let [me] = town.people().await;
    let wanted = name(0);
    town.reserve(&me, &[&wanted]).await.unwrap();
    town.t.advance(RESERVED * 1000);
    assert!(town.confirm(&me, &wanted, Some(SEALED)).await.unwrap().is_some());
    assert_eq!(town.look_up(&wanted).await, Some(me.aci));
    town.audit().await;
}

#[tokio::test]
async fn who_reserves_again_has_it_for_longer() {
    let town = Town::open();
    let [me, other] = town.people().await;
    let (first, second) = (name(0), name(1));
    town.reserve(&me, &[&first]).await.unwrap();
    town.t.advance(RESERVED - MS);
    town.reserve(&me, &[&first]).await.unwrap();
    town.t.advance(RESERVED - MS);
    assert_eq!(town.reserve(&other, &[&first]).await, Err(409));
    // Another name takes its place in the account; the first one is kept as long as was said.
    town.reserve(&me, &[&second]).await.unwrap();
    assert_eq!(town.confirm(&me, &first, None).await, Err(409));
    assert_eq!(town.reserve(&other, &[&first]).await, Err(409));
    town.t.advance(MS);
    assert_eq!(town.reserve(&other, &[&first]).await, Ok(first.encoded()));
    town.audit().await;
}

#[tokio::test]
async fn the_name_one_has_is_answered_with_itself_and_nothing_is_written() {
    let town = Town::open();
    let [me] = town.people().await;
    let (mine, free) = (name(0), name(1));
    let handle = town.take(&me, &mine).await;
    let before = town.t.registry.accounts.get(me.aci).await.unwrap();
    let mut table = Table::default();
    table.row("reserve", town.reserve(&me, &[&free, &mine]).await, Ok(mine.encoded()));
    table.row("confirm", town.confirm(&me, &mine, Some(b"another")).await, Ok(Some(handle)));
    table.row("confirm without a link", town.confirm(&me, &mine, None).await, Ok(Some(handle)));
    table.row("unchanged", town.t.registry.accounts.get(me.aci).await.unwrap() == before, true);
    table.row("the other", town.claim(&free).await, None);
    table.row("the link", town.follow(handle).await, Some(names::url(SEALED)));
    table.close();
}

#[tokio::test]
async fn whoami_tells_the_name_and_the_link() {
    let town = Town::open();
    let [me] = town.people().await;
    let mine = name(0);
    let told = async || {
        let who = town.t.client.whoami(&me.aci.to_string(), &me.password).await.expect(200);
        (who["usernameHash"].as_str().map(str::to_owned), who["usernameLinkHandle"].as_str().map(str::to_owned))
    };
    assert_eq!(told().await, (None, None));
    let handle = town.take(&me, &mine).await;
    assert_eq!(told().await, (Some(mine.encoded()), Some(handle.to_string())));
    assert_eq!(town.clear(&me).await, 204);
    assert_eq!(told().await, (None, None));
}
