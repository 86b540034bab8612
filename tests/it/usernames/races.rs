//! Many at once: one has the name.

use futures::future::join_all;
use signet_tests::Table;

use super::{SEALED, Town, name};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_accounts_one_gets_the_name() {
    let town = Town::open();
    let people: [_; 20] = town.people().await;
    let wanted = name(0);
    let list = [&wanted];
    let reserved = join_all(people.iter().map(|who| town.reserve(who, &list))).await;
    assert_eq!(reserved.iter().filter(|answer| answer.is_ok()).count(), 1, "{reserved:?}");
    // It has run out: whoever comes first has it, by reserving or by confirming.
    town.t.advance(super::RESERVED);
    let again = people.iter().map(async |who| {
        let _ = town.reserve(who, &[&wanted]).await;
        town.confirm(who, &wanted, Some(SEALED)).await
    });
    let confirmed = join_all(again).await;
    let mut table = Table::default();
    let winners: Vec<_> = confirmed.iter().zip(&people).filter(|(answer, _)| answer.is_ok()).collect();
    table.row("winners", winners.len(), 1);
    table.row("look-up", town.look_up(&wanted).await, winners.first().map(|(_, who)| who.aci));
    for (answer, who) in confirmed.iter().zip(&people).filter(|(answer, _)| answer.is_err()) {
        table.row(&who.number, [Err(409), Err(410)].contains(answer), true);
        table.row(format!("{}: has none", who.number), town.username(who).await.hash, None);
    }
    table.close();
    town.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_accounts_share_twenty_names_out() {
    let town = Town::open();
    let people: [_; 20] = town.people().await;
    let names: Vec<_> = (0..20).map(name).collect();
    let wanted: Vec<_> = names.iter().collect();
    let got = join_all(people.iter().map(|who| town.reserve(who, &wanted))).await;
    let mut got: Vec<_> = got.into_iter().map(|answer| answer.expect("there is one for each")).collect();
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 20);
    town.audit().await;
}

/// The devices of one account do not agree: whatever comes of it, it has one name at most, and each link that it has said is its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_does_everything_at_once() {
    let town = Town::open();
    let [me] = town.people().await;
    let names: Vec<_> = (0..4).map(name).collect();
    let done = names.iter().flat_map(|wanted| (0..3).map(move |_| wanted)).map(async |wanted| {
        let mut seen = vec![town.reserve(&me, &[wanted]).await.map(drop).err()];
        seen.push(town.confirm(&me, wanted, Some(SEALED)).await.map(drop).err());
        seen.push(town.set_link(&me, SEALED, false).await.map(drop).err());
        seen.push((town.clear(&me).await != 204).then_some(0));
        seen
    });
    for answer in join_all(done).await.into_iter().flatten().flatten() {
        assert!([409, 503].contains(&answer), "{answer}");
    }
    let username = town.username(&me).await;
    for name in &names {
        let holder = town.look_up(name).await;
        assert_eq!(holder.is_some(), username.hash == Some(name.opaque()), "{}", name.text);
    }
    town.audit().await;
}
