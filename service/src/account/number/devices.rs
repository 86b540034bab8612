//! What a change of number brings for each device: a message, and the keys and the registration id under the new number. Whether
//! it is for the right devices is judged on the account as it stands.

use std::collections::{BTreeMap, BTreeSet};

use signet_keys::{CheckedDeviceKeys, IdentityKey, KemPreKey, SignedPreKey, UncheckedKeys};
use signet_storage::ids::{DeviceId, RegistrationId};
use signet_storage::model::Account;

use crate::error::ApiError;

/// The longest content of a message.
const LONGEST: usize = 96 * 1024;

/// A message to another device of the account. Its content is never kept.
pub struct DeviceMessage {
    pub destination: DeviceId,
    /// As which installation the sender knows the device; any number, for it may be wrong.
    pub registration_id: i64,
    /// Bytes of its content.
    pub length: usize,
}

/// All messages of a request.
pub struct DeviceMessages(Vec<DeviceMessage>);

impl DeviceMessages {
    /// # Errors
    /// 422 for two to one device, or one without content.
    pub fn new(messages: Vec<DeviceMessage>) -> Result<Self, ApiError> {
        let mut seen = BTreeSet::new();
        let fine = messages.iter().all(|message| seen.insert(message.destination) && message.length > 0);
        fine.then_some(Self(messages)).ok_or(ApiError::Unprocessable)
    }

    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// Are they for all other devices of the account as it is, if there are any?
    ///
    /// # Errors
    /// 410 if some device registered anew since the sender looked, 409 if they are other devices, 413 if one is too long.
    pub fn fit(&self, account: &Account) -> Result<(), ApiError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let is_stale = |message: &&DeviceMessage| {
            let device = account.device(message.destination).filter(|device| device.id != DeviceId::PRIMARY);
            device.is_some_and(|device| i64::from(device.registration_id.get()) != message.registration_id)
        };
        let stale: Vec<_> = self.0.iter().filter(is_stale).map(|message| message.destination).collect();
        if !stale.is_empty() {
            return Err(ApiError::StaleDevices(stale));
        }
        let others = account.devices.iter().map(|device| device.id).filter(|id| *id != DeviceId::PRIMARY);
        let sent = self.0.iter().map(|message| message.destination);
        exactly(&sent.collect(), &others.collect())?;
        if self.0.iter().any(|message| message.length > LONGEST) { Err(ApiError::TooLarge) } else { Ok(()) }
    }
}

/// The keys of all devices, decoded and not believed.
pub struct PresentedKeys {
    pub signed: BTreeMap<DeviceId, SignedPreKey>,
    pub last_resort: BTreeMap<DeviceId, KemPreKey>,
}

/// The same with every signature verified.
pub struct SignedKeys {
    /// Of devices that have both.
    whole: BTreeMap<DeviceId, CheckedDeviceKeys>,
    signed: BTreeSet<DeviceId>,
    last_resort: BTreeSet<DeviceId>,
}

impl PresentedKeys {
    /// # Errors
    /// 422 if any signature is not by this identity, also of a device that there is not.
    pub fn check(&self, identity: &IdentityKey) -> Result<SignedKeys, ApiError> {
        let mut whole = BTreeMap::new();
        let (signed, last_resort): (BTreeSet<_>, BTreeSet<_>) =
            (self.signed.keys().copied().collect(), self.last_resort.keys().copied().collect());
        for device in signed.union(&last_resort) {
            let checked = match (self.signed.get(device).cloned(), self.last_resort.get(device).cloned()) {
                (Some(signed), Some(last_resort)) => {
                    let checked = CheckedDeviceKeys::check(identity.clone(), signed, last_resort);
                    checked.map(|keys| drop(whole.insert(*device, keys)))
                }
                (signed, last_resort) => {
                    UncheckedKeys { signed, last_resort, ..UncheckedKeys::default() }.check(identity).map(drop)
                }
            };
            checked.map_err(|_| ApiError::Unprocessable)?;
        }
        Ok(SignedKeys { whole, signed, last_resort })
    }
}

impl SignedKeys {
    /// The keys of each device of the account as it is.
    ///
    /// # Errors
    /// 409 if there are any of other devices, or none of some.
    pub fn of_all(
        &self,
        account: &Account,
        registration_ids: &BTreeMap<DeviceId, RegistrationId>,
    ) -> Result<&BTreeMap<DeviceId, CheckedDeviceKeys>, ApiError> {
        let devices = account.devices.iter().map(|device| device.id).collect();
        for listed in [&self.signed, &self.last_resort, &registration_ids.keys().copied().collect()] {
            exactly(listed, &devices)?;
        }
        Ok(&self.whole)
    }
}

fn exactly(listed: &BTreeSet<DeviceId>, wanted: &BTreeSet<DeviceId>) -> Result<(), ApiError> {
    if listed == wanted {
        return Ok(());
    }
    let missing = wanted.difference(listed).copied().collect();
    Err(ApiError::OtherDevices { missing, extra: listed.difference(wanted).copied().collect() })
}
