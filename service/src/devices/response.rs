//! A device as its account's owner sees it (contract keys-devices §3.2), and what a device that was linked is told (§3.4).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Serialize, Serializer};
use signet_keys::{IdentityKey, created_at};
use signet_storage::chance::Chance;
use signet_storage::clock::Timestamp;
use signet_storage::ids::{AccountId, DeviceId, NumberId, RegistrationId};
use signet_storage::model::{Account, Device, Opaque};

/// Null fields are written.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceInfo {
    pub id: DeviceId,
    /// Encrypted; base64 with padding.
    #[serde(serialize_with = "padded")]
    pub name: Option<Opaque>,
    pub last_seen: Timestamp,
    pub registration_id: RegistrationId,
    /// Base64 without padding.
    #[serde(serialize_with = "unpadded")]
    pub created_at_ciphertext: Option<Opaque>,
}

#[derive(Serialize)]
pub struct DeviceList {
    pub devices: Vec<DeviceInfo>,
}

impl DeviceInfo {
    pub fn of(account: &Account, device: &Device, chance: &Chance) -> Self {
        let identity = IdentityKey::from_bytes(account.identity_key.as_bytes()).ok();
        let seal = |identity| created_at::seal(&identity, device.id, device.registration_id, device.created, chance);
        Self {
            id: device.id,
            name: device.name.clone(),
            last_seen: device.last_seen,
            registration_id: device.registration_id,
            created_at_ciphertext: identity.and_then(seal).map(|sealed| sealed[..].into()),
        }
    }
}

fn padded<S: Serializer>(bytes: &Option<Opaque>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(|bytes| STANDARD.encode(bytes.as_bytes())).serialize(serializer)
}

fn unpadded<S: Serializer>(bytes: &Option<Opaque>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(|bytes| STANDARD_NO_PAD.encode(bytes.as_bytes())).serialize(serializer)
}

/// With this a device may be let in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkCode<'a> {
    pub verification_code: &'a str,
    pub token_identifier: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkResponse {
    pub uuid: AccountId,
    /// The bare UUID, as in the answer to a registration.
    pub pni: NumberId,
    pub device_id: DeviceId,
}
