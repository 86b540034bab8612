//! What a device asks about its own keys: how many there are (§1.1), and whether they are the ones it thinks (§1.4).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_keys::{EcPublicKey, KemPreKey, KemPublicKey, Signature, SignedPreKey, bundle_digest};
use signet_tests::{SignalClient, Table, TestRegistry};

use super::{Person, both, id, start};

const NUMBER: &str = "+12025550123";

#[tokio::test]
async fn each_identity_and_device_has_its_own_count() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    alice.link(&t, 2).await;
    let mut table = Table::default();
    table.row("at first", alice.count(&t, "").await, (0, 0));
    alice.upload(&t, &both(&alice.me.aci, 2..=4)).await.expect(204);
    let pni = both(&alice.me.pni, 2..=6).to_string();
    alice.ask(&t, "PUT", "/v2/keys?identity=pni", pni).await.expect(204);
    for (query, expected) in [
        ("", (3, 3)),
        ("?identity=aci", (3, 3)),
        ("?identity=ACI&pq=true", (3, 3)),
        ("?identity=pni", (5, 5)),
        ("?identity=Pni", (5, 5)),
    ] {
        table.row(query, alice.count(&t, query).await, expected);
        table.row(format!("{query} of the other device"), alice.count_of(2, &t, query).await, (0, 0));
    }
    for query in ["?identity=", "?identity=e164", "?identity=aci%20"] {
        table.row(query, alice.ask(&t, "GET", &format!("/v2/keys{query}"), "").await.status, 400);
    }
    table.close();
}

#[tokio::test]
async fn who_has_gone_has_no_keys() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    let mut table = Table::default();
    let requests: [(&str, &str, Value); 3] = [
        ("GET", "/v2/keys", Value::Null),
        ("PUT", "/v2/keys", json!({})),
        ("POST", "/v2/keys/check", json!({"identityType": "ACI", "digest": STANDARD.encode([0; 32])})),
    ];
    // The cache still knows the account, and its password, when the row of its keys has gone or is another installation's.
    let keys = t.registry.storage.dynamo.clone();
    let row = signet_keys::rows::key(signet_storage::ids::ServiceId::Aci(alice.aci()), 1.try_into().unwrap());
    keys.remove(signet_storage::dynamo::tables::Table::Keys, row).await.unwrap();
    for (method, path, body) in &requests {
        let what = format!("{method} {path}");
        table.row(&what, alice.ask(&t, method, path, body.to_string()).await.status, 401);
        let none = t.client.send(method, path, &[], body.to_string()).await;
        table.row(format!("{what} by nobody"), none.status, 401);
    }
    table.close();
}

fn digest(pair: &IdentityKeyPair, keys: &ClientKeys) -> [u8; 32] {
    bundle_digest(pair.public(), &keys.signed, &keys.last_resort)
}

#[tokio::test]
async fn a_device_learns_whether_its_keys_are_those_that_are_stored() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    let (aci, pni) = (digest(&alice.me.aci, &alice.me.aci_keys), digest(&alice.me.pni, &alice.me.pni_keys));
    let mut table = Table::default();
    let body = |kind: &str, digest: &[u8]| json!({"identityType": kind, "digest": STANDARD_NO_PAD.encode(digest)});
    for (what, body, status) in [
        ("ACI", body("ACI", &aci), 200),
        ("PNI", body("PNI", &pni), 200),
        ("in lower case", body("pni", &pni), 200),
        ("padded", json!({"identityType": "ACI", "digest": STANDARD.encode(aci)}), 200),
        ("the other identity's", body("ACI", &pni), 409),
        ("nobody's", body("PNI", &[0; 32]), 409),
        ("short", body("ACI", &aci[1..]), 422),
        ("long", body("ACI", &[&aci[..], &[0]].concat()), 422),
        ("empty", body("ACI", &[]), 422),
        ("no digest", json!({"identityType": "ACI"}), 422),
        ("null", json!({"identityType": "ACI", "digest": null}), 422),
        ("not base64", json!({"identityType": "ACI", "digest": "!"}), 422),
        ("no type", json!({"digest": STANDARD.encode(aci)}), 422),
        ("another type", body("E164", &aci), 422),
    ] {
        let answer = alice.ask(&t, "POST", "/v2/keys/check", body.to_string()).await;
        table.row(what, (answer.status, answer.text.as_str()), (status, ""));
    }
    table.row("not JSON", alice.ask(&t, "POST", "/v2/keys/check", "{").await.status, 400);
    table.row("no body", alice.ask(&t, "POST", "/v2/keys/check", "").await.status, 422);

    let renewed = alice.me.aci.signed_pre_key(id(2));
    alice.upload(&t, &json!({"signedPreKey": renewed})).await.expect(204);
    let before = alice.ask(&t, "POST", "/v2/keys/check", body("ACI", &aci).to_string()).await;
    table.row("what was replaced", before.status, 409);
    let now = bundle_digest(alice.me.aci.public(), &renewed, &alice.me.aci_keys.last_resort);
    let after = alice.ask(&t, "POST", "/v2/keys/check", body("ACI", &now).to_string()).await;
    table.row("what replaced it", after.status, 200);
    table.close();
}

/// The client of the vectors: identity V1 of §2.5, the pre-key that V1 signs, and a last resort of zeros.
fn of_the_vectors() -> SignalClient {
    let bytes = |text: &str| hex::decode(text).unwrap();
    let private = bytes("c097248412e58bf05df487968205132794178e367637f5818f81e0e6ce73e865");
    let pair = IdentityKeyPair::from_bytes(private.try_into().unwrap());
    let key = EcPublicKey::from_bytes(&bytes("05edce9d9c415ca78cb7252e72c2c4a554d3eb29485a0e1d503118d1a82d99fb4a"));
    let signature = bytes(
        "5de88ca9a89b4a115da79109c67c9c7464a3e4180274f1cb8c63c2984e286dfb\
         ede82deb9dcd9fae0bfbb821569b3d9001bd8130cd11d486cef047bd60b86e88",
    );
    let signed = SignedPreKey { id: id(17), key: key.unwrap(), signature: Signature::from_bytes(&signature).unwrap() };
    let kem = KemPublicKey::from_bytes(&[&[8], [0; 1568].as_slice()].concat()).unwrap();
    let last_resort = KemPreKey { id: id(19), signature: pair.sign(kem.as_bytes()), key: kem };
    let me = SignalClient::generate();
    SignalClient { aci: pair, aci_keys: ClientKeys { signed, last_resort }, ..me }
}

async fn vectors(t: &TestRegistry) -> Person {
    Person::register_as(t, NUMBER, of_the_vectors(), &[]).await
}

#[tokio::test]
async fn the_vector_of_the_digest() {
    let t = start();
    let alice = vectors(&t).await;
    let body = json!({"identityType": "ACI", "digest": "fExSpT7VAtQ6+ieuxIDJYNpiePE4IISINeQKysaN5GU="});
    assert_eq!(alice.ask(&t, "POST", "/v2/keys/check", body.to_string()).await.status, 200);
}

#[tokio::test]
async fn the_vector_of_the_fingerprint() {
    let t = start();
    let alice = vectors(&t).await;
    let mut table = Table::default();
    for (fingerprint, changed) in [("df0f4baf", 0), ("df0f4bae", 1)] {
        let fingerprint = STANDARD.encode(hex::decode(fingerprint).unwrap());
        let body = json!({"elements": [{"uuid": alice.aci, "fingerprint": fingerprint}]});
        let answer = t.client.send("POST", "/v1/profile/identity_check/batch", &[], body.to_string()).await;
        table.row(fingerprint, answer.expect(200)["elements"].as_array().unwrap().len(), changed);
    }
    table.close();
}
