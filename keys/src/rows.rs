//! A device's keys as a row: one row per identity (ACI or PNI) and device.
//!
//! The row carries the identity key that its signatures were checked against, so that no reader can pair a signature with
//! another identity, whatever happens between two reads. Keys are binary: a KEM key is 1.6 KB and base64 would cost a third
//! more to write.
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `identity`, `device` | S, N | the key: UUID of the identity, device id |
//! | `identityKey` | B | 33 bytes |
//! | `signedPreKey`, `lastResortPreKey` | M | `keyId` N, `publicKey` B, `signature` B, `algorithm` S, `created` N (ms) |

use std::collections::HashMap;

use signet_storage::StoreError;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::{binary, number, text};
use signet_storage::ids::{DeviceId, ServiceId};

use crate::EcPublicKey;
use crate::{CheckedDeviceKeys, IdentityKey, KemPreKey, KemPublicKey, KeyId, Signature, SignedPreKey};

const CURVE: &str = "curve25519";
const KEM: &str = "kyber1024";
type Value = signet_storage::dynamo::Value;

pub fn key(identity: ServiceId, device: DeviceId) -> Item {
    HashMap::from([
        ("identity".to_owned(), text(identity.uuid().hyphenated().to_string())),
        ("device".to_owned(), number(device.get())),
    ])
}

pub fn row(identity: ServiceId, device: DeviceId, keys: &CheckedDeviceKeys, created: Timestamp) -> Item {
    let (signed, last_resort) = (keys.signed(), keys.last_resort());
    let mut row = key(identity, device);
    row.insert("identityKey".to_owned(), binary(&keys.identity().serialize()));
    row.insert("signedPreKey".to_owned(), pre_key(signed.id, signed.key.as_bytes(), &signed.signature, CURVE, created));
    let last_resort = pre_key(last_resort.id, last_resort.key.as_bytes(), &last_resort.signature, KEM, created);
    row.insert("lastResortPreKey".to_owned(), last_resort);
    row
}

fn pre_key(id: KeyId, key: &[u8], signature: &Signature, algorithm: &str, created: Timestamp) -> Value {
    Value::M(HashMap::from([
        ("keyId".to_owned(), number(id.get())),
        ("publicKey".to_owned(), binary(key)),
        ("signature".to_owned(), binary(signature.as_bytes())),
        ("algorithm".to_owned(), text(algorithm)),
        ("created".to_owned(), number(created.millis())),
    ]))
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDeviceKeys {
    pub identity: IdentityKey,
    pub signed: SignedPreKey,
    pub last_resort: KemPreKey,
    /// When each of the two was stored.
    pub created: [Timestamp; 2],
}

impl StoredDeviceKeys {
    /// # Errors
    /// If the row is not one that [`row`] made.
    pub fn read(item: Item) -> Result<Self, StoreError> {
        Self::parse(&item).ok_or_else(|| StoreError::unreadable("key row"))
    }

    fn parse(item: &Item) -> Option<Self> {
        let part = |name: &str| item.get(name)?.as_m().ok();
        let (signed, last_resort) = (part("signedPreKey")?, part("lastResortPreKey")?);
        Some(Self {
            identity: IdentityKey::from_bytes(bytes(item, "identityKey")?).ok()?,
            signed: SignedPreKey {
                id: id(signed)?,
                key: EcPublicKey::from_bytes(bytes(signed, "publicKey")?).ok()?,
                signature: Signature::from_bytes(bytes(signed, "signature")?).ok()?,
            },
            last_resort: KemPreKey {
                id: id(last_resort)?,
                key: KemPublicKey::from_bytes(bytes(last_resort, "publicKey")?).ok()?,
                signature: Signature::from_bytes(bytes(last_resort, "signature")?).ok()?,
            },
            created: [created(signed)?, created(last_resort)?],
        })
    }
}

fn bytes<'a>(map: &'a HashMap<String, Value>, name: &str) -> Option<&'a [u8]> {
    Some(map.get(name)?.as_b().ok()?.as_ref())
}

fn id(map: &HashMap<String, Value>) -> Option<KeyId> {
    KeyId::try_from(map.get("keyId")?.as_n().ok()?.parse::<i64>().ok()?).ok()
}

fn created(map: &HashMap<String, Value>) -> Option<Timestamp> {
    Some(Timestamp::from_millis(map.get("created")?.as_n().ok()?.parse().ok()?))
}
