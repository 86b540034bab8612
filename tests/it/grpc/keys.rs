//! `keys.Keys`: what a device does with its own keys (§8.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signet::grpc::proto::org::signal::chat::common::IdentityType;
use signet::grpc::proto::org::signal::chat::keys::{
    GetPreKeyCountRequest, SetEcSignedPreKeyRequest, SetKemLastResortPreKeyRequest, SetOneTimeEcPreKeysRequest,
    SetOneTimeKemSignedPreKeysRequest,
};
use signet_tests::Table;
use signet_tests::grpc::{Said, outcome};

use super::{Exchange, NUMBER, Person, ec, kem, signed};

async fn counts(x: &Exchange, who: &Person) -> [u32; 4] {
    let counts = outcome(x.keys().get_pre_key_count(who.says(GetPreKeyCountRequest {})).await).unwrap();
    [
        counts.aci_ec_pre_key_count,
        counts.aci_kem_pre_key_count,
        counts.pni_ec_pre_key_count,
        counts.pni_kem_pre_key_count,
    ]
}

/// The device's bundle as anybody gets it by REST.
async fn by_rest(x: &Exchange, who: &Person, identity: &str) -> Value {
    let id = if identity == "aci" { who.aci.to_string() } else { format!("PNI:{}", who.pni) };
    let path = format!("/v2/keys/{id}/{}", who.device);
    x.rest(who, "GET", &path, "").await.expect(200)["devices"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_set_is_what_rest_hands_out() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let mut table = Table::default();
    table.row("at first", counts(&x, &me).await, [0; 4]);
    let encoded = |bytes: &[u8]| Value::from(STANDARD.encode(bytes));
    for (identity, kind, pair) in [("aci", IdentityType::Aci, &me.me.aci), ("pni", IdentityType::Pni, &me.me.pni)] {
        let identity_type = kind.into();
        let (one_time, last_resort, signed) = (kem(pair, 20), kem(pair, 30), signed(pair, 40));
        let ec_keys = vec![ec(11), ec(10)];
        let request = SetOneTimeEcPreKeysRequest { identity_type, pre_keys: ec_keys.clone() };
        outcome(x.keys().set_one_time_ec_pre_keys(me.says(request)).await).unwrap();
        let request = SetOneTimeKemSignedPreKeysRequest { identity_type, pre_keys: vec![one_time.clone()] };
        outcome(x.keys().set_one_time_kem_signed_pre_keys(me.says(request)).await).unwrap();
        let request = SetEcSignedPreKeyRequest { identity_type, signed_pre_key: Some(signed.clone()) };
        outcome(x.keys().set_ec_signed_pre_key(me.says(request)).await).unwrap();
        let request = SetKemLastResortPreKeyRequest { identity_type, signed_pre_key: Some(last_resort.clone()) };
        outcome(x.keys().set_kem_last_resort_pre_key(me.says(request)).await).unwrap();

        let left = if identity == "aci" { [2, 1, 0, 0] } else { [0, 0, 2, 1] };
        table.row(identity, counts(&x, &me).await, left);
        let first = by_rest(&x, &me, identity).await;
        table.row("one-time", first["preKey"]["publicKey"].clone(), encoded(&ec_keys[1].public_key));
        table.row("one-time KEM", first["pqPreKey"]["publicKey"].clone(), encoded(&one_time.public_key));
        table.row("signed", first["signedPreKey"]["publicKey"].clone(), encoded(&signed.public_key));
        table.row("signed's id", first["signedPreKey"]["keyId"].clone(), 40.into());
        let second = by_rest(&x, &me, identity).await;
        table.row("last resort", second["pqPreKey"]["publicKey"].clone(), encoded(&last_resort.public_key));
        table.row("used up", counts(&x, &me).await, [0; 4]);
    }
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_device_sets_its_own_keys_only() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let linked = x.link(&me).await;
    let request =
        SetOneTimeEcPreKeysRequest { identity_type: IdentityType::Aci.into(), pre_keys: vec![ec(1), ec(2), ec(3)] };
    outcome(x.keys().set_one_time_ec_pre_keys(linked.says(request)).await).unwrap();
    assert_eq!((counts(&x, &me).await, counts(&x, &linked).await), ([0; 4], [3, 0, 0, 0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_not_right_is_refused_whole() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let (aci, pni) = (&me.me.aci, &me.me.pni);
    let (mine, unspecified) = (i32::from(IdentityType::Aci), 0);
    let mut table = Table::default();

    let (mut negative, mut short, mut other_type) = (ec(1), ec(1), ec(1));
    negative.key_id = -1;
    short.public_key.pop();
    other_type.public_key[0] = 8;
    let many: Vec<_> = (0..101).map(ec).collect();
    for (what, identity_type, pre_keys) in [
        ("no identity", unspecified, vec![ec(1)]),
        ("an identity that there is not", 3, vec![ec(1)]),
        ("no keys", mine, vec![]),
        ("too many", mine, many.clone()),
        ("negative", mine, vec![ec(2), negative]),
        ("short", mine, vec![short]),
        ("another type", mine, vec![other_type]),
        ("no key", mine, vec![signet::grpc::proto::org::signal::chat::common::EcPreKey::default()]),
    ] {
        let request = me.says(SetOneTimeEcPreKeysRequest { identity_type, pre_keys });
        table.row(what, outcome(x.keys().set_one_time_ec_pre_keys(request).await).err(), Some(Said::constraint()));
    }

    let (mut unsigned, mut short) = (kem(aci, 1), kem(aci, 1));
    unsigned.signature[5] ^= 1;
    short.signature.pop();
    for (what, identity_type, pre_keys) in [
        ("no keys", mine, vec![]),
        ("too many", mine, vec![kem(aci, 1); 101]),
        ("another one's signature", mine, vec![kem(aci, 1), kem(pni, 2)]),
        ("no identity", unspecified, vec![kem(aci, 1)]),
        ("not its signature", mine, vec![unsigned.clone()]),
        ("half a signature", mine, vec![short]),
    ] {
        let request = me.says(SetOneTimeKemSignedPreKeysRequest { identity_type, pre_keys });
        let refused = outcome(x.keys().set_one_time_kem_signed_pre_keys(request).await).err();
        table.row(what, refused, Some(Said::constraint()));
    }

    for (what, identity_type, signed_pre_key) in [
        ("nothing", mine, None),
        ("another one's", mine, Some(signed(pni, 1))),
        ("no identity", unspecified, Some(signed(aci, 1))),
    ] {
        let request = me.says(SetEcSignedPreKeyRequest { identity_type, signed_pre_key });
        table.row(what, outcome(x.keys().set_ec_signed_pre_key(request).await).err(), Some(Said::constraint()));
    }
    for (what, signed_pre_key) in [("nothing", None), ("not signed", Some(unsigned))] {
        let request = me.says(SetKemLastResortPreKeyRequest { identity_type: mine, signed_pre_key });
        table.row(what, outcome(x.keys().set_kem_last_resort_pre_key(request).await).err(), Some(Said::constraint()));
    }

    table.row("nothing is stored", counts(&x, &me).await, [0; 4]);
    let request = me.says(SetOneTimeEcPreKeysRequest { identity_type: mine, pre_keys: many[..100].to_vec() });
    table.row("a hundred", outcome(x.keys().set_one_time_ec_pre_keys(request).await).err(), None);
    table.row("are", counts(&x, &me).await, [100, 0, 0, 0]);
    table.close();
}
