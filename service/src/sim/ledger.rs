//! One-time keys, as strangers see them come: each is recognised by its bytes, so that what was uploaded can be told from what was
//! served. What has to hold (contract keys-devices §1A):
//!
//! - no key of an upload is served twice, and the lowest comes first;
//! - a bundle holds keys of one registration only, and of the device it names.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_keys::{EcPublicKey, KemPublicKey};

use super::model::mark;
use super::people::{self, Keys};

/// One-time keys of each kind in an upload.
const EC_KEYS: u8 = 3;
const KEM_KEYS: u8 = 2;

#[derive(Default)]
pub struct Ledger {
    /// Sets of keys by the registration or link they were uploaded for.
    uploads: BTreeSet<(u16, u32)>,
    served: BTreeSet<(Pool, u8)>,
    /// The last key served of each pool, in rounds before this.
    last: BTreeMap<Pool, u8>,
}

/// Where a key comes from: the registration or link, the event that sent it first, and whether it is a KEM key.
type Pool = (u16, u32, bool);

pub type Broken = &'static str;

/// The body of an upload, whose keys carry the event that sends them first; signed by the identity of this registration.
pub fn upload(set: u32, keys: u32) -> Value {
    let [aci, _] = people::keys_of(mark(keys));
    let ids = |n: u8| u64::from(set % 1_000_000) * 10 + u64::from(n);
    let ec = |n| json!({"keyId": ids(n), "publicKey": STANDARD.encode(bytes(EcPublicKey::TYPE, EcPublicKey::LENGTH, set, n))});
    let kem = |n| {
        let key = bytes(KemPublicKey::TYPE, KemPublicKey::LENGTH, set, n);
        let signature = aci.identity.sign_with(&key, &[n; 64]);
        json!({"keyId": ids(n), "publicKey": STANDARD.encode(&key), "signature": signature})
    };
    json!({
        "preKeys": (0..EC_KEYS).rev().map(ec).collect::<Vec<_>>(),
        "pqPreKeys": (0..KEM_KEYS).map(kem).collect::<Vec<_>>(),
    })
}

fn bytes(kind: u8, length: usize, set: u32, n: u8) -> Vec<u8> {
    let mut bytes = vec![kind, n];
    bytes.extend(set.to_be_bytes());
    bytes.resize(length, 0);
    bytes
}

impl Ledger {
    /// Somebody sent keys for this device; whether they arrived is not known.
    pub fn uploaded(&mut self, by: u32, set: u32) {
        self.uploads.insert((mark(by), set));
    }

    /// Somebody got this bundle.
    pub fn fetched(&mut self, bundle: &Value, crowded: bool) -> Result<(), Broken> {
        let identity =
            people::keys_with_identity(&bundle["identityKey"]).ok_or("a bundle has nobody's identity key")?;
        let mut ids = BTreeSet::new();
        for device in bundle["devices"].as_array().into_iter().flatten() {
            if !ids.insert(device["deviceId"].as_u64()) {
                return Err("a bundle has a device twice");
            }
            self.device(identity, device, crowded)?;
        }
        Ok(())
    }

    fn device(&mut self, identity: &Keys, device: &Value, crowded: bool) -> Result<(), Broken> {
        let of = device["registrationId"]
            .as_u64()
            .and_then(|id| u16::try_from(id).ok())
            .ok_or("a bundle names no device")?;
        if device["signedPreKey"] != identity.json[1] {
            return Err("a bundle mixes keys of two registrations");
        }
        if !device["preKey"].is_null() {
            self.one_time(of, &device["preKey"], false, crowded)?;
        }
        if device["pqPreKey"] != identity.json[2] {
            self.one_time(of, &device["pqPreKey"], true, crowded)?;
        }
        Ok(())
    }

    fn one_time(&mut self, of: u16, key: &Value, kem: bool, crowded: bool) -> Result<(), Broken> {
        let key = key["publicKey"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        let Some(([_, n], rest)) = key.split_first_chunk::<2>() else { return Err("a bundle has a key of nobody's") };
        let set = rest.first_chunk::<4>().map_or(u32::MAX, |set| u32::from_be_bytes(*set));
        if !self.uploads.contains(&(of, set)) {
            return Err("a bundle has a one-time key of another registration");
        }
        let pool = (of, set, kem);
        if !self.served.insert((pool, *n)) {
            return Err("a one-time key was served twice");
        }
        if !crowded {
            let last = self.last.insert(pool, *n);
            if last.is_some_and(|last| last > *n) {
                return Err("a one-time key was served before a lower one");
            }
        }
        Ok(())
    }
}
