//! Pages of one-time keys. All keys of one kind in one upload are a set, named after what is in it, and lie in pages that are never
//! changed. Which key of a set is the next to be handed out stands in the device's row (`rows.rs`): a page alone gives nothing
//! away, and one that nothing points at is rubbish.
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `identity` | S | UUID of the identity |
//! | `page` | S | `device#installation#kind-set#number`, so that all pages of a device lie together |
//! | `keys` | B | by ascending key id: the id as u32 big-endian, the public key, for KEM keys the signature |
//! | `written` | N | when (ms): a page that nothing points at may belong to an upload under way, unless it is old |
//!
//! `service/docs/prekeys.md` says why pages, and why of this size.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};
use signet_storage::StoreError;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::{binary, number as number_value, text};
use signet_storage::ids::{DeviceId, ServiceId};

use crate::installation::Installation;
use crate::{EcPreKey, EcPublicKey, KemPreKey, KemPublicKey, KeyId, Signature};

/// The two kinds of one-time keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Ec,
    Kem,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Ec, Self::Kem];

    /// For metrics and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ec => "ec",
            Self::Kem => "kem",
        }
    }

    /// A hundred EC keys are 3.7 KB, one read unit; a KEM key alone is 1.6 KB. Both sets of a full upload are 21 rows, one request.
    const fn keys_per_page(self) -> usize {
        match self {
            Self::Ec => 100,
            Self::Kem => 5,
        }
    }

    const fn length(self) -> usize {
        match self {
            Self::Ec => ID + EcPublicKey::LENGTH,
            Self::Kem => ID + KemPublicKey::LENGTH + Signature::LENGTH,
        }
    }
}

const ID: usize = 4;

/// The attribute that says when a page was written.
pub const WRITTEN: &str = "written";

/// One upload holds no more keys of a kind (contract `keys-devices.md` §1.3).
pub const MOST: usize = 100;

/// Where the pages of a device are.
#[derive(Clone, Copy)]
pub struct Shelf<'a> {
    pub identity: ServiceId,
    pub device: DeviceId,
    /// Whose keys they are.
    pub of: &'a Installation,
}

/// The keys of one kind of an upload, in the order in which they will be handed out. Of several with one id the last counts.
pub struct Set {
    pub kind: Kind,
    pub name: String,
    pub count: usize,
    bytes: Vec<u8>,
}

impl Set {
    /// Nothing for no keys.
    pub fn of_ec(keys: &[EcPreKey]) -> Option<Self> {
        let entries = keys.iter().map(|key| (key.id, key.key.as_bytes().to_vec()));
        Self::of(Kind::Ec, entries.collect())
    }

    pub fn of_kem(keys: &[KemPreKey]) -> Option<Self> {
        let entry = |key: &KemPreKey| [&key.key.as_bytes()[..], key.signature.as_bytes()].concat();
        Self::of(Kind::Kem, keys.iter().map(|key| (key.id, entry(key))).collect())
    }

    fn of(kind: Kind, entries: BTreeMap<KeyId, Vec<u8>>) -> Option<Self> {
        let count = entries.len();
        let bytes = entries.into_iter().flat_map(|(id, rest)| [&id.get().to_be_bytes()[..], &rest].concat());
        let bytes: Vec<u8> = bytes.collect();
        let name = hex::encode(&Sha256::digest(&bytes)[..16]);
        (count > 0).then_some(Self { kind, name, count, bytes })
    }

    pub fn pages(&self, shelf: Shelf<'_>, now: Timestamp) -> Vec<Item> {
        let chunks = self.bytes.chunks(self.kind.length() * self.kind.keys_per_page()).enumerate();
        chunks
            .map(|(number, keys)| {
                let mut row = key(shelf, self.kind, &self.name, number);
                row.insert("keys".to_owned(), binary(keys));
                row.insert(WRITTEN.to_owned(), number_value(now.millis()));
                row
            })
            .collect()
    }
}

/// The keys of the pages of a set.
pub fn keys_of_set(shelf: Shelf<'_>, kind: Kind, set: &str, count: usize) -> Vec<Item> {
    (0..count.div_ceil(kind.keys_per_page())).map(|number| key(shelf, kind, set, number)).collect()
}

/// The page on which a key lies, by the key's place in its set.
pub fn key_of_page(shelf: Shelf<'_>, kind: Kind, set: &str, place: usize) -> Item {
    key(shelf, kind, set, place / kind.keys_per_page())
}

/// The sort key of the page on which a key lies.
pub fn name(device: DeviceId, of: &Installation, kind: Kind, set: &str, place: usize) -> String {
    numbered(device, of, kind, set, place / kind.keys_per_page())
}

fn numbered(device: DeviceId, of: &Installation, kind: Kind, set: &str, number: usize) -> String {
    format!("{}{number:02}", of_set(device, of, kind, set))
}

/// How the pages of a set begin.
pub fn of_set(device: DeviceId, of: &Installation, kind: Kind, set: &str) -> String {
    format!("{}{}#{}-{set}#", of_device(device), of.tag, kind.name())
}

fn key(Shelf { identity, device, of }: Shelf<'_>, kind: Kind, set: &str, number: usize) -> Item {
    let page = numbered(device, of, kind, set, number);
    HashMap::from([("identity".to_owned(), text(partition(identity))), ("page".to_owned(), text(page))])
}

pub fn partition(identity: ServiceId) -> String {
    identity.uuid().hyphenated().to_string()
}

/// How the pages of a device begin.
pub fn of_device(device: DeviceId) -> String {
    format!("{:03}#", device.get())
}

/// Is this page of this installation of its device?
pub fn is_of(page: &str, device: DeviceId, of: &Installation) -> bool {
    page.strip_prefix(&of_device(device))
        .and_then(|rest| rest.strip_prefix(&of.tag))
        .is_some_and(|rest| rest.starts_with('#'))
}

pub fn ec_at(page: &Item, place: usize) -> Result<EcPreKey, StoreError> {
    let read = || {
        let (id, rest) = entry(page, Kind::Ec, place)?;
        Some(EcPreKey { id, key: EcPublicKey::from_bytes(rest).ok()? })
    };
    read().ok_or_else(|| StoreError::unreadable("page of keys"))
}

pub fn kem_at(page: &Item, place: usize) -> Result<KemPreKey, StoreError> {
    let read = || {
        let (id, rest) = entry(page, Kind::Kem, place)?;
        let (key, signature) = rest.split_at_checked(KemPublicKey::LENGTH)?;
        let (key, signature) = (KemPublicKey::from_bytes(key).ok()?, Signature::from_bytes(signature).ok()?);
        Some(KemPreKey { id, key, signature })
    };
    read().ok_or_else(|| StoreError::unreadable("page of keys"))
}

fn entry(page: &Item, kind: Kind, place: usize) -> Option<(KeyId, &[u8])> {
    let keys = page.get("keys")?.as_b().ok()?.as_ref();
    let entry = keys.chunks_exact(kind.length()).nth(place % kind.keys_per_page())?;
    let (id, rest) = entry.split_first_chunk::<ID>()?;
    Some((KeyId::new(i64::from(u32::from_be_bytes(*id))).ok()?, rest))
}
