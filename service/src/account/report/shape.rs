//! What a report looks like. First stands what the reference tells, under its names; then what we know besides.

use serde::{Serialize, Serializer};
use signet_keys::rows::StoredDeviceKeys;
use signet_keys::{Kind, SignedPreKey};
use signet_storage::clock::Timestamp;
use signet_storage::ids::{AccountId, DeviceId, NumberId};
use signet_storage::model::Username;
use signet_storage::model::totp::{PendingTotpKey, TotpKey};
use signet_storage::model::{Account, Badge, Device, Opaque, PushChannel};
use signet_storage::number::E164;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub report_id: String,
    pub report_timestamp: Time,
    pub data: Data,
}

#[derive(Serialize)]
pub struct Data {
    pub account: AccountPart,
    pub devices: Vec<DevicePart>,
}

/// Written as a date and a time of the day, UTC, in whole seconds.
#[derive(Clone, Copy)]
pub struct Time(pub Timestamp);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountPart {
    pub phone_number: E164,
    pub badges: Vec<BadgePart>,
    pub allow_sealed_sender_from_anyone: bool,
    pub find_account_by_phone_number: bool,
    pub aci: AccountId,
    pub pni: NumberId,
    pub created: Time,
    /// The last time that its number registered.
    pub registered: Time,
    /// How many times it was changed.
    pub version: u64,
    pub identity_key: Opaque,
    pub pni_identity_key: Opaque,
    pub sealed_sender_key_set: bool,
    pub registration_lock_set: bool,
    pub recovery_password_set: bool,
    /// Until when the number can be proved by a recovery password.
    pub number_recovery_until: Option<Time>,
    /// Somebody failed to open the lock, and nobody signs in until that is settled.
    pub frozen: bool,
    pub username: UsernamePart,
    pub one_time_passwords: Vec<TotpPart>,
    /// Until when a key for one-time passwords waits to be confirmed.
    pub pending_one_time_password_until: Option<Time>,
}

#[derive(Serialize)]
pub struct BadgePart {
    pub id: String,
    pub expiration: Time,
    pub visible: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsernamePart {
    pub hash: Option<Opaque>,
    pub reserved_hash: Option<Opaque>,
    pub encrypted: Option<Opaque>,
    pub link_handle: Option<String>,
}

#[derive(Serialize)]
pub struct TotpPart {
    pub id: u8,
    /// Encrypted by the client.
    pub label: Opaque,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DevicePart {
    pub id: DeviceId,
    pub last_seen: Time,
    pub created: Time,
    pub user_agent: Option<String>,
    /// Encrypted by the client.
    pub name: Option<Opaque>,
    /// How messages reach it.
    pub channel: &'static str,
    /// When it last brought its push token.
    pub push_token_since: Option<Time>,
    pub registration_id: u16,
    pub pni_registration_id: Option<u16>,
    pub capabilities: Vec<String>,
    /// Its keys for the one identity and for the other.
    pub aci_keys: Option<Keys>,
    pub pni_keys: Option<Keys>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    pub identity_key: Opaque,
    pub signed_pre_key: KeyPart,
    pub last_resort_pre_key: KeyPart,
    pub uploads: u64,
    pub one_time_keys: Pools,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyPart {
    pub key_id: u32,
    pub public_key: Opaque,
    pub created: Time,
}

#[derive(Serialize)]
pub struct Pools {
    pub ec: Option<PoolPart>,
    pub kem: Option<PoolPart>,
}

/// One-time keys of one kind: how many were uploaded at once, and how many of them were given to others.
#[derive(Serialize)]
pub struct PoolPart {
    pub uploaded: u64,
    pub given: u64,
}

impl Time {
    pub fn shown(self) -> String {
        let since_epoch = std::time::Duration::from_millis(self.0.millis().try_into().unwrap_or_default());
        humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since_epoch).to_string()
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

impl AccountPart {
    pub fn of(account: &Account, number_recovery_until: Option<Time>) -> Self {
        Self {
            phone_number: account.phone_number.clone(),
            badges: account.badges.iter().map(BadgePart::from).collect(),
            allow_sealed_sender_from_anyone: account.unrestricted_unidentified_access,
            find_account_by_phone_number: account.discoverable_by_phone_number,
            aci: account.aci,
            pni: account.pni,
            created: Time(account.created_at),
            registered: Time(account.registered_at),
            version: account.version,
            identity_key: account.identity_key.clone(),
            pni_identity_key: account.pni_identity_key.clone(),
            sealed_sender_key_set: account.unidentified_access_key.is_some(),
            registration_lock_set: account.registration_lock.is_some(),
            recovery_password_set: account.recovery_password.is_some(),
            number_recovery_until,
            frozen: account.is_frozen(),
            username: UsernamePart::from(&account.username),
            one_time_passwords: account.totp.iter().map(TotpPart::from).collect(),
            pending_one_time_password_until: account
                .pending_totp
                .as_ref()
                .map(|PendingTotpKey { until, .. }| Time(*until)),
        }
    }
}

impl From<&Badge> for BadgePart {
    fn from(Badge { id, expires, visible }: &Badge) -> Self {
        Self { id: id.clone(), expiration: Time(*expires), visible: *visible }
    }
}

impl From<&Username> for UsernamePart {
    fn from(name: &Username) -> Self {
        Self {
            hash: name.hash.clone(),
            reserved_hash: name.reserved_hash.clone(),
            encrypted: name.encrypted.clone(),
            link_handle: name.link_handle.map(|handle| handle.hyphenated().to_string()),
        }
    }
}

impl From<&TotpKey> for TotpPart {
    fn from(TotpKey { id, label, .. }: &TotpKey) -> Self {
        Self { id: *id, label: label.clone() }
    }
}

impl DevicePart {
    pub fn of(device: &Device, aci_keys: Option<Keys>, pni_keys: Option<Keys>) -> Self {
        let (channel, since) = match &device.channel {
            PushChannel::Fetches => ("fetches", None),
            PushChannel::Apn { since, .. } => ("apn", Some(Time(*since))),
            PushChannel::Fcm { since, .. } => ("fcm", Some(Time(*since))),
            PushChannel::Nothing => ("nothing", None),
        };
        Self {
            id: device.id,
            last_seen: Time(device.last_seen),
            created: Time(device.created),
            user_agent: device.user_agent.clone(),
            name: device.name.clone(),
            channel,
            push_token_since: since,
            registration_id: device.registration_id.get(),
            pni_registration_id: device.pni_registration_id.map(|id| id.get()),
            capabilities: device.capabilities.iter().cloned().collect(),
            aci_keys,
            pni_keys,
        }
    }
}

impl Keys {
    pub fn of(stored: &StoredDeviceKeys) -> Self {
        let pool = |kind| {
            let pool = stored.pool(kind)?;
            Some(PoolPart { uploaded: pool.count, given: pool.count - pool.left() })
        };
        let [signed, last_resort] = stored.created.map(Time);
        let SignedPreKey { id, key, .. } = &stored.signed;
        Self {
            identity_key: stored.identity.serialize()[..].into(),
            signed_pre_key: KeyPart { key_id: id.get(), public_key: key.as_bytes()[..].into(), created: signed },
            last_resort_pre_key: KeyPart {
                key_id: stored.last_resort.id.get(),
                public_key: stored.last_resort.key.as_bytes()[..].into(),
                created: last_resort,
            },
            uploads: stored.uploads,
            one_time_keys: Pools { ec: pool(Kind::Ec), kem: pool(Kind::Kem) },
        }
    }
}
