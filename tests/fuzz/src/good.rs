//! Bodies that are right, for inputs to change: what is nearly right gets furthest.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use signet_keys::KeyId;
use signet_keys::signing::{self, ClientKeys, IdentityKeyPair};

use crate::world::{Known, NUMBER, OTHER_NUMBER};

/// Of a name (contract username-proof §4.2, V01).
const NAME_HASH: &str = "QLsu9e4GIwMHAuL-SWi47Nc2L0Kd2UNa5MRhZFg5Tnc";
const NAME_PROOF: &str = "bEf7VsOE30v6Onab1rqZBQE6O-1OGE4DWv37OK_7kgu-NMTSm3fPGS5VVG_pl8JzTU-0hiIiikkapQQE4L1gB-\
    nrn9rWd-qu5KMjsmUl0_10Y6f_MuCG9iDzY0u1pOUC06q4fH_350KS5BXz9L9po7Zfrkmb3eQFSAxW-kFD_Ak";

struct Identity {
    pair: IdentityKeyPair,
    keys: ClientKeys,
}

/// Of the ACI and of the PNI. Always the same ones.
static IDENTITIES: LazyLock<[Identity; 2]> = LazyLock::new(|| {
    [1, 2].map(|seed| {
        let pair = IdentityKeyPair::from_bytes([seed; 32]);
        let keys = ClientKeys::from_seed(&pair, [seed; 32]);
        Identity { pair, keys }
    })
});

/// Making one-time keys takes longer than all else.
static KEYS: LazyLock<[Value; 4]> = LazyLock::new(|| [0, 1, 2, 3].map(make_keys));

/// All bodies that are right for this route, best first; none where none is wanted.
pub fn bodies(method: &str, template: &str, known: &Known) -> Vec<Value> {
    match (method, template) {
        ("POST", "/v1/verification/session") => vec![session(OTHER_NUMBER), session(NUMBER)],
        ("PATCH", "/v1/verification/session/{session}") => vec![
            json!({"pushToken": "a token", "pushTokenType": "fcm"}),
            json!({"pushChallenge": "a challenge"}),
            json!({"captcha": "signal-hcaptcha.a.b.c"}),
        ],
        ("POST", "/v1/verification/session/{session}/code") => vec![code_request()],
        ("PUT", "/v1/verification/session/{session}/code") => vec![json!({"code": "123456"})],
        ("POST", "/v1/registration") => vec![registration(&known.sessions[0]), by_password()],
        ("PUT", "/v1/devices/link") => vec![linking(&known.link_token)],
        ("PUT", "/v1/devices/capabilities") => vec![json!({"spqr": true, "storage": true, "transfer": false})],
        ("PUT", "/v1/devices/restore_account/{token}") => {
            vec![json!({"method": "DEVICE_TRANSFER", "deviceTransferBootstrap": STANDARD.encode([7; 40])})]
        }
        ("PUT", "/v1/devices/transfer_archive") => vec![
            archive(json!({"cdn": 3, "key": URL_SAFE_NO_PAD.encode([7; 20])})),
            archive(json!({"error": "RELINK_REQUESTED"})),
        ],
        ("PUT", "/v1/provisioning/{destination}") => vec![json!({"body": STANDARD.encode([7; 50])})],
        ("POST", "/v2/svr/auth/check" | "/v2/backup/auth/check") => {
            vec![
                json!({"number": NUMBER, "tokens": [known.svr, "a:b"]}),
                json!({"number": NUMBER, "passwords": ["a:b"]}),
            ]
        }
        ("PUT", "/v2/keys") => vec![keys(2), keys(0), keys(1)],
        ("POST", "/v2/keys/check") => vec![json!({"identityType": "ACI", "digest": STANDARD.encode([7; 32])})],
        ("POST", "/v1/profile/identity_check/batch") => vec![json!({"elements": [
            {"uuid": known.aci, "fingerprint": STANDARD.encode([7; 4])},
            {"uuid": format!("PNI:{}", known.pni), "fingerprint": STANDARD.encode([8; 4])},
        ]})],
        ("PUT", "/v2/accounts/number") => {
            vec![number_change(&known.sessions[0], OTHER_NUMBER), number_change(&known.sessions[0], NUMBER)]
        }
        ("PUT", "/v2/accounts/phone_number_discoverability") => vec![json!({"discoverableByPhoneNumber": false})],
        ("PUT", "/v1/accounts/username_hash/reserve") => {
            vec![json!({"usernameHashes": [URL_SAFE_NO_PAD.encode([7; 32]), NAME_HASH]})]
        }
        ("PUT", "/v1/accounts/username_hash/confirm") => vec![json!({
            "usernameHash": NAME_HASH, "zkProof": NAME_PROOF, "encryptedUsername": URL_SAFE_NO_PAD.encode([7; 112]),
        })],
        ("PUT", "/v1/accounts/username_link") => {
            vec![json!({"usernameLinkEncryptedValue": URL_SAFE_NO_PAD.encode([7; 112]), "keepLinkHandle": true})]
        }
        ("PUT", "/v1/accounts/name") => vec![json!({"deviceName": STANDARD.encode([7; 40])})],
        ("PUT", "/v1/accounts/gcm") => vec![json!({"gcmRegistrationId": "a token"})],
        ("PUT", "/v1/accounts/apn") => vec![json!({"apnRegistrationId": "a token"})],
        ("PUT", "/v1/accounts/registration_lock") => vec![json!({"registrationLock": "31".repeat(32)})],
        ("PUT", "/v1/accounts/attributes") => {
            vec![registration("")["accountAttributes"].clone(), by_password()["accountAttributes"].clone()]
        }
        ("PUT", "/v1/accounts/totp/confirm") => vec![json!({"code": 123_456, "label": STANDARD.encode([7; 160])})],
        ("PUT", "/v1/accounts/totp/{key}") => vec![json!({"label": STANDARD.encode([7; 160])})],
        _ => Vec::new(),
    }
}

pub fn session(number: &str) -> Value {
    json!({"number": number, "pushToken": null, "mcc": "262"})
}

pub fn code_request() -> Value {
    json!({"transport": "sms", "client": "android"})
}

pub fn registration(session: &str) -> Value {
    let [aci, pni] = &*IDENTITIES;
    let key = |identity: &Identity| STANDARD.encode(identity.pair.public().serialize());
    json!({
        "sessionId": session,
        "skipDeviceTransfer": true,
        "accountAttributes": {
            "fetchesMessages": true,
            "registrationId": 1234,
            "pniRegistrationId": 5678,
            "capabilities": {"spqr": true, "storage": true},
            "unidentifiedAccessKey": STANDARD.encode([7; 16]),
            "discoverableByPhoneNumber": true,
        },
        "aciIdentityKey": key(aci),
        "pniIdentityKey": key(pni),
        "aciSignedPreKey": aci.keys.signed,
        "pniSignedPreKey": pni.keys.signed,
        "aciPqLastResortPreKey": aci.keys.last_resort,
        "pniPqLastResortPreKey": pni.keys.last_resort,
    })
}

/// With a recovery password, and with all else that may be there.
fn by_password() -> Value {
    let mut body = registration("");
    body["sessionId"] = Value::Null;
    body["recoveryPassword"] = json!(STANDARD.encode([9; 32]));
    body["apnToken"] = json!({"apnRegistrationId": "a token"});
    body["totp"] = json!(123_456);
    let attributes = &mut body["accountAttributes"];
    attributes["fetchesMessages"] = json!(false);
    attributes["registrationLock"] = json!("31".repeat(32));
    attributes["recoveryPassword"] = json!(STANDARD.encode([8; 32]));
    attributes["name"] = json!(STANDARD.encode([7; 30]));
    attributes["unrestrictedUnidentifiedAccess"] = json!(true);
    body
}

pub fn linking(token: &str) -> Value {
    let [aci, pni] = &*IDENTITIES;
    json!({
        "verificationCode": token,
        "accountAttributes": {
            "fetchesMessages": true,
            "registrationId": 4321,
            "pniRegistrationId": 8765,
            "name": STANDARD.encode([7; 30]),
            "capabilities": {"spqr": true},
        },
        "aciSignedPreKey": aci.keys.signed,
        "pniSignedPreKey": pni.keys.signed,
        "aciPqLastResortPreKey": aci.keys.last_resort,
        "pniPqLastResortPreKey": pni.keys.last_resort,
    })
}

/// With keys of the primary device and of a second one, and a message to that.
fn number_change(session: &str, number: &str) -> Value {
    let pni = &IDENTITIES[1];
    json!({
        "sessionId": session,
        "number": number,
        "reglock": "31".repeat(32),
        "pniIdentityKey": STANDARD.encode(pni.pair.public().serialize()),
        "deviceMessages": [
            {"type": 1, "destinationDeviceId": 2, "destinationRegistrationId": 4321, "content": STANDARD.encode([7; 40])},
        ],
        "devicePniSignedPrekeys": {"1": pni.keys.signed, "2": pni.keys.signed},
        "devicePniPqLastResortPrekeys": {"1": pni.keys.last_resort, "2": pni.keys.last_resort},
        "pniRegistrationIds": {"1": 1357, "2": 2468},
    })
}

/// So many one-time keys of each kind, and the two others.
pub fn keys(count: usize) -> Value {
    KEYS[count].clone()
}

fn make_keys(count: usize) -> Value {
    let Identity { pair, keys } = &IDENTITIES[0];
    let ids = || (1..).map_while(|id| KeyId::new(id).ok()).take(count);
    json!({
        "preKeys": ids().map(signing::ec_pre_key).collect::<Vec<_>>(),
        "pqPreKeys": ids().map(|id| pair.kem_pre_key(id)).collect::<Vec<_>>(),
        "signedPreKey": keys.signed,
        "pqLastResortPreKey": keys.last_resort,
    })
}

fn archive(what: Value) -> Value {
    json!({"destinationDeviceId": 2, "destinationDeviceRegistrationId": 4321, "transferArchive": what})
}
