//! `device.Devices` (contract keys-devices §8.3).

use std::collections::BTreeSet;

use signet_storage::model::Opaque;
use signet_storage::model::device::NewChannel;
use tonic::{Request, Response, Status};

use super::asking::answer;
use super::fields;
use super::proto::org::signal::chat::common::DeviceCapability;
use super::proto::org::signal::chat::device;
use super::proto::org::signal::chat::device::devices_server::Devices;
use super::proto::org::signal::chat::device::get_devices_response::LinkedDevice;
use super::proto::org::signal::chat::device::set_device_name_response;
use super::proto::org::signal::chat::device::set_push_token_request::TokenRequest;
use super::proto::org::signal::chat::errors::NotFound;
use super::status::Refusal;
use crate::devices::attributes;
use crate::devices::response::DeviceInfo;
use crate::error::ApiError;
use crate::registry::Registry;

#[tonic::async_trait]
impl Devices for Registry {
    async fn get_devices(
        &self,
        request: Request<device::GetDevicesRequest>,
    ) -> Result<Response<device::GetDevicesResponse>, Status> {
        answer(request, |asking, _| async move {
            let devices = self.devices.all(asking.caller()?).await?.ok_or(ApiError::Unauthorized)?;
            Ok(device::GetDevicesResponse { devices: devices.into_iter().map(LinkedDevice::from).collect() })
        })
        .await
    }

    async fn remove_device(
        &self,
        request: Request<device::RemoveDeviceRequest>,
    ) -> Result<Response<device::RemoveDeviceResponse>, Status> {
        answer(request, |asking, asked| async move {
            let id = fields::device_id(asked.id)?;
            match self.devices.remove_device(asking.caller()?, id.get()).await {
                Err(ApiError::Forbidden) => Err(Refusal::Constraint("id")),
                done => Ok(done.map(|()| device::RemoveDeviceResponse {})?),
            }
        })
        .await
    }

    async fn set_device_name(
        &self,
        request: Request<device::SetDeviceNameRequest>,
    ) -> Result<Response<device::SetDeviceNameResponse>, Status> {
        use set_device_name_response::Response;
        answer(request, |asking, asked| async move {
            let name = attributes::new_name(&asked.name).map_err(|_| Refusal::Constraint("name"))?;
            let response = match self.devices.rename(asking.caller()?, fields::device_id(asked.id)?, &name).await {
                Err(ApiError::NotFound) => Response::TargetDeviceNotFound(NotFound {}),
                done => done.map(Response::Success)?,
            };
            Ok(device::SetDeviceNameResponse { response: Some(response) })
        })
        .await
    }

    async fn set_push_token(
        &self,
        request: Request<device::SetPushTokenRequest>,
    ) -> Result<Response<device::SetPushTokenResponse>, Status> {
        answer(request, |asking, asked| async move {
            let channel = match fields::present("token_request", asked.token_request)? {
                TokenRequest::ApnsTokenRequest(apns) if !apns.apns_token.is_empty() => NewChannel::Apn(apns.apns_token),
                TokenRequest::FcmTokenRequest(fcm) if !fcm.fcm_token.is_empty() => NewChannel::Fcm(fcm.fcm_token),
                _ => return Err(Refusal::Constraint("token")),
            };
            self.devices.reach_by(asking.caller()?, &channel).await?;
            Ok(device::SetPushTokenResponse {})
        })
        .await
    }

    async fn clear_push_token(
        &self,
        request: Request<device::ClearPushTokenRequest>,
    ) -> Result<Response<device::ClearPushTokenResponse>, Status> {
        answer(request, |asking, _| async move {
            self.devices.reach_by(asking.caller()?, &NewChannel::Fetches).await?;
            Ok(device::ClearPushTokenResponse {})
        })
        .await
    }

    async fn set_capabilities(
        &self,
        request: Request<device::SetCapabilitiesRequest>,
    ) -> Result<Response<device::SetCapabilitiesResponse>, Status> {
        answer(request, |asking, asked| async move {
            let names = asked.capabilities.into_iter().map(|number| Ok(name(number)?.to_owned()));
            let names = names.collect::<Result<BTreeSet<_>, Refusal>>()?;
            self.devices.can_from_now_on(asking.caller()?, &names).await?;
            Ok(device::SetCapabilitiesResponse {})
        })
        .await
    }
}

impl From<DeviceInfo> for LinkedDevice {
    fn from(info: DeviceInfo) -> Self {
        let bytes = |opaque: Option<Opaque>| opaque.map_or_else(Vec::new, |opaque| opaque.as_bytes().to_vec());
        Self {
            id: info.id.get().into(),
            name: bytes(info.name),
            last_seen: u64::try_from(info.last_seen.millis()).unwrap_or_default(),
            registration_id: info.registration_id.get().into(),
            created_at_ciphertext: bytes(info.created_at_ciphertext),
        }
    }
}

/// The number of what JSON calls so, if it has one.
pub fn number(capability: &str) -> Option<i32> {
    (1..=DeviceCapability::OptionalPhoneNumber.into()).find(|number| name(*number).is_ok_and(|name| name == capability))
}

/// What JSON calls it (contract keys-devices §3.6).
fn name(capability: i32) -> Result<&'static str, Refusal> {
    Ok(match DeviceCapability::try_from(capability) {
        Ok(DeviceCapability::Storage) => "storage",
        Ok(DeviceCapability::Transfer) => "transfer",
        Ok(DeviceCapability::AttachmentBackfill) => "attachmentBackfill",
        Ok(DeviceCapability::Spqr) => "spqr",
        Ok(DeviceCapability::ProfilesV2) => "profiles_v2",
        Ok(DeviceCapability::UsernameChangeSyncMessage) => "usernameChangeSyncMessage",
        Ok(DeviceCapability::OptionalPhoneNumber) => "optionalPhoneNumber",
        Ok(DeviceCapability::Unspecified) | Err(_) => return Err(Refusal::Constraint("capabilities")),
    })
}

#[cfg(test)]
mod tests {
    use signet_storage::model::capability;

    use super::*;

    /// What is stored under another name would be lost.
    #[test]
    fn every_name_is_one_that_is_stored() {
        let names: BTreeSet<_> = (0..100).filter_map(|number| name(number).ok()).collect();
        let presented = names.iter().map(|name| ((*name).to_owned(), Some(true))).collect();
        assert_eq!(names.len(), 7);
        assert_eq!(capability::known(&presented).len(), 7);
        assert!(
            names.iter().all(|known| number(known).is_some_and(|back| name(back).is_ok_and(|name| name == *known)))
        );
        assert_eq!(number("flying"), None);
    }
}
