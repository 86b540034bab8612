//! Who may, with what proof, for which devices, and in which order that is judged (§10.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet::events::Event;
use signet_config::{Limit, LimitId, OnFailure};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_storage::dynamo::faults::Fault;
use signet_storage::ids::{DeviceId, ServiceId};
use signet_tests::{Audit, Table};

use super::{HERE, HOUR, MS, THERE, Town, Via, changed, heard, message};

#[tokio::test]
async fn an_account_moves_with_all_its_devices() {
    for via in Via::ALL {
        let town = Town::open();
        let who = town.settle(HERE).await;
        let (linked, password) = town.link(&who).await;
        let before = town.account(&who).await;
        let body = town.body(&who, THERE).await;
        let mut events = town.listen();
        let answer = town.ask(via, &who, &body).await.expect(200);
        let after = town.account(&who).await;
        assert_eq!((after.aci, after.phone_number.as_str()), (before.aci, THERE));
        assert_ne!(after.pni, before.pni);
        let told = json!({
            "uuid": after.aci,
            "number": THERE,
            "pni": after.pni,
            "usernameHash": null,
            "usernameLinkHandle": null,
            // The linked device cannot.
            "storageCapable": after.can(&signet_storage::model::capability::STORAGE),
            "entitlements": {"badges": [], "backup": null},
            "authCredentialSalt": null,
        });
        assert_eq!(answer, told);
        let moved = Event::NumberChanged { aci: who.aci, displaced: None, messages: 1 };
        assert_eq!(heard(&mut events), [moved]);

        // Credentials are as they were, and everybody is told the new number.
        assert_eq!(town.whoami(&who).await.expect(200), told);
        assert_eq!(town.t.client.whoami(&linked, password).await.expect(200), told);
        for device in [1, 2_u8] {
            let keys = &town.t.registry.keys;
            let id = DeviceId::try_from(device).unwrap();
            let row = keys.get(ServiceId::Pni(after.pni), id).await.unwrap().unwrap();
            assert_eq!(json!(row.signed), body["devicePniSignedPrekeys"][device.to_string()]);
            assert_eq!(json!(row.last_resort), body["devicePniPqLastResortPrekeys"][device.to_string()]);
            assert_eq!(row.registration_id.get(), 1000 + u16::from(device));
            assert_eq!(json!(STANDARD.encode(row.identity.serialize())), body["pniIdentityKey"]);
            assert_eq!(after.device(id).unwrap().pni_registration_id.unwrap().get(), 1000 + u16::from(device));
            assert_eq!(keys.get(ServiceId::Pni(before.pni), id).await.unwrap(), None);
        }
        let audit = Audit::of(&town.t.registry.storage).await.expect_clean();
        assert_eq!((audit.claims, audit.keys), (3, 4));
    }
}

/// A socket stays open and knows the new number at once; keys are had under the new PNI and no longer under the old one.
#[tokio::test]
async fn what_others_see_is_new_at_once() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    let old = town.account(&who).await.pni;
    let mut socket = signet_tests::Socket::of_device(town.t.plain, &who.aci.to_string(), &who.me.password).await;
    let exists = async |pni: String| {
        town.t.client.send("HEAD", &format!("/v1/accounts/account/PNI:{pni}"), &[], "").await.status
    };
    assert_eq!(exists(old.to_string()).await, 200);
    let body = town.body(&who, THERE).await;
    let answer = socket.send("PUT", super::PATH, &[("content-type", "application/json")], body.to_string()).await;
    assert_eq!(answer.status, 200);
    let me = socket.send("GET", "/v1/accounts/whoami", &[], "").await.expect(200);
    assert_eq!(me["number"], THERE);
    let new = me["pni"].as_str().unwrap().to_owned();
    assert_eq!((exists(old.to_string()).await, exists(new).await), (404, 200));
    town.t.advance(2 * HOUR);
    assert_eq!(socket.send("GET", "/v1/accounts/whoami", &[], "").await.status, 200);
}

#[tokio::test]
async fn proofs_and_devices_are_judged_in_the_contracts_order() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    let (linked, password) = town.link(&who).await;
    town.link(&who).await;
    let before = town.account(&who).await;
    let body = town.body(&who, THERE).await;
    let unverified = town.t.client.begin_session(THERE).await.expect(200)["id"].clone();
    let of_another = json!(town.t.verified_session("+12025550103").await);
    let unknown = json!(base64::engine::general_purpose::URL_SAFE.encode([7; 16]));
    let strangers = ClientKeys::generate(&IdentityKeyPair::generate());
    let (ec, kem) = (&body["devicePniSignedPrekeys"], &body["devicePniPqLastResortPrekeys"]);
    let long = json!(STANDARD.encode(vec![7; 96 * 1024 + 1]));
    let password_of_nobody = [("/sessionId", None), ("/recoveryPassword", Some(json!(STANDARD.encode([9; 32]))))];
    let messages = |list: &[(u8, u16)]| {
        let list: Vec<_> = list.iter().map(|(device, id)| message(*device, *id)).collect();
        ("/deviceMessages", Some(Value::from(list)))
    };
    let mismatch = |missing: &[u8], extra: &[u8]| json!({"missingDevices": missing, "extraDevices": extra});
    let none = Value::Null;
    let bad_device = ("/devicePniSignedPrekeys/2", None);
    let cases: Vec<(&str, Vec<super::Change<'_>>, u16, Value)> = vec![
        ("an unknown session", vec![("/sessionId", Some(unknown))], 401, none.clone()),
        ("a session without a right code", vec![("/sessionId", Some(unverified.clone()))], 401, none.clone()),
        ("a session of another number", vec![("/sessionId", Some(of_another))], 400, none.clone()),
        ("an impossible session", vec![("/sessionId", Some(json!("AAAA")))], 400, none.clone()),
        ("a recovery password that is none", password_of_nobody.to_vec(), 403, none.clone()),
        ("proof before devices", vec![("/sessionId", Some(unverified)), bad_device.clone()], 401, none.clone()),
        ("messages for one of two", vec![messages(&[(2, 4321)])], 409, mismatch(&[3], &[])),
        ("for another", vec![messages(&[(2, 4321), (4, 4321)])], 409, mismatch(&[3], &[4])),
        ("for the primary, too", vec![messages(&[(1, 1234), (2, 4321), (3, 4321)])], 409, mismatch(&[], &[1])),
        ("for an earlier installation", vec![messages(&[(2, 4321), (3, 1)])], 410, json!({"staleDevices": [3]})),
        ("by the id under the number", vec![messages(&[(2, 8765), (3, 4321)])], 410, json!({"staleDevices": [2]})),
        ("stale and wrong", vec![messages(&[(2, 1), (4, 4321)])], 410, json!({"staleDevices": [2]})),
        (
            "no registration id",
            vec![("/deviceMessages/0/destinationRegistrationId", None)],
            410,
            json!({"staleDevices": [2]}),
        ),
        ("too long", vec![("/deviceMessages/1/content", Some(long.clone()))], 413, none.clone()),
        (
            "too long and wrong",
            vec![("/deviceMessages/1/content", Some(long)), ("/deviceMessages/1/destinationDeviceId", Some(json!(4)))],
            409,
            mismatch(&[3], &[4]),
        ),
        ("no signed key of one", vec![bad_device.clone()], 409, mismatch(&[2], &[])),
        ("none of the primary", vec![("/devicePniSignedPrekeys/1", None)], 409, mismatch(&[1], &[])),
        ("one of another", vec![("/devicePniSignedPrekeys/4", Some(ec["1"].clone()))], 409, mismatch(&[], &[4])),
        ("no last-resort key of one", vec![("/devicePniPqLastResortPrekeys/3", None)], 409, mismatch(&[3], &[])),
        ("one of another", vec![("/devicePniPqLastResortPrekeys/4", Some(kem["1"].clone()))], 409, mismatch(&[], &[4])),
        ("no registration id of one", vec![("/pniRegistrationIds/2", None)], 409, mismatch(&[2], &[])),
        ("one of another", vec![("/pniRegistrationIds/9", Some(json!(1)))], 409, mismatch(&[], &[9])),
        (
            "messages before keys",
            vec![messages(&[(2, 1), (3, 4321)]), bad_device.clone()],
            410,
            json!({"staleDevices": [2]}),
        ),
        ("keys also without messages", vec![messages(&[]), bad_device], 409, mismatch(&[2], &[])),
    ];
    let mut table = Table::default();
    for via in Via::ALL {
        for (what, changes, status, told) in &cases {
            let answer = town.ask(via, &who, &changed(body.clone(), changes)).await;
            table.row(format!("{via:?}: {what}"), (answer.status, answer.json()), (*status, told.clone()));
        }
        let wrong_key = ("/devicePniSignedPrekeys/1", Some(json!(strangers.signed)));
        for (what, changes, status) in [
            ("a linked device", vec![], 403),
            ("a linked device with a wrong signature", vec![wrong_key], 403),
            ("a linked device with a wrong body", vec![("/number", None)], 422),
        ] {
            let answer = town.send(via, &linked, password, changed(body.clone(), &changes)).await;
            table.row(format!("{via:?}: {what}"), answer.status, status);
        }
    }
    let nobody = town.send(Via::Rest, &who.aci.to_string(), "wrong", "{").await;
    table.row("a wrong password, before the body", nobody.status, 401);
    table.row("no credentials", town.t.client.send("PUT", super::PATH, &[], body.to_string()).await.status, 401);
    table.row("the account", town.account(&who).await == before, true);
    table.close();
    assert_eq!(town.ask(Via::Socket, &who, &body).await.status, 200, "none of it has cost anything");
    Audit::of(&town.t.registry.storage).await.expect_clean();
}

#[tokio::test]
async fn one_number_is_not_tried_for_ever() {
    let town = Town::open_with(|config| {
        config.limits.set(LimitId::Registration, Limit::bucket(3, HOUR, OnFailure::Refuse));
        config.accounts.change_number_wait = MS;
    });
    // A registration takes one of its number's permits.
    let who = town.settle(HERE).await;
    let body = town.body(&who, THERE).await;
    let bogus = changed(body.clone(), &[("/sessionId", Some(json!("AAAA")))]);
    for _ in 0..5 {
        let refused = town.ask(Via::Rest, &who, &bogus).await;
        assert_eq!((refused.status, refused.header("x-ratelimit-limiter")), (429, Some("changeNumberWait")));
    }
    town.t.advance(MS);
    for _ in 0..3 {
        assert_eq!(town.ask(Via::Rest, &who, &bogus).await.status, 400, "the wait took no permits");
    }
    for via in Via::ALL {
        let refused = town.ask(via, &who, &body).await;
        assert_eq!((refused.status, refused.header("x-ratelimit-limiter")), (429, Some("registration")));
        assert_eq!(refused.header("retry-after"), Some("3600"));
    }
    let own = town.body(&who, HERE).await;
    assert_eq!(town.ask(Via::Rest, &who, &own).await.status, 200, "nor does one's own number");
}

#[tokio::test]
async fn while_the_store_is_away_nothing_happens() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    let (before, body) = (town.account(&who).await, town.body(&who, THERE).await);
    town.whoami(&who).await.expect(200);
    let mut table = Table::default();
    for via in Via::ALL {
        for operation in ["GetItem", super::COMMIT] {
            // The socket opens while all is well.
            let mut socket =
                signet_tests::Socket::of_device(town.t.plain, &who.aci.to_string(), &who.me.password).await;
            town.t.faults.always(operation, Fault::LoseRequest);
            let answer = match via {
                Via::Rest => town.ask(via, &who, &body).await,
                Via::Socket => {
                    socket.send("PUT", super::PATH, &[("content-type", "application/json")], body.to_string()).await
                }
            };
            town.t.faults.heal();
            table.row(format!("{via:?}: {operation}"), (answer.status, answer.header("retry-after")), (503, Some("1")));
        }
    }
    table.row("the account", town.account(&who).await == before, true);
    table.close();
    town.ask(Via::Rest, &who, &body).await.expect(200);
}
