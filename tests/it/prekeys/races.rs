//! Many at once: each one-time key is handed out once, whoever takes and whoever uploads meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use signet_storage::dynamo::faults::Fault;
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::TestRegistry;

use super::{Person, both, distinct, one_time, start, take};

const NUMBER: &str = "+12025550123";

async fn take_many(t: &Arc<TestRegistry>, identifier: &str, many: usize) -> Vec<Value> {
    let one = |_| {
        let (t, identifier) = (t.clone(), identifier.to_owned());
        tokio::spawn(async move { take(&t, &identifier, "*").await.expect(200) })
    };
    join_all((0..many).map(one)).await.into_iter().map(|task| task.expect("no panic")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_takes_a_hundred_get_keys() {
    let t = Arc::new(start());
    let alice = Person::register(&t, NUMBER).await;
    alice.upload(&t, &both(&alice.me.aci, 1001..=1100)).await.expect(204);
    let found: Vec<_> = take_many(&t, &alice.aci, 200).await.iter().map(one_time).collect();
    let (ec, kem): (Vec<_>, Vec<_>) = found.iter().copied().unzip();
    assert!(found.iter().all(|(ec, kem)| ec == kem), "both pools are as full, so each take gets both or neither");
    let ec = distinct(ec.into_iter().flatten());
    assert!(ec.iter().copied().eq(1001..=1100), "all of them are handed out");
    assert_eq!(distinct(kem.into_iter().flatten()), ec);
    assert_eq!(alice.count(&t, "").await, (0, 0));
}

/// While the device uploads one set after the other, everybody gets a one-time key of each kind: of the set before or of the
/// one after. Fewer are taken in all than one set has, so that none runs out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_moment_without_a_set() {
    let t = Arc::new(start());
    let alice = Person::register(&t, NUMBER).await;
    let uploads: Vec<_> = (1..=8).map(|n| both(&alice.me.aci, 1000 * n + 1..=1000 * n + 100)).collect();
    alice.upload(&t, &uploads[0]).await.expect(204);
    let mut found = Vec::new();
    for body in &uploads[1..] {
        let takes = (0..13).map(|n| {
            let (t, aci) = (t.clone(), alice.aci.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(4 * n)).await;
                one_time(&take(&t, &aci, "1").await.expect(200))
            })
        });
        let (taken, uploaded) = tokio::join!(join_all(takes), alice.upload(&t, body));
        uploaded.expect(204);
        found.extend(taken.into_iter().map(|task| task.expect("no panic")));
    }
    let (ec, kem): (Vec<_>, Vec<_>) = found.iter().copied().unzip();
    for ids in [ec, kem] {
        let given = distinct(ids.iter().flatten().copied());
        assert_eq!(given.len(), ids.len(), "somebody got no key");
        let sets: BTreeSet<_> = given.iter().map(|id| id / 1000).collect();
        assert!(sets.len() > 3, "takes met few sets: this shows little");
    }
    // What was replaced is cleared away: the last set is all there is.
    assert_eq!(t.rows(Rows::Prekeys).await.len(), pages_of(&t, &alice).await);
}

/// Whoever comes to a page that was cleared away since takes from the set that replaced it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_gets_a_key_of_the_next_set() {
    let t = Arc::new(start());
    let alice = Person::register(&t, NUMBER).await;
    alice.upload(&t, &both(&alice.me.aci, 10..=14)).await.expect(204);
    let next = both(&alice.me.aci, 20..=24);
    t.faults.once("GetItem", Fault::Delay(Duration::from_secs(2)));
    let slow = tokio::spawn({
        let (t, aci) = (t.clone(), alice.aci.clone());
        async move { take(&t, &aci, "1").await.expect(200) }
    });
    // Its request is the first to read, and the one that is slow.
    tokio::time::sleep(Duration::from_millis(500)).await;
    alice.upload(&t, &next).await.expect(204);
    assert!(!slow.is_finished(), "it was not slow: this shows nothing");
    assert_eq!(one_time(&slow.await.expect("no panic")), (Some(20), Some(20)));
}

/// Pages that the device's row points at.
async fn pages_of(t: &TestRegistry, alice: &Person) -> usize {
    let (identity, device) = (signet_storage::ids::ServiceId::Aci(alice.aci()), 1.try_into().unwrap());
    let keys = t.registry.keys.get(identity, device).await.unwrap().unwrap();
    let account = t.registry.accounts.get(alice.aci()).await.unwrap().unwrap();
    let of = signet_keys::Installation::from(account.device(device).unwrap());
    let shelf = signet_keys::Shelf { identity, device, of: &of };
    let pools = signet_keys::Kind::ALL.into_iter().filter_map(|kind| Some((kind, keys.pool(kind)?)));
    pools.map(|(kind, pool)| signet_keys::pages::keys_of_set(shelf, kind, &pool.set, pool.count as usize).len()).sum()
}

/// Uploads at the same time: one of them is what is stored in the end, and nothing of the others is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_at_once_leave_one_set() {
    let t = Arc::new(start());
    let alice = Arc::new(Person::register(&t, NUMBER).await);
    let uploads = (0..6).map(|n| {
        let (t, alice) = (t.clone(), alice.clone());
        let body = both(&alice.me.aci, 1000 * n + 1001..=1000 * n + 1007);
        tokio::spawn(async move { alice.upload(&t, &body).await.status })
    });
    let statuses: Vec<_> = join_all(uploads).await.into_iter().map(|task| task.expect("no panic")).collect();
    assert!(statuses.iter().all(|status| *status == 204), "{statuses:?}");
    assert_eq!(alice.count(&t, "").await, (7, 7));
    let found: Vec<_> = take_many(&t, &alice.aci, 8).await.iter().map(one_time).collect();
    let (ec, kem): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    for ids in [ec, kem] {
        let ids = distinct(ids.into_iter().flatten());
        assert_eq!(ids.len(), 7);
        assert!(ids.iter().all(|id| id / 1000 == ids.first().unwrap() / 1000), "of one set: {ids:?}");
    }
    assert_eq!(t.rows(Rows::Prekeys).await.len(), pages_of(&t, &alice).await);
}
