//! `POST /v1/profile/identity_check/batch` (§1.7).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_config::{Limit, LimitId, OnFailure};
use signet_tests::{Answer, Table, TestRegistry};

use super::{Person, start, start_with};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

async fn check(t: &TestRegistry, body: &str) -> Answer {
    t.client.send("POST", "/v1/profile/identity_check/batch", &[], body).await
}

fn element(id: &str, fingerprint: &[u8]) -> Value {
    json!({"uuid": id, "fingerprint": STANDARD.encode(fingerprint)})
}

#[tokio::test]
async fn only_changed_keys_are_told() {
    let t = start();
    let (alice, bob) = (Person::register(&t, "+12025550121").await, Person::register(&t, "+12025550122").await);
    let (alice_pni, bob_pni) = (format!("PNI:{}", alice.pni), format!("PNI:{}", bob.pni));
    let known = |pair: &signet_keys::signing::IdentityKeyPair| pair.public().fingerprint();
    let elements = [
        element(&alice.aci, &known(&alice.me.aci)),
        element(&bob.aci, &[0; 4]),
        element(NOBODY, &[0; 4]),
        element(&format!("PNI:{NOBODY}"), &[0; 4]),
        // The keys of the two identities are told apart, and so are their ids.
        element(&alice_pni, &known(&alice.me.aci)),
        element(&bob_pni, &known(&bob.me.pni)),
        element(&alice.pni, &[0; 4]),
    ];
    let answer = check(&t, &json!({"elements": elements}).to_string()).await.expect(200);
    let expected = json!({"elements": [
        {"uuid": bob.aci, "identityKey": bob.me.aci.public().to_base64()},
        {"uuid": alice_pni, "identityKey": alice.me.pni.public().to_base64()},
    ]});
    assert_eq!(answer, expected);
    // As the store has it when the cache has nothing.
    for person in [&alice, &bob] {
        t.registry.storage.cache.remove(&format!("account:{}", person.aci)).await.unwrap();
    }
    assert_eq!(check(&t, &json!({"elements": elements}).to_string()).await.expect(200), expected);
}

#[tokio::test]
async fn what_cannot_be_meant() {
    let t = start();
    let one = element(NOBODY, &[0; 4]);
    let of = |element: Value| json!({"elements": [one, element]}).to_string();
    let mut table = Table::default();
    for (what, body, status) in [
        ("none", json!({"elements": []}).to_string(), 200),
        ("a thousand", json!({"elements": vec![one.clone(); 1000]}).to_string(), 200),
        ("one more", json!({"elements": vec![one.clone(); 1001]}).to_string(), 422),
        ("no list", json!({}).to_string(), 422),
        ("null", json!({"elements": null}).to_string(), 422),
        ("a hole", of(Value::Null), 422),
        ("no id", of(json!({"fingerprint": "AAAAAA=="})), 422),
        ("an id that is none", of(element("rubbish", &[0; 4])), 422),
        ("no fingerprint", of(json!({"uuid": NOBODY})), 422),
        ("a short one", of(element(NOBODY, &[0; 3])), 422),
        ("a long one", of(element(NOBODY, &[0; 5])), 422),
        ("not base64", of(json!({"uuid": NOBODY, "fingerprint": "!"})), 422),
        ("unpadded", of(json!({"uuid": NOBODY, "fingerprint": "AAAAAA"})), 200),
        ("not JSON", "{".to_owned(), 400),
        ("no body", String::new(), 422),
    ] {
        table.row(what, check(&t, &body).await.status, status);
    }
    table.close();
}

#[tokio::test]
async fn an_address_may_not_ask_for_ever() {
    let t = start_with(|config| {
        config.limits.set(LimitId::BatchIdentityCheck, Limit::bucket(2, Duration::from_secs(60), OnFailure::Allow));
    });
    let mut table = Table::default();
    for (n, status) in [200, 422, 429].into_iter().enumerate() {
        let body = if n == 1 { "[]" } else { r#"{"elements":[]}"# };
        let answer = check(&t, body).await;
        table.row(n, answer.status, status);
        table.row(
            format!("{n}: who"),
            answer.header("x-ratelimit-limiter"),
            (status == 429).then_some("batchIdentityCheck"),
        );
    }
    table.close();
}
