//! Each field's own rule, with its bounds from both sides, and the rules across fields (§3.2).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use signet_tests::Table;

use super::Desk;

fn bytes(length: usize) -> Option<Value> {
    Some(json!(STANDARD.encode(vec![0xfb; length])))
}

fn array(length: usize) -> Option<Value> {
    Some(json!(vec![0xfb_u8; length]))
}

#[tokio::test]
async fn registration_ids_are_from_1_to_0x3fff() {
    let desk = Desk::open().await;
    for field in ["/accountAttributes/registrationId", "/accountAttributes/pniRegistrationId"] {
        let good = [1, 2, 0x3FFE, 0x3FFF].map(|id| (field, Some(json!(id)), 200));
        let bad = [
            json!(0),
            json!(-1),
            json!(0x4000),
            json!(i32::MAX),
            json!(i32::MIN),
            json!(1_u64 << 32 | 1),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1e300),
            json!(1.5),
            json!([1]),
            json!(true),
            Value::Null,
        ];
        desk.table(good).await;
        desk.table(bad.map(|id| (field, Some(id), 422))).await;
        desk.table([(field, None, 422)]).await;
    }
}

#[tokio::test]
async fn lengths_have_their_bounds() {
    let desk = Desk::open().await;
    let [name, password] = ["name", "recoveryPassword"].map(|f| ["/accountAttributes/", f].concat());
    let mut table = Table::default();
    for (field, value, status) in [
        (&name, bytes(0), 200),
        (&name, bytes(1), 200),
        (&name, bytes(225), 200),
        (&name, bytes(226), 422),
        (&name, bytes(4000), 422),
        (&name, Some(Value::Null), 200),
        (&name, Some(json!("not base64!")), 422),
        (&name, Some(json!("-_-_")), 422),
        (&name, Some(json!([1, 2])), 422),
        (&password, bytes(0), 200),
        (&password, bytes(31), 422),
        (&password, bytes(32), 200),
        (&password, bytes(33), 422),
        (&password, Some(Value::Null), 200),
        (&password, Some(json!("????")), 422),
        (&password, Some(json!(32)), 422),
    ] {
        let shown = value.as_ref().map_or(0, |value| value.to_string().len());
        table.row(format!("{field}, {shown} characters of JSON"), desk.status([(field, value)]).await, status);
    }
    table.close();
}

/// 64 characters as clients derive them, or the 4 to 20 digits of a PIN.
#[tokio::test]
async fn a_lock_has_64_characters_or_4_to_20_digits() {
    let mut table = Table::default();
    for (value, status) in [
        (json!(""), 200),
        (json!("a"), 422),
        (json!("a".repeat(20)), 422),
        (json!("a".repeat(63)), 422),
        (json!("a".repeat(64)), 200),
        (json!("a".repeat(65)), 422),
        (json!("ü".repeat(64)), 200),
        (json!("ü".repeat(32)), 422),
        (json!("123"), 422),
        (json!("1234"), 200),
        (json!("1".repeat(20)), 200),
        (json!("1".repeat(21)), 422),
        (json!("12a4"), 422),
        (json!("١٢٣٤"), 422),
        (json!(" 1234"), 422),
        (json!("1".repeat(100_000)), 422),
        (Value::Null, 200),
        (json!(64), 422),
        (json!(["1234"]), 422),
    ] {
        // The lock of one would keep the next one out.
        let desk = Desk::open().await;
        let shown = value.to_string().chars().take(12).collect::<String>();
        table.row(shown, desk.status([("/accountAttributes/registrationLock", Some(value))]).await, status);
    }
    table.close();
}

#[tokio::test]
async fn an_access_key_has_16_bytes_unless_anybody_may_write() {
    let desk = Desk::open().await;
    let mut table = Table::default();
    for (value, restricted, unrestricted) in [
        (bytes(16), 200, 200),
        (array(16), 200, 200),
        (bytes(0), 422, 200),
        (array(0), 422, 200),
        (Some(Value::Null), 422, 200),
        (None, 422, 200),
        (bytes(15), 422, 422),
        (bytes(17), 422, 422),
        (array(15), 422, 422),
        (array(17), 422, 422),
        (Some(json!("not base64!")), 422, 422),
        (Some(json!([vec![0; 15], vec![256]].concat())), 422, 422),
        (Some(json!([vec![0; 15], vec![-1]].concat())), 422, 422),
        (Some(json!([vec![json!(0); 15], vec![json!("0")]].concat())), 422, 422),
        (Some(json!([vec![json!(0); 15], vec![Value::Null]].concat())), 422, 422),
        (Some(json!({"0": 1})), 422, 422),
        (Some(json!(16)), 422, 422),
    ] {
        let (key, anybody) =
            ("/accountAttributes/unidentifiedAccessKey", "/accountAttributes/unrestrictedUnidentifiedAccess");
        for (flag, status) in [
            (Some(json!(false)), restricted),
            (Some(Value::Null), restricted),
            (None, restricted),
            (Some(json!(true)), unrestricted),
        ] {
            let found = desk.status([(key, value.clone()), (anybody, flag.clone())]).await;
            table.row(format!("{value:?} with unrestricted {flag:?}"), found, status);
        }
    }
    table.close();
}

#[tokio::test]
async fn null_is_the_zero_of_a_primitive_and_unknown_fields_are_ignored() {
    let desk = Desk::open().await;
    let attribute = "/accountAttributes/discoverableByPhoneNumber";
    desk.table([
        ("/skipDeviceTransfer", Some(Value::Null), 200),
        ("/skipDeviceTransfer", None, 200),
        ("/skipDeviceTransfer", Some(json!("yes, do")), 422),
        (attribute, Some(Value::Null), 200),
        (attribute, Some(json!(false)), 200),
        (attribute, None, 200),
        (attribute, Some(json!([])), 422),
        ("/accountAttributes/fetchesMessages", Some(Value::Null), 422),
        ("/accountAttributes/fetchesMessages", None, 422),
        ("/totp", Some(Value::Null), 200),
        // There is an account by now, and it has no keys for one-time passwords.
        ("/totp", Some(json!(0)), 441),
        ("/totp", Some(json!(123_456)), 441),
        ("/totp", Some(json!(-1)), 422),
        ("/totp", Some(json!("123 456")), 422),
        ("/whatever", Some(json!({"a": [1, null]})), 200),
        ("/accountAttributes/whatever", Some(json!("x")), 200),
        ("/aciSignedPreKey/whatever", Some(json!(1)), 200),
        ("/accountAttributes", None, 422),
        ("/accountAttributes", Some(Value::Null), 422),
        ("/accountAttributes", Some(json!([])), 422),
        ("/accountAttributes", Some(json!("x")), 422),
    ])
    .await;
    for body in [json!([]), json!("x"), json!(1), Value::Null, json!({})] {
        assert_eq!(desk.register(&body).await.status, 422, "{body}");
    }
}

#[tokio::test]
async fn a_device_must_know_what_every_new_device_must() {
    let desk = Desk::open().await;
    let field = "/accountAttributes/capabilities";
    desk.table([
        (field, Some(json!({"spqr": true})), 200),
        (field, Some(json!({"spqr": true, "unheardOf": true, "storage": false, "transfer": null})), 200),
        (field, Some(json!({"spqr": false})), 499),
        (field, Some(json!({"spqr": null})), 499),
        (field, Some(json!({"SPQR": true, "storage": true})), 499),
        (field, Some(json!({})), 499),
        (field, Some(Value::Null), 499),
        (field, None, 499),
        (field, Some(json!({"spqr": 1})), 422),
        (field, Some(json!({"spqr": "true"})), 422),
        (field, Some(json!(["spqr"])), 422),
        (field, Some(json!("spqr")), 422),
    ])
    .await;
}

#[tokio::test]
async fn messages_reach_a_device_in_exactly_one_way() {
    let desk = Desk::open().await;
    let apn = |token: &str| Some(json!({ "apnRegistrationId": token }));
    let gcm = |token: &str| Some(json!({ "gcmRegistrationId": token }));
    let both = Some(json!({"apnRegistrationId": "a", "gcmRegistrationId": "g"}));
    let mut table = Table::default();
    for (fetches, apn_token, gcm_token, push_token, status) in [
        (true, None, None, None, 200),
        (true, Some(Value::Null), Some(Value::Null), Some(Value::Null), 200),
        (true, None, None, Some(json!({})), 200),
        (false, apn("a"), None, None, 200),
        (false, None, gcm("g"), None, 200),
        (false, None, None, apn("a"), 200),
        (false, None, None, gcm("g"), 200),
        (false, None, None, None, 422),
        (false, None, None, Some(json!({})), 422),
        (true, apn("a"), None, None, 422),
        (true, None, gcm("g"), None, 422),
        (true, None, None, apn("a"), 422),
        (true, None, None, gcm("g"), 422),
        (false, apn("a"), gcm("g"), None, 422),
        (false, None, None, both, 422),
        (false, apn("a"), None, gcm("g"), 422),
        (false, None, gcm("g"), apn("a"), 422),
        (false, apn(""), None, None, 422),
        (false, None, gcm(""), None, 422),
        (false, None, None, apn(""), 422),
        (false, Some(json!({})), None, None, 422),
        (false, None, Some(json!({"gcmRegistrationId": null})), None, 422),
        (false, Some(json!("a")), None, None, 422),
        (true, None, None, Some(json!("a")), 422),
    ] {
        let shown = format!("{fetches} {apn_token:?} {gcm_token:?} {push_token:?}");
        let changes = [
            ("/accountAttributes/fetchesMessages", Some(json!(fetches))),
            ("/apnToken", apn_token),
            ("/gcmToken", gcm_token),
            ("/pushToken", push_token),
        ];
        table.row(shown, desk.status(changes).await, status);
    }
    table.close();
}

#[tokio::test]
async fn base64_may_be_padded_or_not() {
    let desk = Desk::open().await;
    let mut table = Table::default();
    let fields = [
        ("/accountAttributes/name", 224),
        ("/accountAttributes/unidentifiedAccessKey", 16),
        ("/accountAttributes/recoveryPassword", 32),
        ("/recoveryPassword", 32),
        ("/receiptCredentialPresentation", 32),
        ("/aciSignedPreKey/signature", 64),
        ("/pniSignedPreKey/signature", 64),
        ("/aciPqLastResortPreKey/signature", 64),
        ("/pniPqLastResortPreKey/signature", 64),
    ];
    for (field, length) in fields {
        let body = desk.body();
        let bytes = match body.pointer(field).and_then(Value::as_str) {
            Some(text) => STANDARD_NO_PAD.decode(text.trim_end_matches('=')).expect("base64"),
            None => vec![0xfb; length],
        };
        assert_eq!(bytes.len(), length, "{field}");
        // A proof beside the session is one too many; instead of it, a proof is refused for what it proves.
        let proof = field.matches('/').count() == 1;
        let status = match field {
            "/recoveryPassword" => 200,
            "/receiptCredentialPresentation" => 400,
            _ => 200,
        };
        for (text, status) in [
            (STANDARD.encode(&bytes), status),
            (STANDARD_NO_PAD.encode(&bytes), status),
            (format!("{}!", STANDARD_NO_PAD.encode(&bytes)), 422),
        ] {
            let mut changes = desk.body_with([(field, Some(json!(text)))]);
            if proof {
                signet_tests::table::put(&mut changes, "/sessionId", None);
            }
            let found = desk.register(&changes).await.status;
            table.row(format!("{field} = {text}"), if found == 201 { 200 } else { found }, status);
        }
    }
    // The bytes of public keys come in threes and have no padding; session ids are of the URL-safe alphabet.
    for id in [desk.session.clone(), desk.session.trim_end_matches('=').to_owned()] {
        table.row(&id, desk.status([("/sessionId", Some(json!(id)))]).await, 200);
    }
    table.close();
}

/// What was said at registration is what is kept.
#[tokio::test]
async fn the_account_is_as_it_was_described() {
    let desk = Desk::open().await;
    let body = desk.body_with([
        ("/accountAttributes/name", bytes(225)),
        ("/accountAttributes/registrationId", Some(json!(0x3FFF))),
        ("/accountAttributes/pniRegistrationId", Some(json!(1))),
        ("/accountAttributes/capabilities", Some(json!({"spqr": true, "transfer": true, "storage": false, "x": true}))),
        ("/accountAttributes/unidentifiedAccessKey", array(16)),
        ("/accountAttributes/discoverableByPhoneNumber", Some(json!(false))),
        ("/accountAttributes/fetchesMessages", Some(json!(false))),
        ("/gcmToken", Some(json!({"gcmRegistrationId": "a token"}))),
    ]);
    let authorization = signet_tests::client::basic(&desk.number, &desk.me.password);
    let headers = [("authorization", authorization.as_str()), ("x-signal-agent", "Signet-Test/1")];
    let answer = desk.t.client.send("POST", "/v1/registration", &headers, body.to_string()).await.expect(201);
    let aci = answer["uuid"].as_str().and_then(|aci| aci.parse().ok()).expect("an ACI");
    let account = desk.t.registry.accounts.get(aci).await.expect("the store answers").expect("an account");
    let stored = serde_json::to_value(&account).expect("JSON");
    for (pointer, expected) in [
        ("/phoneNumber", json!(desk.number)),
        ("/version", json!(0)),
        ("/identityKey", body["aciIdentityKey"].clone()),
        ("/pniIdentityKey", body["pniIdentityKey"].clone()),
        ("/unidentifiedAccessKey", json!(STANDARD.encode([0xfb; 16]))),
        ("/unrestrictedUnidentifiedAccess", json!(false)),
        ("/discoverableByPhoneNumber", json!(false)),
        ("/devices/0/id", json!(1)),
        ("/devices/0/name", body["accountAttributes"]["name"].clone()),
        ("/devices/0/registrationId", json!(0x3FFF)),
        ("/devices/0/pniRegistrationId", json!(1)),
        ("/devices/0/capabilities", json!(["spqr", "transfer"])),
        ("/devices/0/userAgent", json!("Signet-Test/1")),
        ("/devices/0/channel", json!("fcm")),
        ("/devices/0/token", json!("a token")),
        ("/devices/1", Value::Null),
    ] {
        assert_eq!(stored.pointer(pointer).cloned().unwrap_or_default(), expected, "{pointer}");
    }
    assert!(!stored.to_string().contains(&desk.me.password), "of the password there is a hash");
}
