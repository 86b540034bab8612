//! Public keys and their signatures (§3.2, §3.3 step 5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_keys::{CheckedDeviceKeys, Signature, UncheckedKeys};
use signet_tests::{SignalClient, Table};

use super::Desk;

const PREKEYS: [&str; 4] = ["/aciSignedPreKey", "/pniSignedPreKey", "/aciPqLastResortPreKey", "/pniPqLastResortPreKey"];

fn bytes_at(body: &Value, pointer: &str) -> Vec<u8> {
    let text = body.pointer(pointer).and_then(Value::as_str).expect("a text");
    STANDARD.decode(format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4))).expect("base64")
}

/// The same bytes with one bit turned over.
fn flipped(bytes: &[u8], bit: usize) -> Option<Value> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Some(json!(STANDARD.encode(bytes)))
}

#[tokio::test]
async fn every_bit_of_a_signature_counts() {
    let desk = Desk::open().await;
    let body = desk.body();
    let mut table = Table::default();
    for (n, prekey) in PREKEYS.into_iter().enumerate() {
        let pointer = format!("{prekey}/signature");
        let signature = bytes_at(&body, &pointer);
        // All 512 bits of one signature; of the others the ends of both halves, the sign bit, and some between.
        let sample: Vec<usize> =
            if n == 0 { (0..512).collect() } else { vec![0, 1, 100 + n, 255, 256, 300 + n, 507, 508, 509, 510, 511] };
        for bit in sample {
            let status = desk.status([(&pointer, flipped(&signature, bit))]).await;
            table.row(format!("bit {bit} of {pointer}"), status, 422);
        }
    }
    table.close();
    assert_eq!(desk.status([]).await, 200, "and with all bits as they were it passes");
}

#[tokio::test]
async fn a_signature_is_over_the_whole_key_by_the_identity_of_its_kind() {
    let desk = Desk::open().await;
    let stranger = SignalClient::generate().registration(&desk.session);
    let body = desk.body();
    let at = |pointer: &str| body.pointer(pointer).cloned();
    let mut table = Table::default();
    for prekey in PREKEYS {
        let (signature, key) = (format!("{prekey}/signature"), format!("{prekey}/publicKey"));
        let twin = if prekey.starts_with("/aci") {
            prekey.replacen("aci", "pni", 1)
        } else {
            prekey.replacen("pni", "aci", 1)
        };
        let public = bytes_at(&body, &key);
        let (last, within) = (public.len() * 8 - 1, 8 * 17 + 3);
        for (what, pointer, value) in [
            ("a stranger's signature", &signature, stranger.pointer(&signature).cloned()),
            ("a stranger's public key", &key, stranger.pointer(&key).cloned()),
            ("the twin's signature", &signature, at(&format!("{twin}/signature"))),
            ("the twin's key", &prekey.to_owned(), at(&twin)),
            ("the signature of zeros", &signature, Some(json!(STANDARD.encode([0; 64])))),
            ("the key with its last bit flipped", &key, flipped(&public, last)),
            ("the key with a bit flipped", &key, flipped(&public, within)),
        ] {
            table.row(format!("{what} in {prekey}"), desk.status([(pointer, value)]).await, 422);
        }
    }
    for identity in ["/aciIdentityKey", "/pniIdentityKey"] {
        let twin = if identity == "/aciIdentityKey" { "/pniIdentityKey" } else { "/aciIdentityKey" };
        table.row(format!("the twin's {identity}"), desk.status([(identity, at(twin))]).await, 422);
        let strange = stranger.pointer(identity).cloned();
        table.row(format!("a stranger's {identity}"), desk.status([(identity, strange)]).await, 422);
    }
    table.close();
}

#[tokio::test]
async fn keys_have_their_type_byte_and_length() {
    let desk = Desk::open().await;
    let body = desk.body();
    let mut table = Table::default();
    let mut fields: Vec<String> = PREKEYS.iter().map(|prekey| format!("{prekey}/publicKey")).collect();
    fields.extend(["/aciIdentityKey".to_owned(), "/pniIdentityKey".to_owned()]);
    for field in &fields {
        let good = bytes_at(&body, field);
        let kem = field.contains("Pq");
        assert_eq!((good.len(), good[0]), if kem { (1569, 8) } else { (33, 5) }, "{field}");
        let typed = |kind: u8| [&[kind], &good[1..]].concat();
        let mut wrong =
            vec![good[1..].to_vec(), good[..good.len() - 1].to_vec(), [&good[..], &[0]].concat(), vec![good[0]]];
        wrong.extend([0, 4, 6, 7, 9, 10, if kem { 5 } else { 8 }].map(typed));
        for bytes in wrong {
            let shown = format!("{field}: {} bytes of type {}", bytes.len(), bytes[0]);
            table.row(shown, desk.status([(field, Some(json!(STANDARD.encode(bytes))))]).await, 422);
        }
        for value in [json!(""), json!("not base64!"), json!(5), json!([5]), Value::Null] {
            table.row(format!("{field} = {value}"), desk.status([(field, Some(value))]).await, 422);
        }
        table.row(format!("{field} is absent"), desk.status([(field, None)]).await, 422);
    }
    let zero = Some(json!(STANDARD.encode([&[5][..], &[0; 32]].concat())));
    for identity in &fields[4..] {
        table.row(format!("{identity} of low order"), desk.status([(identity, zero.clone())]).await, 422);
    }
    table.close();
}

#[tokio::test]
async fn signatures_and_key_ids_have_their_bounds() {
    let desk = Desk::open().await;
    let mut table = Table::default();
    for prekey in PREKEYS {
        let (signature, id) = (format!("{prekey}/signature"), format!("{prekey}/keyId"));
        let good = bytes_at(&desk.body(), &signature);
        for bytes in [&good[..0], &good[..63], &[&good[..], &[0]].concat(), &good[..32]] {
            let value = Some(json!(STANDARD.encode(bytes)));
            table.row(format!("{signature}, {} bytes", bytes.len()), desk.status([(&signature, value)]).await, 422);
        }
        for value in [Some(json!("!")), Some(json!(64)), Some(Value::Null), None] {
            table.row(format!("{signature} {value:?}"), desk.status([(&signature, value)]).await, 422);
        }
        for (value, status) in [
            (json!(0), 200),
            (json!(i32::MAX), 200),
            (json!(1_u32 << 31), 422),
            (json!(u64::MAX), 422),
            (json!(-1), 422),
            (json!(1.5), 422),
            (json!([]), 422),
        ] {
            table.row(format!("{id} = {value}"), desk.status([(&id, Some(value))]).await, status);
        }
        for value in [json!([]), json!("x"), json!({}), Value::Null] {
            table.row(format!("{prekey} = {value}"), desk.status([(prekey, Some(value))]).await, 422);
        }
    }
    table.close();
}

/// The PNI's part comes whole or not at all; and with a number it has to come.
#[tokio::test]
async fn of_the_pni_there_is_all_or_nothing_and_for_a_number_all() {
    let desk = Desk::open().await;
    let group =
        ["/pniIdentityKey", "/accountAttributes/pniRegistrationId", "/pniSignedPreKey", "/pniPqLastResortPreKey"];
    let mut table = Table::default();
    for removed in 1..16_u8 {
        for absent in [None, Some(Value::Null)] {
            let mut body = desk.body();
            let gone = group.iter().enumerate().filter(|(n, _)| removed & (1 << n) != 0).map(|(_, field)| *field);
            for field in gone {
                signet_tests::table::put(&mut body, field, absent.clone());
            }
            table.row(format!("without {removed:04b}, {absent:?}"), desk.register(&body).await.status, 422);
        }
    }
    table.close();
    assert_eq!(desk.status([]).await, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What HTTP can only sample: whoever's keys they are, and whichever bit it is.
    #[test]
    fn no_bit_of_any_signature_can_be_turned(secret: [u8; 32], seed: [u8; 32], bit in 0..512_usize) {
        let pair = IdentityKeyPair::from_bytes(secret);
        let keys = ClientKeys::from_seed(&pair, seed);
        let maul = |signature: &Signature| {
            let mut bytes = *signature.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            Signature::from_bytes(&bytes).expect("64 bytes")
        };
        let mut signed = keys.signed.clone();
        signed.signature = maul(&signed.signature);
        let mut last_resort = keys.last_resort.clone();
        last_resort.signature = maul(&last_resort.signature);
        let check = |signed, last_resort| CheckedDeviceKeys::check(pair.public().clone(), signed, last_resort);
        prop_assert!(check(keys.signed.clone(), keys.last_resort.clone()).is_ok());
        prop_assert!(check(signed, keys.last_resort.clone()).is_err());
        prop_assert!(check(keys.signed.clone(), last_resort.clone()).is_err());
        let upload = UncheckedKeys { one_time_kem: vec![keys.last_resort.clone(), last_resort], ..Default::default() };
        prop_assert!(upload.check(pair.public()).is_err());
    }
}
