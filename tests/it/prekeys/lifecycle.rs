//! Keys go with what they are of (§1A.6): the device, the account, the registration.

use serde_json::json;
use signet_storage::accounts::Ids;
use signet_storage::dynamo::faults::Fault;
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::{Audit, SignalClient, Table, TestRegistry};

use super::{Person, both, ec, kem, one_time, start, take};

const NUMBER: &str = "+12025550123";

/// Alice with two devices, all four pools full.
async fn alice_with_keys(t: &TestRegistry) -> Person {
    let alice = Person::register(t, NUMBER).await;
    alice.link(t, 2).await;
    for device in [1, 2] {
        alice.ask_as(device, t, "PUT", "/v2/keys", both(&alice.me.aci, 10..=29).to_string()).await.expect(204);
        let pni = both(&alice.me.pni, 10..=29).to_string();
        alice.ask_as(device, t, "PUT", "/v2/keys?identity=pni", pni).await.expect(204);
    }
    alice
}

async fn pages(t: &TestRegistry) -> usize {
    t.rows(Rows::Prekeys).await.len()
}

#[tokio::test]
async fn whoever_registers_again_begins_without_one_time_keys() {
    let t = start();
    let alice = alice_with_keys(&t).await;
    assert!(pages(&t).await > 0);
    let again = Person::register(&t, NUMBER).await;
    assert_eq!((&again.aci, &again.pni), (&alice.aci, &alice.pni));
    let mut table = Table::default();
    table.row("pages", pages(&t).await, 0);
    table.row("counts", (again.count(&t, "").await, again.count(&t, "?identity=pni").await), ((0, 0), (0, 0)));
    let bundle = take(&t, &again.aci, "*").await.expect(200);
    table.row("devices", bundle["devices"].as_array().unwrap().len(), 1);
    table.row("one-time keys", one_time(&bundle), (None, None));
    table.row("identity", bundle["identityKey"].as_str(), Some(again.me.aci.public().to_base64().as_str()));
    table.row("signed", &bundle["devices"][0]["signedPreKey"], &json!(again.me.aci_keys.signed));
    table.row("last resort", &bundle["devices"][0]["pqPreKey"], &json!(again.me.aci_keys.last_resort));
    let late = alice.upload(&t, &both(&alice.me.aci, 40..=45)).await;
    table.row("an upload of the device before", late.status, 401);
    table.row("pages of it", pages(&t).await, 0);
    again.upload(&t, &both(&again.me.aci, 10..=11)).await.expect(204);
    let found = one_time(&take(&t, &again.aci, "1").await.expect(200));
    table.row("its own", found, (Some(10), Some(10)));
    table.close();
    Audit::of(&t.registry.storage).await.expect_clean();
}

/// Also one with the same identity keys, whose earlier uploads would pass every check of signatures.
#[tokio::test]
async fn the_same_client_that_registers_again_is_another_installation() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    let body = both(&alice.me.aci, 10..=12);
    alice.upload(&t, &body).await.expect(204);
    let SignalClient { password, aci, pni, aci_keys, pni_keys } = alice.me;
    // Pages that nobody clears away are nobody's all the same.
    t.faults.always("Query", Fault::LoseRequest);
    let me = SignalClient { password: format!("{password}2"), aci, pni, aci_keys, pni_keys };
    let alice = Person::register_as(&t, NUMBER, me, &[]).await;
    t.faults.heal();
    let mut table = Table::default();
    table.row("pages are left", pages(&t).await > 0, true);
    table.row("none is handed out", one_time(&take(&t, &alice.aci, "1").await.expect(200)), (None, None));
    table.row("said anew", alice.upload(&t, &body).await.status, 204);
    table.row("handed out", one_time(&take(&t, &alice.aci, "1").await.expect(200)), (Some(10), Some(10)));
    let again = Person::register(&t, NUMBER).await;
    table.row("the next registration clears all", pages(&t).await, 0);
    table.row("of the same account", &again.aci, &alice.aci);
    table.close();
}

#[tokio::test]
async fn an_account_that_goes_takes_its_keys_along() {
    let t = start();
    let alice = alice_with_keys(&t).await;
    alice.ask(&t, "DELETE", "/v1/accounts/me", "").await.expect(204);
    let mut table = Table::default();
    table.row("pages", pages(&t).await, 0);
    table.row("keys", t.rows(Rows::Keys).await.len(), 0);
    let again = Person::register(&t, NUMBER).await;
    table.row("the number's next account", one_time(&take(&t, &again.aci, "1").await.expect(200)), (None, None));
    table.close();
    Audit::of(&t.registry.storage).await.expect_clean();
}

#[tokio::test]
async fn a_device_that_goes_takes_its_keys_along_and_no_others() {
    let t = start();
    let alice = alice_with_keys(&t).await;
    let before = pages(&t).await;
    let (keys, second) = (&t.registry.keys, 2.try_into().unwrap());
    let unlink = |account: &mut signet_storage::model::Account, _| {
        let writes = keys.writes_for_removed_device(account, second);
        account.devices.retain(|device| device.id != second);
        ((), writes)
    };
    let (account, ()) = t.registry.accounts.update("test", alice.aci(), unlink).await.unwrap().unwrap();
    let ids = Ids { aci: account.aci, pni: account.pni };
    let mut table = Table::default();
    table.row("not any more", take(&t, &alice.aci, "2").await.status, 401);
    keys.clear(ids, vec![second], None).await;
    table.row("pages", pages(&t).await, before / 2);
    table.row("keys", t.rows(Rows::Keys).await.len(), 2);
    // Somebody else gets the id, and leaves keys, before the clearing comes to it.
    alice.link(&t, 2).await;
    alice.ask_as(2, &t, "PUT", "/v2/keys", both(&alice.me.aci, 50..=51).to_string()).await.expect(204);
    keys.clear(ids, vec![second], None).await;
    table.row("the next one's", one_time(&take(&t, &alice.aci, "2").await.expect(200)), (Some(50), Some(50)));
    table.row("the first one's", alice.count(&t, "").await, (20, 20));
    table.close();
}

/// What replaces a set clears it away, each kind by itself.
#[tokio::test]
async fn a_replaced_set_is_cleared_away() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    alice.upload(&t, &both(&alice.me.aci, 10..=19)).await.expect(204);
    let full = pages(&t).await;
    let mut table = Table::default();
    for (what, body, expected) in [
        ("as many", both(&alice.me.aci, 20..=29), full),
        ("EC", json!({"preKeys": ec(30..=39)}), full),
        ("KEM, fewer", json!({"pqPreKeys": kem(&alice.me.aci, 30..=30)}), 2),
        ("again", json!({"pqPreKeys": kem(&alice.me.aci, 31..=31)}), 2),
    ] {
        alice.upload(&t, &body).await.expect(204);
        table.row(what, pages(&t).await, expected);
    }
    table.close();
}
