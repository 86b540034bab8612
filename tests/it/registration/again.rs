//! A number that has an account registers again (§3.4 steps 4 to 10, §11.5).

use serde_json::{Value, json};
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::{SignalClient, Table, TestRegistry};

use super::{Desk, NUMBER};

const CAPABILITIES: &str = "/accountAttributes/capabilities";

#[tokio::test]
async fn the_same_identities_with_new_credentials() {
    let desk = Desk::open().await;
    let first = desk.register(&desk.body()).await.expect(201);
    let aci = first["uuid"].as_str().expect("an ACI");
    desk.t.client.whoami(aci, &desk.me.password).await.expect(200);
    let rows = desk.t.row_counts().await;

    let successor = SignalClient::generate();
    let session = desk.t.verified_session(NUMBER).await;
    let again =
        desk.t.client.register(NUMBER, &successor.password, &successor.registration(&session)).await.expect(200);
    for (field, expected) in
        [("uuid", &first["uuid"]), ("pni", &first["pni"]), ("number", &json!(NUMBER)), ("reregistration", &json!(true))]
    {
        assert_eq!(&again[field], expected, "{field}");
    }
    assert_eq!(desk.t.client.whoami(aci, &desk.me.password).await.status, 401, "the old password is dead");
    assert_eq!(desk.t.client.whoami(aci, &successor.password).await.expect(200)["uuid"], first["uuid"]);
    let account = desk.t.registry.accounts.get(aci.parse().expect("an ACI")).await.expect("an answer").expect("a row");
    assert_eq!((account.version, account.devices.len()), (1, 1));
    assert_eq!(account.identity_key.as_bytes(), &successor.aci.public().serialize()[..]);
    assert_eq!(account.pni_identity_key.as_bytes(), &successor.pni.public().serialize()[..]);

    let now = desk.t.row_counts().await;
    let difference: Vec<_> = now.iter().zip(&rows).filter(|(now, then)| now != then).map(|(now, _)| now.0).collect();
    assert_eq!(difference, ["sessions"], "nothing is left over of the former device");
    let keys = desk.t.rows(Rows::Keys).await;
    assert_eq!(keys.len(), 2, "one row for each identity");
}

#[tokio::test]
async fn a_session_may_be_used_again() {
    let desk = Desk::open().await;
    let first = desk.register(&desk.body()).await.expect(201);
    for _ in 0..3 {
        let again = desk.register(&desk.body()).await.expect(200);
        assert_eq!((&again["uuid"], &again["reregistration"]), (&first["uuid"], &json!(true)));
    }
}

#[tokio::test]
async fn storage_capable_tells_of_the_account_before() {
    let desk = Desk::open().await;
    let with = Some(json!({"spqr": true, "storage": true}));
    let without = Some(json!({"spqr": true}));
    let mut table = Table::default();
    for (what, capabilities, expected) in [
        ("a new account", with.clone(), false),
        ("after one with it", without.clone(), true),
        ("after one without", without, false),
        ("after another without", with.clone(), false),
        ("after one with it again", with, true),
    ] {
        let answer = desk.register(&desk.body_with([(CAPABILITIES, capabilities)])).await;
        table.row(what, answer.json()["storageCapable"].clone(), json!(expected));
    }
    table.close();
}

#[tokio::test]
async fn a_device_that_can_transfer_is_not_passed_over_unasked() {
    let desk = Desk::open().await;
    let skip = |value: Option<Value>| ("/skipDeviceTransfer", value);
    let can = (CAPABILITIES, Some(json!({"spqr": true, "transfer": true})));
    let cannot = (CAPABILITIES, Some(json!({"spqr": true, "transfer": false})));
    let mut table = Table::default();
    for (what, changes, status) in [
        ("nobody was there before", [skip(Some(json!(false))), can.clone()], 200),
        ("not skipped", [skip(Some(json!(false))), cannot.clone()], 409),
        ("not said", [skip(None), cannot.clone()], 409),
        ("null", [skip(Some(Value::Null)), cannot.clone()], 409),
        ("skipped", [skip(Some(json!(true))), cannot.clone()], 200),
        ("the former one cannot, the new one can", [skip(Some(json!(false))), can], 200),
        ("now it can", [skip(Some(json!(false))), cannot], 409),
    ] {
        table.row(what, desk.status(changes).await, status);
    }
    table.close();
    let who = desk.t.registry.outbox.letter(NUMBER);
    assert!(who.is_some(), "the session is as good as before");
}

/// The cache may hold an older copy, where it did not answer when the newer one was written.
#[tokio::test]
async fn an_old_copy_in_the_cache_does_not_refuse_a_new_password() {
    let t = TestRegistry::start();
    let session = t.verified_session(NUMBER).await;
    let (before, now) = (SignalClient::generate(), SignalClient::generate());
    let answer = t.client.register(NUMBER, &before.password, &before.registration(&session)).await.expect(201);
    let aci = answer["uuid"].as_str().unwrap();
    let old = t.registry.accounts.get(aci.parse().unwrap()).await.unwrap().unwrap();
    t.client.register(NUMBER, &now.password, &now.registration(&session)).await.expect(200);

    let copy = json!({"asOf": t.registry.clock.now(), "account": old}).to_string().into();
    let hour = std::time::Duration::from_secs(3600);
    // Of a version so high that it takes the place of the right one.
    assert!(t.registry.storage.cache.put_newer(&format!("account:{aci}"), 1_000, copy, hour).await.unwrap());
    t.client.whoami(aci, &before.password).await.expect(200);
    t.client.whoami(aci, &now.password).await.expect(200);
    assert_eq!(t.client.whoami(aci, "neither").await.status, 401);
}
