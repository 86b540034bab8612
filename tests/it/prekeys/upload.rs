//! `PUT /v2/keys` (§1.3): each part that is there replaces what is stored, and one bad signature refuses all.

use serde_json::{Value, json};
use signet_keys::KeyId;
use signet_tests::table::put;
use signet_tests::{Table, TestRegistry};

use super::{Person, both, ec, id, kem, one_time, start, take};

const NUMBER: &str = "+12025550123";

/// An upload of everything, a few of each.
fn full(alice: &Person) -> Value {
    let mut body = both(&alice.me.aci, 10..=12);
    body["signedPreKey"] = json!(alice.me.aci.signed_pre_key(id(20)));
    body["pqLastResortPreKey"] = json!(alice.me.aci.kem_pre_key(id(30)));
    body
}

/// Everything others would get: counts, and the ids of the keys that stay.
async fn stored(t: &TestRegistry, alice: &Person) -> (u64, u64, KeyId, KeyId) {
    let identity = signet_storage::ids::ServiceId::Aci(alice.aci());
    let keys = t.registry.keys.get(identity, 1.try_into().unwrap()).await.unwrap().unwrap();
    let [ec, kem] = signet_keys::Kind::ALL.map(|kind| keys.left(kind));
    (ec, kem, keys.signed.id, keys.last_resort.id)
}

#[tokio::test]
async fn each_part_replaces_what_is_stored_and_the_rest_stays() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    let mut table = Table::default();
    let full = full(&alice);
    let part = |name: &str| json!({name: full[name]});
    for (what, body, expected) in [
        ("nothing", json!({}), (0, 0, id(1), id(1))),
        ("null", json!({"preKeys": null, "pqPreKeys": null, "signedPreKey": null}), (0, 0, id(1), id(1))),
        ("EC", part("preKeys"), (3, 0, id(1), id(1))),
        ("signed", part("signedPreKey"), (3, 0, id(20), id(1))),
        ("KEM", part("pqPreKeys"), (3, 3, id(20), id(1))),
        ("last resort", part("pqLastResortPreKey"), (3, 3, id(20), id(30))),
        ("empty lists", json!({"preKeys": [], "pqPreKeys": []}), (3, 3, id(20), id(30))),
        ("fewer", json!({"preKeys": ec(50..=50)}), (1, 3, id(20), id(30))),
        ("a hundred of each", both(&alice.me.aci, 100..=199), (100, 100, id(20), id(30))),
    ] {
        let answer = alice.upload(&t, &body).await;
        table.row(what, (answer.status, answer.text.as_str()), (204, ""));
        table.row(format!("{what}: stored"), stored(&t, &alice).await, expected);
    }
    table.row("what is handed out", one_time(&take(&t, &alice.aci, "1").await.expect(200)), (Some(100), Some(100)));
    table.close();
}

#[tokio::test]
async fn what_is_wrong_is_refused_whole() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    let good = full(&alice);
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        put(&mut body, pointer, Some(value));
        body.to_string()
    };
    let without = |pointer: &str| {
        let mut body = good.clone();
        put(&mut body, pointer, None);
        body.to_string()
    };
    let nth = |list: &str, n: usize, pointer: &str, value: Value| {
        let mut body = good.clone();
        put(&mut body[list][n], pointer, Some(value));
        body.to_string()
    };
    let strange = &alice.me.pni;
    let (signed, last) = ("/signedPreKey", "/pqLastResortPreKey");
    let mut entry = good["pqPreKeys"].clone();
    entry[1] = json!(strange.kem_pre_key(id(11)));
    let mut hole = good["preKeys"].clone();
    hole[0] = Value::Null;
    let mut table = Table::default();
    for (what, body, status) in [
        ("not JSON", "{".to_owned(), 400),
        ("no body", String::new(), 422),
        ("a list", "[]".to_owned(), 422),
        ("101 EC", with("/preKeys", ec(1..=101)), 422),
        ("101 KEM", with("/pqPreKeys", json!(vec![good["pqPreKeys"][0].clone(); 101])), 422),
        ("signed by another", with(signed, json!(strange.signed_pre_key(id(20)))), 422),
        ("last resort by another", with(last, json!(strange.kem_pre_key(id(30)))), 422),
        ("one KEM by another", with("/pqPreKeys", entry), 422),
        ("EC key id below 0", nth("preKeys", 0, "/keyId", json!(-1)), 422),
        ("EC key id too large", nth("preKeys", 0, "/keyId", json!(2_147_483_648_u32)), 422),
        ("KEM key id too large", nth("pqPreKeys", 0, "/keyId", json!(2_147_483_648_u32)), 422),
        ("signed key id too large", with("/signedPreKey/keyId", json!(2_147_483_648_u32)), 422),
        ("EC key that is none", nth("preKeys", 2, "/publicKey", json!("BQ==")), 422),
        ("EC key empty", nth("preKeys", 2, "/publicKey", json!("")), 422),
        ("EC key of another type", nth("preKeys", 2, "/publicKey", good["pqPreKeys"][0]["publicKey"].clone()), 422),
        ("KEM key that is none", nth("pqPreKeys", 2, "/publicKey", json!("CA==")), 422),
        ("KEM key null", nth("pqPreKeys", 2, "/publicKey", Value::Null), 422),
        ("no signature", without("/signedPreKey/signature"), 422),
        ("no public key", without("/pqLastResortPreKey/publicKey"), 422),
        ("no key id", without("/signedPreKey/keyId"), 422),
        ("a hole in a list", with("/preKeys", hole), 422),
        ("a text for a list", with("/preKeys", json!("")), 422),
    ] {
        let answer = alice.ask(&t, "PUT", "/v2/keys", body).await;
        table.row(what, answer.status, status);
        table.row(format!("{what}: stored"), stored(&t, &alice).await, (0, 0, id(1), id(1)));
    }
    let pages = t.rows(signet_storage::dynamo::tables::Table::Prekeys).await;
    table.row("pages", pages.len(), 0);
    for (query, status) in [("?identity=pni", 422), ("?identity=e164", 400), ("?identity=Aci", 204)] {
        table.row(query, alice.ask(&t, "PUT", &format!("/v2/keys{query}"), good.to_string()).await.status, status);
    }
    let legacy = with("/identityKey", json!("rubbish"));
    table.row("an identity key is not looked at", alice.ask(&t, "PUT", "/v2/keys", legacy).await.status, 204);
    table.close();
}

#[tokio::test]
async fn the_largest_and_the_smallest_key_id() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    let mut body = both(&alice.me.aci, 2_147_483_647..=2_147_483_647);
    body["preKeys"].as_array_mut().unwrap().extend(ec(0..=0).as_array().unwrap().clone());
    body["pqPreKeys"].as_array_mut().unwrap().extend(kem(&alice.me.aci, 0..=0).as_array().unwrap().clone());
    alice.upload(&t, &body).await.expect(204);
    let mut table = Table::default();
    for (n, expected) in [(1, 0), (2, 2_147_483_647)] {
        let bundle = take(&t, &alice.aci, "1").await.expect(200);
        table.row(n, one_time(&bundle), (Some(expected), Some(expected)));
    }
    table.close();
}

/// Of two keys with one id, one is stored: nobody gets the id again.
#[tokio::test]
async fn one_id_is_one_key() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    let twice = |list: Value, other: Value| json!([list[0], other[0], list[1]]);
    let body = json!({"preKeys": twice(ec(5..=6), ec(5..=5)),
        "pqPreKeys": twice(kem(&alice.me.aci, 5..=6), kem(&alice.me.aci, 5..=5))});
    alice.upload(&t, &body).await.expect(204);
    assert_eq!(alice.count(&t, "").await, (2, 2));
    let device = take(&t, &alice.aci, "1").await.expect(200)["devices"][0].clone();
    assert_eq!((&device["preKey"], &device["pqPreKey"]), (&body["preKeys"][1], &body["pqPreKeys"][1]), "the last");
}
