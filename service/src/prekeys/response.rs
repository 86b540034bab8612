//! What others get of an account's keys (contract keys-devices §1.5).

use serde::Serialize;
use signet_keys::{Bundle, EcPreKey, IdentityKey, KemPreKey, SignedPreKey};
use signet_storage::ids::{DeviceId, RegistrationId};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreKeyResponse {
    pub identity_key: IdentityKey,
    pub devices: Vec<PreKeyResponseItem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreKeyResponseItem {
    device_id: DeviceId,
    registration_id: RegistrationId,
    signed_pre_key: SignedPreKey,
    /// Null when there is none left.
    pre_key: Option<EcPreKey>,
    /// One-time or last resort: that is not told.
    pq_pre_key: KemPreKey,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreKeyCount {
    pub count: u64,
    pub pq_count: u64,
}

impl PreKeyResponseItem {
    pub fn of(device: DeviceId, bundle: Bundle) -> Self {
        Self {
            device_id: device,
            registration_id: bundle.registration_id,
            signed_pre_key: bundle.signed,
            pre_key: bundle.one_time,
            pq_pre_key: bundle.kem,
        }
    }
}
