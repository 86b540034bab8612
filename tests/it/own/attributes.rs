//! `PUT /v1/accounts/attributes` (§9.3): everything is replaced, what is left out is gone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::model::{Account, Opaque, PushChannel};
use signet_tests::table::put;
use signet_tests::{SignalClient, Table};

use super::{DAY, Home, Login, Via, WAYS};

const PATH: &str = "/v1/accounts/attributes";

fn attributes(h: &Home, changes: &[(&str, Option<Value>)]) -> String {
    let mut body = h.owner.registration("")["accountAttributes"].clone();
    changes.iter().for_each(|(pointer, value)| put(&mut body, pointer, value.clone()));
    body.to_string()
}

#[tokio::test]
async fn every_status() {
    let h = Home::open().await;
    let bytes = |n: usize| Some(json!(STANDARD.encode(vec![7; n])));
    let mut rows: Vec<(&str, Option<Value>, u16)> = vec![
        ("/fetchesMessages", Some(json!("yes")), 422),
        ("/fetchesMessages", None, 204),
        ("/fetchesMessages", Some(Value::Null), 204),
        ("/registrationId", None, 422),
        ("/registrationId", Some(json!("5")), 422),
        ("/pniRegistrationId", None, 204),
        ("/pniRegistrationId", Some(Value::Null), 204),
        ("/name", bytes(225), 204),
        ("/name", bytes(226), 422),
        ("/name", Some(json!("%")), 422),
        ("/name", Some(Value::Null), 204),
        ("/capabilities", None, 204),
        ("/capabilities", Some(json!({})), 204),
        ("/capabilities", Some(json!({"flying": true, "spqr": null})), 204),
        ("/capabilities", Some(json!([])), 422),
        ("/registrationLock", Some(json!("a".repeat(64))), 204),
        ("/registrationLock", Some(json!("a".repeat(63))), 422),
        ("/registrationLock", Some(json!("27182818")), 204),
        ("/registrationLock", Some(json!("")), 204),
        ("/registrationLock", Some(json!(5)), 422),
        ("/unidentifiedAccessKey", bytes(16), 204),
        ("/unidentifiedAccessKey", bytes(15), 422),
        ("/unidentifiedAccessKey", Some(json!(vec![7; 16])), 204),
        ("/unidentifiedAccessKey", bytes(0), 422),
        ("/unidentifiedAccessKey", None, 422),
        ("/discoverableByPhoneNumber", Some(json!("yes")), 422),
        ("/discoverableByPhoneNumber", None, 204),
        ("/recoveryPassword", bytes(32), 204),
        ("/recoveryPassword", bytes(31), 422),
        ("/recoveryPassword", bytes(0), 204),
        ("/unknown", Some(json!({"a": 1})), 204),
    ];
    for (id, status) in [(-1, 422), (0, 422), (1, 204), (0x3FFF, 204), (0x4000, 422)] {
        rows.push(("/registrationId", Some(json!(id)), status));
        rows.push(("/pniRegistrationId", Some(json!(id)), status));
    }
    let mut table = Table::default();
    for via in WAYS {
        for (pointer, value, status) in &rows {
            let before = h.account().await;
            let name = format!("{via:?} {pointer} = {value:.60?}");
            let found = h.status(via, "PUT", PATH, attributes(&h, &[(pointer, value.clone())])).await;
            table.row(&name, found, *status);
            if *status != 204 {
                table.row(name, h.account().await == before, true);
            }
        }
        for (body, status) in [("{", 400), ("", 422), ("{}", 422), ("null", 422), ("[]", 422)] {
            table.row(body, h.status(via, "PUT", PATH, body).await, status);
        }
        let open = [("/unidentifiedAccessKey", None), ("/unrestrictedUnidentifiedAccess", Some(json!(true)))];
        table.row("open to all", h.status(via, "PUT", &format!("{PATH}/"), attributes(&h, &open)).await, 204);
    }
    table.row("nobody", h.status_of_nobody("PUT", PATH).await, 401);
    table.close();
}

/// An account of which everything is set.
async fn full(h: &Home) {
    let all = [
        ("/name", Some(json!(STANDARD.encode(b"a name")))),
        ("/registrationLock", Some(json!("a".repeat(64)))),
        ("/recoveryPassword", Some(json!(STANDARD.encode([9; 32])))),
        ("/discoverableByPhoneNumber", Some(json!(false))),
        ("/capabilities", Some(json!({"spqr": true, "storage": true, "transfer": true}))),
    ];
    let agent = [("x-signal-agent", "Signal-iOS/7")];
    h.ask_with(Via::Rest, &h.primary(), "PUT", PATH, &agent, attributes(h, &all)).await.expect(204);
}

#[tokio::test]
async fn what_is_left_out_is_no_longer_so() {
    let h = Home::open().await;
    let linked = h.link().await;
    full(&h).await;
    let before = h.account().await;
    let other = before.devices[1].clone();
    let device = &before.devices[0];
    let mut table = Table::default();
    table.row("name", device.name.clone(), Some(Opaque::from(&b"a name"[..])));
    table.row("agent", device.user_agent.as_deref(), Some("Signal-iOS/7"));
    table.row("capabilities", device.capabilities.len(), 3);
    table.row("lock", before.registration_lock.is_some(), true);
    table.row("not discoverable", before.discoverable_by_phone_number, false);
    table.row("recovery", before.recovery_password.is_some(), true);
    let recovery = h.t.rows(Rows::Recovery).await;
    table.row("and its row", recovery.len(), 1);

    let open = json!({"registrationId": 1, "unrestrictedUnidentifiedAccess": true}).to_string();
    let blank = [("x-signal-agent", "  ")];
    h.ask_with(Via::Socket, &h.primary(), "PUT", PATH, &blank, open).await.expect(204);
    let after = h.account().await;
    let device = &after.devices[0];
    table.row("no name", device.name.clone(), None);
    table.row("the agent stays", device.user_agent.as_deref(), Some("Signal-iOS/7"));
    table.row("no capabilities", device.capabilities.len(), 0);
    table.row("does not fetch", device.channel.clone(), PushChannel::Nothing);
    table.row("ids stay", device.registration_id, before.devices[0].registration_id);
    table.row("no lock", after.registration_lock.clone(), None);
    table.row("no access key", after.unidentified_access_key.clone(), None);
    table.row("open", after.unrestricted_unidentified_access, true);
    table.row("discoverable", after.discoverable_by_phone_number, true);
    table.row("recovery stays", after.recovery_password.clone(), before.recovery_password.clone());
    table.row("and its row", h.t.rows(Rows::Recovery).await == recovery, true);
    table.row("the other device stays", after.devices[1].clone(), other);
    table.row("a version more", after.version, before.version + 1);

    // A linked device says the same of the account, and its own of itself.
    let name = [("/name", Some(json!(STANDARD.encode(b"mine"))))];
    h.ask(Via::Rest, &linked, "PUT", PATH, attributes(&h, &name)).await.expect(204);
    let last = h.account().await;
    table.row("its name", last.devices[1].name.clone(), Some(Opaque::from(&b"mine"[..])));
    table.row("not the primary's", last.devices[0] == after.devices[0], true);
    table.row("closed", last.unrestricted_unidentified_access, false);
    table.close();
}

#[tokio::test]
async fn a_token_stays_unless_the_device_fetches() {
    let h = Home::open().await;
    let token = json!({"gcmRegistrationId": "f"}).to_string();
    h.ask(Via::Rest, &h.primary(), "PUT", "/v1/accounts/gcm", token).await.expect(204);
    let fetches = async |fetches: bool| {
        let body = attributes(&h, &[("/fetchesMessages", Some(json!(fetches)))]);
        h.ask(Via::Rest, &h.primary(), "PUT", PATH, body).await.expect(204);
        h.device(&h.primary()).await.channel
    };
    assert!(matches!(fetches(false).await, PushChannel::Fcm { .. }));
    assert_eq!(fetches(true).await, PushChannel::Fetches);
    assert_eq!(fetches(false).await, PushChannel::Nothing);
    assert_eq!(fetches(true).await, PushChannel::Fetches);
}

/// Credentials are checked before, and that notes a day only at the account's own second of it: this notes it at once.
#[tokio::test]
async fn the_device_was_seen_today() {
    let h = Home::open().await;
    let yesterday = h.t.registry.clock.now().minus(DAY).midnight();
    h.change(|account: &mut Account| account.devices[0].last_seen = yesterday).await;
    h.ask(Via::Rest, &h.primary(), "PUT", PATH, attributes(&h, &[])).await.expect(204);
    assert_eq!(h.device(&h.primary()).await.last_seen, h.t.registry.clock.now().midnight());
}

/// Both of its places, in one transaction; and its owner comes back by it.
#[tokio::test]
async fn a_recovery_password_works() {
    let h = Home::open().await;
    let password = json!(STANDARD.encode([9; 32]));
    h.ask(Via::Rest, &h.primary(), "PUT", PATH, attributes(&h, &[("/recoveryPassword", Some(password.clone()))]))
        .await
        .expect(204);
    assert_eq!(h.t.rows(Rows::Recovery).await.len(), 1);
    let next = SignalClient::generate();
    let mut body = next.registration("");
    put(&mut body, "/sessionId", None);
    put(&mut body, "/recoveryPassword", Some(password));
    let answer = h.t.client.register(super::NUMBER, &next.password, &body).await.expect(200);
    assert_eq!(answer["uuid"], h.aci.to_string());
}

/// Two devices at once, many times: none of what either says of itself is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_at_once_lose_nothing() {
    let h = Home::open().await;
    let both = [h.primary(), h.link().await];
    for round in 0..10_u8 {
        let say = async |who: &Login| {
            let name = json!(STANDARD.encode([round, who.id.get()]));
            h.ask(Via::Rest, who, "PUT", PATH, attributes(&h, &[("/name", Some(name))])).await.expect(204);
        };
        tokio::join!(say(&both[0]), say(&both[1]));
        let account = h.account().await;
        for (device, who) in account.devices.iter().zip(&both) {
            assert_eq!(device.name, Some(Opaque::from(&[round, who.id.get()][..])));
        }
    }
}
