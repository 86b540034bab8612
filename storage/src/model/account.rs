//! An account (contract registration §11.1). The field names are the attribute names of its row, and of the cached copy.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::recovery::NewRecovery;
use super::totp::{PendingTotpKey, TotpKey};
use super::username::Username;
use super::{Device, NewDevice, Opaque};
use crate::clock::Timestamp;
use crate::hash::SaltedTokenHash;
use crate::ids::{AccountId, DeviceId, NumberId, RegistrationId};
use crate::lock_hasher::StoredLock;
use crate::number::E164;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub aci: AccountId,
    pub phone_number: E164,
    pub pni: NumberId,
    /// Counts the commits that changed this account; a change states the version it was made from.
    pub version: u64,
    pub created_at: Timestamp,
    /// When it registered last: for the first time, again, or by recovery. Long ago, if nobody noted it.
    #[serde(default = "long_ago")]
    pub registered_at: Timestamp,
    pub identity_key: Opaque,
    pub pni_identity_key: Opaque,
    pub devices: Vec<Device>,
    pub badges: Vec<Badge>,
    pub unidentified_access_key: Option<Opaque>,
    pub unrestricted_unidentified_access: bool,
    pub discoverable_by_phone_number: bool,
    #[serde(default)]
    pub registration_lock: Option<StoredLock>,
    /// What proves the account to whoever knows its ACI.
    #[serde(default)]
    pub recovery_password: Option<SaltedTokenHash>,
    #[serde(default)]
    pub totp: Vec<TotpKey>,
    /// Left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_totp: Option<PendingTotpKey>,
    #[serde(default)]
    pub username: Username,
}

/// A badge shown on a profile. Nobody is given one at registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Badge {
    pub id: String,
    pub expires: Timestamp,
    pub visible: bool,
}

/// What a client says of its account when it registers.
#[derive(Debug)]
pub struct NewAccount {
    pub device: NewDevice,
    pub identity_key: Opaque,
    pub pni_identity_key: Opaque,
    pub unidentified_access_key: Option<Opaque>,
    pub unrestricted_unidentified_access: bool,
    pub discoverable_by_phone_number: bool,
    pub registration_lock: Option<StoredLock>,
    pub recovery: Option<NewRecovery>,
}

impl NewAccount {
    pub fn begin(self, aci: AccountId, pni: NumberId, number: E164, now: Timestamp) -> Account {
        Account {
            aci,
            phone_number: number,
            pni,
            version: 0,
            created_at: now,
            registered_at: now,
            identity_key: self.identity_key,
            pni_identity_key: self.pni_identity_key,
            devices: vec![self.device.at(DeviceId::PRIMARY, now)],
            badges: Vec::new(),
            unidentified_access_key: self.unidentified_access_key,
            unrestricted_unidentified_access: self.unrestricted_unidentified_access,
            discoverable_by_phone_number: self.discoverable_by_phone_number,
            registration_lock: self.registration_lock,
            recovery_password: self.recovery.map(|recovery| recovery.of_account),
            totp: Vec::new(),
            pending_totp: None,
            username: Username::default(),
        }
    }

    /// The account after its number registered again (contract §11.5): identities, age and badges stay, a username stays
    /// reserved and its link's handle with it, the rest is new.
    pub fn take_over(self, old: &Account, number: E164, now: Timestamp) -> Account {
        let fresh = self.begin(old.aci, old.pni, number, now);
        let username = old.username.set_aside();
        Account { version: old.version + 1, created_at: old.created_at, badges: old.badges.clone(), username, ..fresh }
    }
}

const fn long_ago() -> Timestamp {
    Timestamp::from_millis(0)
}

/// What others know an account's devices by under its number: goes with the number, and is new with each.
#[derive(Clone, Debug)]
pub struct NumberIdentity {
    pub key: Opaque,
    /// Of each device.
    pub registration_ids: BTreeMap<DeviceId, RegistrationId>,
}

impl Account {
    /// The one that registered included.
    pub const MOST_DEVICES: usize = 6;

    /// Has it as many devices as it may have?
    pub const fn is_full(&self) -> bool {
        self.devices.len() >= Self::MOST_DEVICES
    }

    /// The account with another number, or the same, and this identity under it.
    pub fn renumbered(&self, number: E164, pni: NumberId, identity: &NumberIdentity) -> Self {
        let mut account = Self {
            phone_number: number,
            pni,
            pni_identity_key: identity.key.clone(),
            version: self.version + 1,
            ..self.clone()
        };
        for device in &mut account.devices {
            device.pni_registration_id = identity.registration_ids.get(&device.id).copied();
        }
        account
    }

    /// Has somebody failed to open its lock, so that nobody uses it until that is settled?
    pub fn is_frozen(&self) -> bool {
        self.device(DeviceId::PRIMARY).is_none_or(|primary| primary.auth.is_frozen())
    }

    /// The last midnight before anybody heard of any of its devices.
    pub fn last_seen(&self) -> Timestamp {
        let seen = self.devices.iter().map(|device| device.last_seen).max();
        seen.unwrap_or(Timestamp::from_millis(0))
    }

    /// Those that have not run out.
    pub fn current_badges(&self, now: Timestamp) -> impl Iterator<Item = &Badge> {
        self.badges.iter().filter(move |badge| now < badge.expires)
    }

    pub fn device_mut(&mut self, id: DeviceId) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.id == id)
    }

    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }
}
