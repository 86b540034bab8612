//! Which installation of a client keys are of. Devices and their ids come again after a registration, installations do not: what
//! was uploaded by one is never handed out for another.

use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{RegistrationId, ServiceId};
use signet_storage::model::{Device, NewDevice};

use crate::rows::StoredDeviceKeys;

/// A device as it was registered or linked: known by the salt of its password, which is drawn each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    pub(crate) tag: String,
    registration_id: RegistrationId,
    pni_registration_id: Option<RegistrationId>,
}

/// Sixteen of the salt's thirty-two hex digits.
const TAG: usize = 16;

impl Installation {
    fn new(auth: &SaltedTokenHash, aci: RegistrationId, pni: Option<RegistrationId>) -> Self {
        let tag = auth.salt().chars().take(TAG).collect();
        Self { tag, registration_id: aci, pni_registration_id: pni }
    }

    /// The one that stored keys are of, as far as their pages are concerned.
    pub(crate) fn stored(row: &StoredDeviceKeys) -> Self {
        Self { tag: row.installation.clone(), registration_id: row.registration_id, pni_registration_id: None }
    }

    /// What tells it from others; part of each of its pages' keys.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The id that others notice a new installation by; a device of an account with a number has two.
    pub fn registration_id(&self, identity: ServiceId) -> RegistrationId {
        match identity {
            ServiceId::Aci(_) => self.registration_id,
            ServiceId::Pni(_) => self.pni_registration_id.unwrap_or(self.registration_id),
        }
    }
}

impl From<&Device> for Installation {
    fn from(device: &Device) -> Self {
        Self::new(&device.auth, device.registration_id, device.pni_registration_id)
    }
}

impl From<&NewDevice> for Installation {
    fn from(device: &NewDevice) -> Self {
        Self::new(&device.auth, device.registration_id, device.pni_registration_id)
    }
}
