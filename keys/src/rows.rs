//! A device's keys as a row: one row per identity (ACI or PNI) and device.
//!
//! All that a bundle consists of stands here, or is pointed at from here, so that it is of one moment: the identity key that the
//! signatures were checked against, the registration id, the keys that are handed out again and again, and which one-time keys
//! are next. A registration writes the whole row anew and by that takes the one-time keys of the one before out of the world.
//! Keys are binary: a KEM key is 1.6 KB and base64 would cost a third more to write.
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `identity`, `device` | S, N | the key: UUID of the identity, device id |
//! | `identityKey` | B | 33 bytes |
//! | `registrationId`, `installation` | N, S | of the device as it registered or was linked |
//! | `signedPreKey`, `lastResortPreKey` | M | `keyId` N, `publicKey` B, `signature` B, `algorithm` S, `created` N (ms) |
//! | `uploads` | N | how many uploads changed the row |
//! | `ecSet`, `ecCount`, `ecNext` | S, N, N | the set of one-time keys, how many they are, how many were asked for; may exceed the count |
//! | `ecFormer` | L of S | sets that were here before and are not offered again |
//! | `kem…` | | the same for KEM keys |

use std::collections::HashMap;

use signet_storage::StoreError;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::{binary, number, text};
use signet_storage::ids::{DeviceId, RegistrationId, ServiceId};

use crate::EcPublicKey;
use crate::installation::Installation;
use crate::pages::{self, Kind};
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

/// The row of a device that is new.
pub fn row(
    identity: ServiceId,
    device: DeviceId,
    of: &Installation,
    keys: &CheckedDeviceKeys,
    created: Timestamp,
) -> Item {
    let mut row = key(identity, device);
    row.extend(
        [
            ("identityKey", binary(&keys.identity().serialize())),
            ("registrationId", number(of.registration_id(identity).get())),
            ("installation", text(of.tag.clone())),
            ("uploads", number(0)),
            ("signedPreKey", signed(keys.signed(), created)),
            ("lastResortPreKey", last_resort(keys.last_resort(), created)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    row
}

pub fn signed(key: &SignedPreKey, created: Timestamp) -> Value {
    pre_key(key.id, key.key.as_bytes(), &key.signature, CURVE, created)
}

pub fn last_resort(key: &KemPreKey, created: Timestamp) -> Value {
    pre_key(key.id, key.key.as_bytes(), &key.signature, KEM, created)
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
    pub registration_id: RegistrationId,
    /// The tag of the installation that the keys are of.
    pub installation: String,
    pub uploads: u64,
    pub pools: [Option<Pool>; 2],
}

/// The one-time keys of one kind that a device has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    pub set: String,
    pub count: u64,
    /// The place of the key that is next; past the end it counts those who asked in vain.
    pub next: u64,
    /// Sets that were here before, the latest first.
    pub former: Vec<String>,
}

impl Pool {
    pub fn left(&self) -> u64 {
        self.count.saturating_sub(self.next)
    }

    /// Is this set here, or was it?
    pub fn knows(&self, set: &str) -> bool {
        self.set == set || self.former.iter().any(|former| former == set)
    }
}

/// The attributes of a pool.
pub struct Names {
    pub set: &'static str,
    pub count: &'static str,
    pub next: &'static str,
    pub former: &'static str,
}

impl Kind {
    pub const fn names(self) -> Names {
        match self {
            Self::Ec => Names { set: "ecSet", count: "ecCount", next: "ecNext", former: "ecFormer" },
            Self::Kem => Names { set: "kemSet", count: "kemCount", next: "kemNext", former: "kemFormer" },
        }
    }
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
            registration_id: RegistrationId::try_from(integer(item, "registrationId")?).ok()?,
            installation: item.get("installation")?.as_s().ok()?.clone(),
            uploads: integer(item, "uploads")?.try_into().ok()?,
            pools: [pool(item, Kind::Ec)?, pool(item, Kind::Kem)?],
        })
    }

    /// The pages on which there are keys left, by their sort keys; `device` as its id is written.
    pub fn pages_left(&self, device: &str) -> Vec<String> {
        let Some(device) = device.parse::<u8>().ok().and_then(|id| DeviceId::try_from(id).ok()) else {
            return Vec::new();
        };
        let of = Installation::stored(self);
        let left = |pool: &Pool| usize::try_from(pool.next).unwrap_or(0)..usize::try_from(pool.count).unwrap_or(0);
        let pools = Kind::ALL.iter().filter_map(|kind| Some((*kind, self.pool(*kind)?)));
        let pages = pools.flat_map(|(kind, pool)| left(pool).map(move |place| (kind, pool.set.as_str(), place)));
        let mut names: Vec<_> = pages.map(|(kind, set, place)| pages::name(device, &of, kind, set, place)).collect();
        names.dedup();
        names
    }

    /// Is this one of the pages of the sets that are offered? `device` as its id is written.
    pub fn points_at(&self, device: &str, page: &str) -> bool {
        let Some(device) = device.parse::<u8>().ok().and_then(|id| DeviceId::try_from(id).ok()) else {
            return false;
        };
        let of = Installation::stored(self);
        let mut pools = Kind::ALL.iter().filter_map(|kind| Some((*kind, self.pool(*kind)?)));
        pools.any(|(kind, pool)| page.starts_with(&pages::of_set(device, &of, kind, &pool.set)))
    }

    /// Are the keys of this installation?
    pub fn is_of(&self, installation: &Installation) -> bool {
        self.installation == installation.tag
    }

    pub fn pool(&self, kind: Kind) -> Option<&Pool> {
        self.pools[kind as usize].as_ref()
    }

    /// How many one-time keys of a kind are left.
    pub fn left(&self, kind: Kind) -> u64 {
        self.pool(kind).map_or(0, Pool::left)
    }
}

/// How many one-time keys a row has left, by [`Kind`]; none where that cannot be read.
pub fn left(row: &Item) -> [u64; 2] {
    Kind::ALL.map(|kind| pool(row, kind).flatten().map_or(0, |pool| pool.left()))
}

fn bytes<'a>(map: &'a HashMap<String, Value>, name: &str) -> Option<&'a [u8]> {
    Some(map.get(name)?.as_b().ok()?.as_ref())
}

/// Nothing where none was ever uploaded; `None` around it if it cannot be read.
fn pool(item: &Item, kind: Kind) -> Option<Option<Pool>> {
    let names = kind.names();
    let Some(set) = item.get(names.set) else { return Some(None) };
    let former = item
        .get(names.former)
        .map_or(Some(Vec::new()), |former| former.as_l().ok()?.iter().map(|set| set.as_s().ok().cloned()).collect());
    let whole = |name| u64::try_from(integer(item, name)?).ok();
    let (set, former) = (set.as_s().ok()?.clone(), former?);
    Some(Some(Pool { set, count: whole(names.count)?, next: whole(names.next)?, former }))
}

fn integer(map: &HashMap<String, Value>, name: &str) -> Option<i64> {
    map.get(name)?.as_n().ok()?.parse().ok()
}

fn id(map: &HashMap<String, Value>) -> Option<KeyId> {
    KeyId::try_from(integer(map, "keyId")?).ok()
}

fn created(map: &HashMap<String, Value>) -> Option<Timestamp> {
    integer(map, "created").map(Timestamp::from_millis)
}
