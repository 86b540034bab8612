//! What a link writes, answers and tells (§3.4, §3.9).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet::events::Event;
use signet_keys::signing::ClientKeys;
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::ids::ServiceId;
use signet_storage::model::PushChannel;
use signet_tests::{Audit, Table};

use super::{Home, MS, device, heard};

#[tokio::test]
async fn one_transaction_holds_the_account_the_keys_and_the_token() {
    let h = Home::open().await;
    let before = h.account().await;
    h.t.advance(MS * 7_200_000);
    let token = h.token().await;
    let mut events = h.listen();
    let (aci_keys, pni_keys) = (ClientKeys::generate(&h.owner.aci), ClientKeys::generate(&h.owner.pni));
    let changes = [
        ("/aciSignedPreKey", Some(json!(aci_keys.signed))),
        ("/pniSignedPreKey", Some(json!(pni_keys.signed))),
        ("/aciPqLastResortPreKey", Some(json!(aci_keys.last_resort))),
        ("/pniPqLastResortPreKey", Some(json!(pni_keys.last_resort))),
        ("/accountAttributes/name", Some(json!(STANDARD.encode("name")))),
        ("/accountAttributes/capabilities", Some(json!({"spqr": true, "storage": false, "flying": true}))),
    ];
    h.t.faults.take_seen();
    let answer = h.try_link(&token, &changes).await;
    let requests = h.t.faults.take_seen();
    let expected = json!({"uuid": h.aci, "pni": before.pni, "deviceId": 2});
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(requests, ["GetItem", "GetItem", "TransactWriteItems", "Query", "Query"]);

    let (account, now) = (h.account().await, h.t.registry.clock.now());
    let mut table = Table::default();
    table.row("version", account.version, before.version + 1);
    table.row("the first device", &account.devices[0], &before.devices[0]);
    let linked = account.device(device(2)).unwrap();
    table.row("created", (linked.created, linked.last_seen), (now, now.midnight()));
    table.row("name", linked.name.clone(), Some(b"name"[..].into()));
    let ids = (linked.registration_id.get(), linked.pni_registration_id.map(|id| id.get()));
    table.row("registration ids", ids, (4321, Some(8765)));
    table.row("capabilities", linked.capabilities.iter().map(String::as_str).collect(), vec!["spqr"]);
    table.row("channel", &linked.channel, &PushChannel::Fetches);
    table.row("agent", linked.user_agent.as_deref(), Some("OWD"));
    table.row("password", linked.auth.verify("device's password"), true);
    for (identity, sent) in [(ServiceId::Aci(account.aci), &aci_keys), (ServiceId::Pni(account.pni), &pni_keys)] {
        let stored = h.t.registry.keys.get(identity, device(2)).await.unwrap().unwrap();
        table.row("signed", &stored.signed, &sent.signed);
        table.row("last resort", &stored.last_resort, &sent.last_resort);
        let registration = if matches!(identity, ServiceId::Aci(_)) { 4321 } else { 8765 };
        table.row("registration id of the keys", stored.registration_id.get(), registration);
    }
    table.row("told", heard(&mut events), vec![Event::DeviceLinked { aci: h.aci, device: device(2) }]);
    table.row("tokens", h.t.rows(Rows::LinkTokens).await.len(), 1);
    let user = format!("{}.2", h.aci);
    table.row("it signs in", h.t.client.whoami(&user, "device's password").await.status, 200);
    table.close();
    let audit = Audit::of(&h.t.registry.storage).await.expect_clean();
    assert_eq!(audit.keys, 4);
}

#[tokio::test]
async fn the_channel_says_what_kind_of_client_it_is() {
    let h = Home::open().await;
    let fetches = ("/accountAttributes/fetchesMessages", Some(json!(false)));
    let token = |field: &str| Some(json!({field: "a token"}));
    let mut table = Table::default();
    for (what, changes, agent) in [
        ("APNs", vec![fetches.clone(), ("/apnToken", token("apnRegistrationId"))], "OWP"),
        ("FCM", vec![fetches.clone(), ("/gcmToken", token("gcmRegistrationId"))], "OWA"),
        ("none", vec![], "OWD"),
    ] {
        let linked = h.link_with(&changes).await;
        let account = h.account().await;
        let stored = account.device(device(u8::try_from(linked.id).unwrap())).unwrap();
        let (since, token) = (stored.created, "a token".to_owned());
        let channel = match agent {
            "OWP" => PushChannel::Apn { token, since },
            "OWA" => PushChannel::Fcm { token, since },
            _ => PushChannel::Fetches,
        };
        table.row(what, (stored.user_agent.as_deref(), &stored.channel), (Some(agent), &channel));
    }
    table.close();
}

/// What a refused link leaves behind.
#[tokio::test]
async fn a_refusal_writes_nothing() {
    let h = Home::open().await;
    let (used, token) = (h.token().await, h.token().await);
    assert_eq!(h.status(&used, &[]).await, 200);
    let (rows, account) = (h.t.row_counts().await, h.account().await);
    let mut events = h.listen();
    let signature = ("/pniSignedPreKey/signature", Some(json!(h.owner.aci_keys.signed.signature)));
    let capabilities = |value: Value| ("/accountAttributes/capabilities", Some(value));
    let mut table = Table::default();
    table.row("used", h.status(&used, &[]).await, 403);
    table.row("signature", h.status(&token, &[signature]).await, 422);
    table.row("no capabilities", h.status(&token, &[capabilities(Value::Null)]).await, 422);
    table.row("downgrade", h.status(&token, &[capabilities(json!({}))]).await, 409);
    table.row("rows", h.t.row_counts().await, rows);
    table.row("account", h.account().await, account);
    table.row("told", heard(&mut events), vec![]);
    table.close();
}
