//! A new device, which has no account yet, shows a token; the old one says by it how the account is to be restored there
//! (contract keys-devices §3.7). Nobody proves who they are: to know the token is enough.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};
use signet_config::LimitId;

use super::WaitingController;
use crate::call::{Call, Reply};
use crate::client_address;
use crate::error::ApiError;
use crate::wire::{self, Base64};

const LONGEST_TOKEN: usize = 64;
const LONGEST_BOOTSTRAP: usize = 4096;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoreAccount {
    method: Method,
    #[serde(serialize_with = "unpadded")]
    device_transfer_bootstrap: Option<Base64>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Method {
    RemoteBackup,
    LocalBackup,
    DeviceTransfer,
    Decline,
}

fn unpadded<S: Serializer>(bytes: &Option<Base64>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(|Base64(bytes)| STANDARD_NO_PAD.encode(bytes)).serialize(serializer)
}

impl WaitingController {
    /// `PUT /v1/devices/restore_account/{token}`
    pub async fn put_restore_account(&self, call: Call) -> Result<Reply, ApiError> {
        let key = key(&call)?;
        let body: RestoreAccount = wire::read(&call.body)?;
        if body.device_transfer_bootstrap.as_ref().is_some_and(|Base64(bytes)| bytes.len() > LONGEST_BOOTSTRAP) {
            return Err(ApiError::Unprocessable);
        }
        self.limits.take(LimitId::RecordDeviceTransferRequest, &client_address::key(call.client)).await?;
        self.mailbox.put(&key, super::letter(&body)).await?;
        Ok(Reply::empty(204))
    }

    /// `GET /v1/devices/restore_account/{token}`
    pub async fn wait_for_restore_account(&self, call: Call) -> Result<Reply, ApiError> {
        let (key, timeout) = (key(&call)?, super::timeout(&call)?);
        self.limits.take(LimitId::WaitForDeviceTransferRequest, &client_address::key(call.client)).await?;
        Ok(super::answer(self.mailbox.wait(&key, timeout).await?))
    }
}

fn key(call: &Call) -> Result<String, ApiError> {
    let token = call.param("token");
    if token.trim().is_empty() || token.chars().count() > LONGEST_TOKEN {
        return Err(ApiError::BadRequest);
    }
    Ok(format!("restore_account::{token}"))
}
