//! The primary tells a device that it has just linked where the archive of its messages lies, or that there is none (contract
//! keys-devices §3.8). The archive itself the registry never sees.
//!
//! The key names the device's installation too, not only its id: ids are given again.

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use signet_config::LimitId;
use signet_storage::ids::{AccountId, DeviceId, RegistrationId};

use super::WaitingController;
use crate::call::{Call, Reply};
use crate::error::ApiError;
use crate::wire::{self, URL_SAFE_EITHER};

const LONGEST_KEY: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    destination_device_id: DeviceId,
    /// 0, which no device has, is accepted, as in the contract.
    destination_device_registration_id: u16,
    transfer_archive: TransferArchive,
}

#[derive(Deserialize, Serialize)]
#[serde(try_from = "Fields", untagged)]
enum TransferArchive {
    Uploaded { cdn: i32, key: String },
    Failed { error: Failure },
}

/// A [`TransferArchive`] as it comes: which one it is, the fields that are there say.
#[derive(Deserialize)]
struct Fields {
    cdn: Option<i32>,
    key: Option<String>,
    error: Option<Failure>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Failure {
    RelinkRequested,
    ContinueWithoutUpload,
}

impl TryFrom<Fields> for TransferArchive {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        match fields {
            Fields { cdn: Some(cdn), key: Some(key), error: None } if is_key(&key) => Ok(Self::Uploaded { cdn, key }),
            Fields { cdn: None, key: None, error: Some(error) } => Ok(Self::Failed { error }),
            _ => Err("neither an archive nor a failure"),
        }
    }
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_KEY && URL_SAFE_EITHER.decode(text).is_ok()
}

impl WaitingController {
    /// `PUT /v1/devices/transfer_archive`
    pub async fn put_transfer_archive(&self, call: Call) -> Result<Reply, ApiError> {
        let body: Body = wire::read(&call.body)?;
        if body.destination_device_registration_id > RegistrationId::MAX {
            return Err(ApiError::Unprocessable);
        }
        let aci = call.caller()?.account.aci;
        self.limits.take(LimitId::UploadTransferArchive, &aci.to_string()).await?;
        let key = key(aci, body.destination_device_id, body.destination_device_registration_id);
        self.mailbox.put(&key, super::letter(&body.transfer_archive)).await?;
        Ok(Reply::empty(204))
    }

    /// `GET /v1/devices/transfer_archive`, by the device that it is for.
    pub async fn wait_for_transfer_archive(&self, call: Call) -> Result<Reply, ApiError> {
        let timeout = super::timeout(&call)?;
        let (aci, device) = (call.caller()?.account.aci, call.caller()?.device()?);
        self.limits.take(LimitId::WaitForTransferArchive, &format!("{aci}:{}", device.id.get())).await?;
        let key = key(aci, device.id, device.registration_id.get());
        Ok(super::answer(self.mailbox.wait(&key, timeout).await?))
    }
}

fn key(aci: AccountId, device: DeviceId, registration: u16) -> String {
    format!("transfer_archive::{aci}:{}:registrationId:{registration}", device.get())
}
