//! What has run out.

use std::time::Duration;

use signet::sweep::{Cursor, Fate};
use signet_config::SweepKind;
use signet_keys::signing::{IdentityKeyPair, ec_pre_key};
use signet_keys::{CheckedDeviceKeys, Installation, KeyId, Shelf, UncheckedKeys};
use signet_storage::dynamo::items::{self, key, number, text};
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Item, Value};
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::recovery::NumberRecovery;
use signet_tests::registrant::verified_session;
use signet_tests::{Audit, Registrant};

use super::{NUMBER, Yard, plan};

/// One row of each kind that ends in ten seconds, and one that does not for long.
async fn plant(yard: &Yard) -> [(SweepKind, Table); 4] {
    let (store, now) = (&yard.store, yard.store.now());
    let (_, account) = yard.settle(NUMBER).await;
    let ends = [now.plus(Duration::from_secs(10)), now.plus(Duration::from_secs(100_000))];
    for (n, until) in ends.into_iter().enumerate() {
        let mut name = key("claim", format!("username#{}", hex::encode([u8::try_from(n).unwrap(); 32])));
        name.insert("aci".to_owned(), text(account.aci.to_string()));
        name.insert("confirmed".to_owned(), Value::Bool(false));
        name.insert("reclaimable".to_owned(), Value::Bool(false));
        name.insert("until".to_owned(), number(until.millis()));
        let mut token = key("token", format!("token {n}"));
        token.insert("expires".to_owned(), number(until.seconds()));
        let mut recovery = key("pni", if n == 0 { uuid::Uuid::nil().to_string() } else { account.pni.to_string() });
        let password = SaltedTokenHash::of("x", &store.storage.chance);
        recovery.extend(items::to_item(&NumberRecovery { password, until }));
        recovery.insert("expires".to_owned(), number(until.seconds()));
        for (table, row) in [(Table::Claims, name), (Table::LinkTokens, token), (Table::Recovery, recovery)] {
            store.storage.dynamo.put_all(table, vec![row]).await.unwrap();
        }
        store.sessions().create(&verified_session(NUMBER, now)).await.unwrap();
    }
    [
        (SweepKind::Tokens, Table::LinkTokens),
        (SweepKind::Sessions, Table::Sessions),
        (SweepKind::Recovery, Table::Recovery),
        (SweepKind::Usernames, Table::Claims),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_goes_when_it_has_run_out_and_not_before() {
    let yard = Yard::open().await;
    let kinds = plant(&yard).await;
    let all: Vec<_> = kinds.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(yard.sweep(&plan(&all, true)).await, []);
    yard.store.clock.advance(Duration::from_millis(9_999));
    assert_eq!(yard.sweep(&plan(&all, true)).await, []);
    yard.store.clock.advance(Duration::from_secs(2));
    for (kind, table) in kinds {
        let before = yard.rows(table).await.len();
        let expected = u64::from(kind != SweepKind::Sessions);
        let found = |fate| if expected == 0 { Vec::new() } else { vec![(kind, fate, expected)] };
        assert_eq!(yard.sweep(&plan(&[kind], false)).await, found(Fate::Would), "a dry run takes nothing");
        assert_eq!(yard.rows(table).await.len(), before);
        assert_eq!(yard.sweep(&plan(&[kind], true)).await, found(Fate::Removed));
        assert_eq!(yard.rows(table).await.len() as u64, before as u64 - expected, "{kind:?}");
        assert_eq!(yard.sweep(&plan(&[kind], true)).await, []);
    }
    // Sessions live for ten minutes.
    yard.store.clock.advance(Duration::from_secs(605));
    assert_eq!(yard.sweep(&plan(&[SweepKind::Sessions], true)).await, [(SweepKind::Sessions, Fate::Removed, 2)]);
    Audit::of(&yard.store.storage).await.expect_clean();
}

/// A table that is walked in several pieces, each from the text of the cursor, comes to the same.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_where_it_was() {
    let yard = Yard::open().await;
    let tokens: Vec<Item> = (0..450)
        .map(|n| {
            let mut row = key("token", format!("token {n}"));
            row.insert("expires".to_owned(), number(yard.store.now().seconds() - 1));
            row
        })
        .collect();
    yard.store.storage.dynamo.put_all(Table::LinkTokens, tokens).await.unwrap();
    let plan = plan(&[SweepKind::Tokens, SweepKind::Sessions], true);
    let (mut cursor, mut pieces, mut removed) = (plan.begin(), Vec::new(), 0);
    while let Some(here) = cursor {
        let piece = yard.sweeper.step(&plan, Cursor::parse(&here.text()).unwrap()).await.unwrap();
        pieces.push((piece.table, piece.rows));
        removed += piece.found.len();
        cursor = piece.next;
    }
    assert_eq!(removed, 450);
    assert_eq!(pieces.iter().map(|(_, rows)| rows).sum::<u64>(), 450);
    assert!(pieces.len() >= 4 && pieces.last().unwrap().0 == Table::Sessions, "{pieces:?}");
}

/// Of pages that nothing points at only the old ones go, and none that an upload has written anew.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_nobody() {
    let yard = Yard::open().await;
    let (store, mut me) = (&yard.store, Registrant::generate());
    let pair = IdentityKeyPair::generate();
    let (signed, last) = (pair.signed_pre_key(KeyId::FIRST), pair.kem_pre_key(KeyId::FIRST));
    me.aci = CheckedDeviceKeys::check(pair.public().clone(), signed, last).unwrap();
    let account = me.register(store, NUMBER).await.unwrap();
    let of = Installation::from(&account.devices[0]);
    let shelf = Shelf { identity: ServiceId::Aci(account.aci), device: DeviceId::PRIMARY, of: &of };
    let upload = |from: i64| {
        let ids: Vec<_> = (from..from + 7).map(|id| KeyId::new(id).unwrap()).collect();
        let one_time = ids.iter().map(|id| ec_pre_key(*id)).collect();
        let one_time_kem = ids.iter().map(|id| pair.kem_pre_key(*id)).collect();
        let keys = UncheckedKeys { one_time, one_time_kem, ..UncheckedKeys::default() };
        keys.check(pair.public()).unwrap()
    };
    let (first, second) = (upload(1), upload(50));
    store.keys().upload(shelf, &first).await.unwrap();
    let pages = yard.rows(Table::Prekeys).await;
    store.keys().upload(shelf, &second).await.unwrap();
    // As if the first upload's pages had been written, and no more.
    store.storage.dynamo.put_all(Table::Prekeys, pages.clone()).await.unwrap();
    let sweep = plan(&[SweepKind::Pages], true);
    assert_eq!(yard.sweep(&sweep).await, []);
    store.clock.advance(Duration::from_secs(3_600));
    assert_eq!(yard.sweep(&sweep).await, []);
    store.clock.advance(Duration::from_millis(1));
    let dry = plan(&[SweepKind::Pages], false);
    assert_eq!(yard.sweep(&dry).await, [(SweepKind::Pages, Fate::Would, 3)]);

    // Looked at just before an upload is sent again.
    let mut anew = pages[0].clone();
    anew.insert("written".to_owned(), number(store.now().millis()));
    store.storage.dynamo.put_all(Table::Prekeys, vec![anew]).await.unwrap();
    assert!(store.keys().is_orphan(&pages[0]) && !store.keys().remove_orphan(&pages[0]).await.unwrap());
    assert_eq!(yard.sweep(&sweep).await, [(SweepKind::Pages, Fate::Removed, 2)]);
    assert_eq!(yard.rows(Table::Prekeys).await.len(), 4, "three of the set that is offered, and the young one");
    Audit::of(&store.storage).await.expect_clean();
}

/// No faster than it may: so many rows take so long.
#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_to_its_rate() {
    let yard = Yard::open().await;
    let tokens = (0..100).map(|n| {
        let mut row = key("token", format!("token {n}"));
        row.insert("expires".to_owned(), number(yard.store.now().seconds() + 1));
        row
    });
    yard.store.storage.dynamo.put_all(Table::LinkTokens, tokens.collect()).await.unwrap();
    let slow = signet::sweep::Plan { rate: 200, ..plan(&[SweepKind::Tokens], true) };
    let early = tokio::time::timeout(Duration::from_millis(450), yard.sweep(&slow)).await;
    assert!(early.is_err(), "a hundred rows at two hundred a second take half a second");
    assert_eq!(yard.sweep(&slow).await, []);
}
