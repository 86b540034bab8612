//! Bundles (§1.5): what is in them, in which order keys are handed out, and what happens when there are none.

use serde_json::{Value, json};
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::ids::ServiceId;
use signet_tests::{Table, TestRegistry};

use super::{Person, both, ec, kem, one_time, start, take};

const ALICE: &str = "+12025550123";
const BOB: &str = "+12025550124";

#[tokio::test]
async fn a_bundle_has_the_keys_of_the_identity_that_was_asked_for() {
    let t = start();
    let (alice, bob) = (Person::register(&t, ALICE).await, Person::register(&t, BOB).await);
    alice.link(&t, 2).await;
    let (aci, pni) = (both(&alice.me.aci, 5..=6), both(&alice.me.pni, 7..=8));
    alice.upload(&t, &aci).await.expect(204);
    alice.ask(&t, "PUT", "/v2/keys?identity=pni", pni.to_string()).await.expect(204);
    let of = |ec: &Value, kem: &Value, device: u8, registration: u16, keys: &signet_keys::signing::ClientKeys| {
        json!({"deviceId": device, "registrationId": registration, "signedPreKey": keys.signed, "preKey": ec,
            "pqPreKey": if kem.is_null() { json!(keys.last_resort) } else { kem.clone() }})
    };
    let none = &Value::Null;
    let mut table = Table::default();
    let by_pni = format!("PNI:{}", alice.pni);
    for (identifier, device, identity, devices) in [
        (
            &alice.aci,
            "1",
            &alice.me.aci,
            vec![of(&aci["preKeys"][0], &aci["pqPreKeys"][0], 1, 1234, &alice.me.aci_keys)],
        ),
        (&alice.aci, "2", &alice.me.aci, vec![of(none, none, 2, 1234, &alice.me.aci_keys)]),
        (
            &alice.aci.to_uppercase(),
            "*",
            &alice.me.aci,
            vec![
                of(&aci["preKeys"][1], &aci["pqPreKeys"][1], 1, 1234, &alice.me.aci_keys),
                of(none, none, 2, 1234, &alice.me.aci_keys),
            ],
        ),
        (&by_pni, "1", &alice.me.pni, vec![of(&pni["preKeys"][0], &pni["pqPreKeys"][0], 1, 5678, &alice.me.pni_keys)]),
        (
            &by_pni,
            "*",
            &alice.me.pni,
            vec![
                of(&pni["preKeys"][1], &pni["pqPreKeys"][1], 1, 5678, &alice.me.pni_keys),
                of(none, none, 2, 5678, &alice.me.pni_keys),
            ],
        ),
    ] {
        let answer = bob.ask(&t, "GET", &format!("/v2/keys/{identifier}/{device}"), "").await;
        let expected = json!({"identityKey": identity.public().to_base64(), "devices": devices});
        table.row(format!("{identifier}/{device}"), (answer.status, answer.json()), (200, expected));
    }
    table.close();
}

#[tokio::test]
async fn the_lowest_id_goes_first_and_then_there_are_none() {
    let t = start();
    let alice = Person::register(&t, ALICE).await;
    // Two sizes, more than a page of KEM keys, and not in order.
    let shuffled = |mut keys: Value| {
        keys.as_array_mut().unwrap().reverse();
        keys.as_array_mut().unwrap().swap(0, 2);
        keys
    };
    let body = json!({"preKeys": shuffled(ec(10..=13)), "pqPreKeys": shuffled(kem(&alice.me.aci, 20..=31))});
    alice.upload(&t, &body).await.expect(204);
    let mut table = Table::default();
    for n in 0..14_u64 {
        let expected = ((n < 4).then_some(10 + n), (n < 12).then_some(20 + n));
        let bundle = take(&t, &alice.aci, "1").await.expect(200);
        table.row(format!("take {n}"), one_time(&bundle), expected);
        table.row(
            format!("count after {n}"),
            alice.count(&t, "").await,
            (3_u64.saturating_sub(n), 11_u64.saturating_sub(n)),
        );
        table.row("always there", bundle["devices"][0]["signedPreKey"]["keyId"].as_u64(), Some(1));
        table.row("null, not absent", bundle["devices"][0].as_object().unwrap().contains_key("preKey"), true);
    }
    table.close();
}

#[tokio::test]
async fn devices_do_not_share_keys() {
    let t = start();
    let alice = Person::register(&t, ALICE).await;
    alice.link(&t, 2).await;
    alice.upload(&t, &both(&alice.me.aci, 5..=9)).await.expect(204);
    alice.ask_as(2, &t, "PUT", "/v2/keys", both(&alice.me.aci, 105..=106).to_string()).await.expect(204);
    let mut table = Table::default();
    for (device, expected) in
        [("1", Some(5)), ("2", Some(105)), ("1", Some(6)), ("2", Some(106)), ("2", None), ("1", Some(7))]
    {
        table.row(device, one_time(&take(&t, &alice.aci, device).await.expect(200)), (expected, expected));
    }
    table.row("left", (alice.count_of(1, &t, "").await, alice.count_of(2, &t, "").await), ((2, 2), (0, 0)));
    table.close();
}

async fn remove_keys(t: &TestRegistry, alice: &Person, device: u8) {
    let row = signet_keys::rows::key(ServiceId::Aci(alice.aci()), device.try_into().unwrap());
    t.registry.storage.dynamo.remove(Rows::Keys, row).await.unwrap();
}

#[tokio::test]
async fn a_device_without_keys_is_left_out() {
    let t = start();
    let (alice, bob) = (Person::register(&t, ALICE).await, Person::register(&t, BOB).await);
    alice.link(&t, 2).await;
    let mut table = Table::default();
    let path = |device: &str| format!("/v2/keys/{}/{device}", alice.aci);
    remove_keys(&t, &alice, 1).await;
    let all = bob.ask(&t, "GET", &path("*"), "").await.expect(200);
    table.row("all", all["devices"].as_array().unwrap().len(), 1);
    table.row("who is there", all["devices"][0]["deviceId"].as_u64(), Some(2));
    table.row("alone", bob.ask(&t, "GET", &path("1"), "").await.status, 404);
    table.row("alone, unidentified", take(&t, &alice.aci, "1").await.status, 404);
    remove_keys(&t, &alice, 2).await;
    table.row("none at all", bob.ask(&t, "GET", &path("*"), "").await.status, 404);
    table.close();
}

/// The cache is made to have an old account under a version that nothing replaces.
async fn cache_for_ever(t: &TestRegistry, old: &signet_storage::model::Account) {
    let (key, copy) = (format!("account:{}", old.aci), serde_json::to_vec(old).unwrap());
    t.registry.storage.cache.put_newer(&key, 1000, copy.into(), std::time::Duration::from_secs(60)).await.unwrap();
}

/// A cache that does not know of a registration leads to the account as it stands.
#[tokio::test]
async fn an_old_copy_of_the_account_is_found_out() {
    let t = start();
    let alice = Person::register(&t, ALICE).await;
    let mut table = Table::default();
    for linked in [false, true] {
        if linked {
            alice.link(&t, 2).await;
        }
        let old = t.registry.accounts.get(alice.aci()).await.unwrap().unwrap();
        let again = Person::register(&t, ALICE).await;
        assert_eq!(again.aci, alice.aci);
        cache_for_ever(&t, &old).await;
        let bundle = take(&t, &alice.aci, "*").await.expect(200);
        let identity = again.me.aci.public().to_base64();
        table.row("identity", bundle["identityKey"].as_str(), Some(identity.as_str()));
        table.row("devices", bundle["devices"].as_array().unwrap().len(), 1);
        table.row("keys", &bundle["devices"][0]["signedPreKey"], &json!(again.me.aci_keys.signed));
        table.row("a device that has gone", take(&t, &alice.aci, "2").await.status, 401);
        t.registry.storage.cache.remove(&format!("account:{}", alice.aci)).await.unwrap();
    }
    table.close();
}

/// Nor does an access key that the account had before open it.
#[tokio::test]
async fn an_old_access_key_opens_nothing() {
    let t = start();
    let alice = Person::register(&t, ALICE).await;
    let old = t.registry.accounts.get(alice.aci()).await.unwrap().unwrap();
    let other = [("/accountAttributes/unidentifiedAccessKey", Some(json!(super::uak(&[9; 16]))))];
    Person::register_as(&t, ALICE, signet_tests::SignalClient::generate(), &other).await;
    cache_for_ever(&t, &old).await;
    assert_eq!(take(&t, &alice.aci, "1").await.status, 401);
}
