//! Takes and uploads while the store loses its answers: a key may be lost, and is never handed out twice.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use signet_storage::chance::Chance;
use signet_storage::dynamo::faults::Fault;
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::Table;

use super::{Person, both, distinct, one_time, start, take};

const NUMBER: &str = "+12025550123";

#[tokio::test]
async fn a_lost_answer_costs_a_key() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    alice.upload(&t, &both(&alice.me.aci, 10..=16)).await.expect(204);
    let mut table = Table::default();
    for (fault, expected) in [
        (None, 10),
        (Some(Fault::LoseReply), 12),
        (Some(Fault::LoseRequest), 13),
        (Some(Fault::Throttle), 14),
        (Some(Fault::Conflict), 15),
        (None, 16),
    ] {
        fault.into_iter().for_each(|fault| t.faults.once("UpdateItem", fault));
        let found = one_time(&take(&t, &alice.aci, "1").await.expect(200));
        table.row(format!("{fault:?}"), found, (Some(expected), Some(expected)));
    }
    t.faults.once("UpdateItem", Fault::LoseReply);
    table.row("none left", one_time(&take(&t, &alice.aci, "1").await.expect(200)), (None, None));
    t.faults.always("UpdateItem", Fault::LoseRequest);
    let down = take(&t, &alice.aci, "1").await;
    table.row("no store", (down.status, down.header("retry-after")), (503, Some("1")));
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_gives_nothing_twice() {
    let t = Arc::new(start());
    let alice = Arc::new(Person::register(&t, NUMBER).await);
    alice.upload(&t, &both(&alice.me.aci, 1001..=1100)).await.expect(204);
    t.faults.at_random(Chance::seeded(4), 20);
    let taking = (0..200).map(|_| {
        let (t, alice) = (t.clone(), alice.clone());
        tokio::spawn(async move { take(&t, &alice.aci, "1").await })
    });
    // The device says in between what it has said before: its answers are lost, too.
    let again = both(&alice.me.aci, 2001..=2100);
    let uploading = (0..8).map(|n| {
        let (t, alice, body) = (t.clone(), alice.clone(), again.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20 * n)).await;
            alice.upload(&t, &body).await.status
        })
    });
    let (taken, uploaded) = tokio::join!(join_all(taking), join_all(uploading));
    t.faults.heal();
    let uploaded: Vec<_> = uploaded.into_iter().map(|task| task.expect("no panic")).collect();
    assert!(uploaded.iter().all(|status| [204, 401, 503].contains(status)), "{uploaded:?}");
    let taken: Vec<_> = taken.into_iter().map(|task| task.expect("no panic")).collect();
    assert!(taken.iter().all(|answer| [200, 401, 503].contains(&answer.status)), "only the store is to blame");
    let found: Vec<_> =
        taken.iter().filter(|answer| answer.status == 200).map(|answer| one_time(&answer.json())).collect();
    let (ec, kem): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let (ec, kem) = (distinct(ec.into_iter().flatten()), distinct(kem.into_iter().flatten()));
    assert!(ec.len() > 50 && kem.len() > 50, "{} and {} keys: this shows little", ec.len(), kem.len());
    // And afterwards the device's upload is what is there, or it says it once more.
    alice.upload(&t, &again).await.expect(204);
    let mut rest = Vec::new();
    loop {
        let (ec, kem) = one_time(&take(&t, &alice.aci, "1").await.expect(200));
        match (ec, kem) {
            (None, None) => break,
            found => rest.push(found),
        }
    }
    let (rest_ec, rest_kem): (Vec<_>, Vec<_>) = rest.into_iter().unzip();
    distinct(ec.into_iter().chain(rest_ec.into_iter().flatten()));
    distinct(kem.into_iter().chain(rest_kem.into_iter().flatten()));
    assert!(t.rows(Rows::Prekeys).await.len() <= 2 * (1 + 20), "of at most two sets something is left");
}

/// The answer to the row's change is lost, or the device's own: what was taken meanwhile is not offered again.
#[tokio::test]
async fn an_upload_that_is_sent_again_goes_on_where_it_was() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    let (first, second) = (both(&alice.me.aci, 10..=14), both(&alice.me.aci, 20..=24));
    let mut table = Table::default();
    t.faults.once("UpdateItem", Fault::LoseReply);
    table.row("upload", alice.upload(&t, &first).await.status, 204);
    table.row("stored once", alice.count(&t, "").await, (5, 5));
    for expected in [10, 11] {
        table.row("taken", one_time(&take(&t, &alice.aci, "1").await.expect(200)), (Some(expected), Some(expected)));
    }
    table.row("again", alice.upload(&t, &first).await.status, 204);
    table.row("nothing is offered again", alice.count(&t, "").await, (3, 3));
    table.row("the next", one_time(&take(&t, &alice.aci, "1").await.expect(200)), (Some(12), Some(12)));

    // The same set with new signed keys: those are stored.
    let mut renewed = first.clone();
    renewed["signedPreKey"] = json!(alice.me.aci.signed_pre_key(super::id(9)));
    table.row("with a new signed key", alice.upload(&t, &renewed).await.status, 204);
    let bundle = take(&t, &alice.aci, "1").await.expect(200);
    table.row("signed key", bundle["devices"][0]["signedPreKey"]["keyId"].as_u64(), Some(9));
    table.row("one-time keys go on", one_time(&bundle), (Some(13), Some(13)));

    t.faults.once("UpdateItem", Fault::LoseReply);
    table.row("replaced", alice.upload(&t, &second).await.status, 204);
    table.row("the first, late", alice.upload(&t, &first).await.status, 204);
    table.row("a replaced set does not come back", alice.count(&t, "").await, (5, 5));
    table.row("the second's", one_time(&take(&t, &alice.aci, "1").await.expect(200)), (Some(20), Some(20)));
    table.row("pages of one set", t.rows(Rows::Prekeys).await.len(), 2);
    table.close();
}

/// Everything that an upload asks of the store, lost in turn.
#[tokio::test]
async fn whatever_is_lost_of_an_upload_it_is_whole_or_not_there() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    let mut table = Table::default();
    let mut ids = 100..;
    let mut next = || ids.next().unwrap() * 10;
    for operation in ["GetItem", "BatchWriteItem", "UpdateItem"] {
        for fault in [Fault::LoseRequest, Fault::LoseReply, Fault::Throttle] {
            let what = format!("{operation} {fault:?}");
            let first = next();
            t.faults.once(operation, fault);
            let status = alice.upload(&t, &both(&alice.me.aci, first..=first + 5)).await.status;
            table.row(&what, status, 204);
            let found = one_time(&take(&t, &alice.aci, "1").await.expect(200));
            table.row(&what, found, (Some(first.into()), Some(first.into())));
            // For ever: the upload is refused, and what there was before is what there is.
            t.faults.always(operation, fault);
            let second = next();
            let status = alice.upload(&t, &both(&alice.me.aci, second..=second + 5)).await.status;
            t.faults.heal();
            table.row(format!("{what}, for ever"), [401, 503].contains(&status) && status != 204, true);
            let (ec, kem) = one_time(&take(&t, &alice.aci, "1").await.expect(200));
            let done = operation == "UpdateItem" && fault == Fault::LoseReply;
            let expected = if done { second } else { first + 1 };
            table.row(format!("{what}, after"), (ec, kem), (Some(expected.into()), Some(expected.into())));
        }
    }
    table.close();
}
