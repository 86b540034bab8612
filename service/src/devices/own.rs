//! What is changed of a device that stays: what it can do, how messages reach it, and its name (contract keys-devices §3.6, §8.3,
//! registration §9.2).
//!
//! A change is made to the account as it stands, and only if that still lets in the very device that asked.

use std::collections::BTreeSet;

use serde::Deserialize;
use signet_storage::clock::Timestamp;
use signet_storage::ids::DeviceId;
use signet_storage::model::capability::{self, Presented};
use signet_storage::model::device::NewChannel;
use signet_storage::model::{Account, Device, Opaque};

use super::{DevicesController, attributes};
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::wire::{self, Base64};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NameBody {
    device_name: Base64,
}

impl DevicesController {
    /// `PUT /v1/devices/capabilities`
    pub async fn set_capabilities(&self, call: Call) -> Result<Reply, ApiError> {
        let capabilities = capability::known(&wire::read::<Presented>(&call.body)?);
        self.can_from_now_on(call.caller()?, &capabilities).await?;
        Ok(Reply::empty(204))
    }

    /// What the calling device can do from now on. It may be less than before.
    pub async fn can_from_now_on(&self, caller: &Caller, capabilities: &BTreeSet<String>) -> Result<(), ApiError> {
        let set = |device: &mut Device, _| device.capabilities.clone_from(capabilities);
        self.change("capabilities", caller, caller.device, set).await
    }

    /// How messages reach the calling device from now on.
    pub async fn reach_by(&self, caller: &Caller, channel: &NewChannel) -> Result<(), ApiError> {
        let set = |device: &mut Device, now| device.reach_by(channel.clone(), now);
        self.change("channel", caller, caller.device, set).await
    }

    /// `PUT /v1/accounts/name`
    pub async fn set_name(&self, call: Call) -> Result<Reply, ApiError> {
        let caller = call.caller()?;
        let target = match call.query("deviceId").map(str::parse::<u8>) {
            None => Ok(caller.device),
            Some(Ok(id)) => DeviceId::try_from(id).map_err(|_| ApiError::NotFound),
            Some(Err(_)) => return Err(ApiError::BadRequest),
        };
        let NameBody { device_name: Base64(name) } = wire::read(&call.body)?;
        let name = attributes::new_name(&name)?;
        self.rename(caller, target?, &name).await?;
        Ok(Reply::empty(204))
    }

    /// Another name for a device: the primary names any, a linked one only itself.
    ///
    /// # Errors
    /// 404 for a device that there is not, whoever asks; then 403.
    pub async fn rename(&self, caller: &Caller, target: DeviceId, name: &Opaque) -> Result<(), ApiError> {
        self.change("name", caller, target, |device, _| device.name = Some(name.clone())).await
    }

    /// Changes one device of the caller's account.
    pub(super) async fn change(
        &self,
        commit: &'static str,
        caller: &Caller,
        target: DeviceId,
        change: impl Fn(&mut Device, Timestamp),
    ) -> Result<(), ApiError> {
        let apply = |account: &mut Account, now| {
            let device = account.device_mut(target);
            let done = match device {
                None => Err(ApiError::NotFound),
                Some(_) if caller.device != DeviceId::PRIMARY && caller.device != target => Err(ApiError::Forbidden),
                Some(device) => {
                    change(device, now);
                    Ok(())
                }
            };
            (done, Vec::new())
        };
        let done = self.accounts.update_as(commit, caller.account.aci, caller.asked_by()?, apply).await?;
        done.map_or(Err(ApiError::Unauthorized), |(_, done)| done)
    }
}
