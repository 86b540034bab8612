//! What a request to be let in may hold (§3.4): one thing changed, and what comes of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_storage::ids::DeviceId;
use signet_tests::Table;

use super::{Change, Home};

/// Links with each change, and unlinks whoever got in.
async fn judge(h: &Home, rows: Vec<(Vec<Change<'_>>, u16)>) {
    let mut table = Table::default();
    for (changes, status) in rows {
        let token = h.token().await;
        let shown: Vec<_> = changes.iter().map(|(pointer, value)| format!("{pointer} = {value:.60?}")).collect();
        table.row(shown.join(", "), h.status(&token, &changes).await, status);
        h.change(|account| account.devices.truncate(1)).await;
    }
    table.close();
}

fn one(pointer: &str, value: impl Into<Option<Value>>, status: u16) -> (Vec<Change<'_>>, u16) {
    (vec![(pointer, value.into())], status)
}

#[tokio::test]
async fn attributes() {
    let h = Home::open().await;
    let name = |length| json!(STANDARD.encode(vec![7; length]));
    let mut rows = vec![
        one("/verificationCode", None, 422),
        one("/verificationCode", Value::Null, 422),
        one("/verificationCode", json!(""), 422),
        one("/verificationCode", json!("  "), 422),
        one("/verificationCode", json!(5), 422),
        one("/verificationCode", json!("rubbish"), 403),
        one("/accountAttributes", None, 422),
        one("/accountAttributes", json!([]), 422),
        one("/accountAttributes/name", name(225), 200),
        one("/accountAttributes/name", name(226), 422),
        one("/accountAttributes/name", json!("%"), 422),
        one("/accountAttributes/name", Value::Null, 200),
        one("/accountAttributes/capabilities", None, 422),
        one("/accountAttributes/capabilities", Value::Null, 422),
        one("/accountAttributes/capabilities", json!([]), 422),
        one("/accountAttributes/capabilities", json!({}), 409),
        one("/accountAttributes/capabilities", json!({"spqr": false}), 409),
        one("/accountAttributes/capabilities", json!({"spqr": null}), 409),
        one("/accountAttributes/capabilities", json!({"spqr": true, "flying": true}), 200),
        one("/accountAttributes/unknown", json!({"a": 1}), 200),
        one("/unknown", json!([1]), 200),
        one("/accountAttributes/registrationId", None, 422),
        // Wanted here, where every account has a PNI.
        one("/accountAttributes/pniRegistrationId", None, 422),
        one("/accountAttributes/pniRegistrationId", Value::Null, 422),
    ];
    for field in ["/accountAttributes/registrationId", "/accountAttributes/pniRegistrationId"] {
        for (id, status) in [(-1, 422), (0, 422), (1, 200), (0x3FFF, 200), (0x4000, 422)] {
            rows.push(one(field, json!(id), status));
        }
    }
    judge(&h, rows).await;
}

#[tokio::test]
async fn exactly_one_channel() {
    let h = Home::open().await;
    let fetches = |value: bool| ("/accountAttributes/fetchesMessages", Some(json!(value)));
    let apn = |token: &str| ("/apnToken", Some(json!({"apnRegistrationId": token})));
    let gcm = |token: &str| ("/gcmToken", Some(json!({"gcmRegistrationId": token})));
    let nested = |field: &str| ("/pushToken", Some(json!({field: "token"})));
    judge(
        &h,
        vec![
            (vec![fetches(true)], 200),
            (vec![fetches(false)], 422),
            (vec![("/accountAttributes/fetchesMessages", None)], 422),
            (vec![fetches(true), apn("a")], 422),
            (vec![fetches(true), gcm("g")], 422),
            (vec![fetches(false), apn("a")], 200),
            (vec![fetches(false), gcm("g")], 200),
            (vec![fetches(false), apn("a"), gcm("g")], 422),
            (vec![fetches(false), apn("")], 422),
            (vec![fetches(false), gcm("")], 422),
            (vec![fetches(false), ("/apnToken", Some(json!({})))], 422),
            (vec![fetches(false), nested("apnRegistrationId")], 200),
            (vec![fetches(false), nested("gcmRegistrationId")], 200),
            (vec![fetches(false), nested("apnRegistrationId"), gcm("g")], 422),
            (vec![fetches(true), nested("apnRegistrationId")], 422),
        ],
    )
    .await;
}

#[tokio::test]
async fn keys() {
    let h = Home::open().await;
    let owner = &h.owner;
    let mut rows = Vec::new();
    for field in ["/aciSignedPreKey", "/pniSignedPreKey", "/aciPqLastResortPreKey", "/pniPqLastResortPreKey"] {
        rows.push(one(field, None, 422));
        rows.push(one(field, Value::Null, 422));
        rows.push(one(field, json!({}), 422));
    }
    // Each key is signed, but by the other identity.
    rows.push(one("/aciSignedPreKey", json!(owner.pni_keys.signed), 422));
    rows.push(one("/pniSignedPreKey", json!(owner.aci_keys.signed), 422));
    rows.push(one("/aciPqLastResortPreKey", json!(owner.pni_keys.last_resort), 422));
    rows.push(one("/pniPqLastResortPreKey", json!(owner.aci_keys.last_resort), 422));
    rows.push(one("/aciSignedPreKey/keyId", json!(1 << 31), 422));
    rows.push(one("/aciSignedPreKey/publicKey", json!("AAAA"), 422));
    rows.push(one("/aciSignedPreKey/signature", json!("AAAA"), 422));
    judge(&h, rows).await;
}

/// While all devices have it, a device without it would take it from the account (§3.6).
#[tokio::test]
async fn a_device_must_not_take_from_the_account_what_it_has() {
    let h = Home::open().await;
    let sync = "usernameChangeSyncMessage";
    let with = |held: bool| vec![("/accountAttributes/capabilities", Some(json!({"spqr": true, sync: held})))];
    let mut table = Table::default();
    let have = async |ids: &[u8]| {
        h.change(|account| {
            for device in &mut account.devices {
                device.capabilities.retain(|name| name != sync);
                if ids.contains(&DeviceId::get(device.id)) {
                    device.capabilities.insert(sync.to_owned());
                }
            }
        })
        .await;
    };
    table.row("nobody has it", h.status(&h.token().await, &with(false)).await, 200);
    have(&[1]).await;
    table.row("one of two has it", h.status(&h.token().await, &with(false)).await, 200);
    have(&[1, 2, 3]).await;
    table.row("all have it", h.status(&h.token().await, &with(false)).await, 409);
    table.row("all have it, and so has the new one", h.status(&h.token().await, &with(true)).await, 200);
    table.row("all four have it", h.status(&h.token().await, &with(false)).await, 409);
    // What does not prevent a downgrade may go.
    h.change(|account| {
        account.devices.iter_mut().for_each(|device| {
            device.capabilities.insert("profiles_v2".to_owned());
        })
    })
    .await;
    table.row("another capability", h.status(&h.token().await, &with(true)).await, 200);
    table.close();
}
