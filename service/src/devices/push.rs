//! How messages reach the calling device: its push token, or that it has none any more (contract registration §9.2). gRPC says the
//! same in other words, `own.rs`: there who takes a token back fetches from then on, and here nothing reaches it.

use signet_storage::model::device::{NewChannel, TokenKind};

use super::DevicesController;
use super::attributes::{ApnToken, GcmToken};
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::wire;

impl DevicesController {
    /// `PUT /v1/accounts/gcm`. The same token again is as good as it was.
    pub async fn set_fcm_token(&self, call: Call) -> Result<Reply, ApiError> {
        let GcmToken { gcm_registration_id: token } = wire::read(&call.body)?;
        self.set_token(call.caller()?, token, NewChannel::Fcm).await
    }

    /// `PUT /v1/accounts/apn`. The same token again is newer.
    pub async fn set_apn_token(&self, call: Call) -> Result<Reply, ApiError> {
        let ApnToken { apn_registration_id: token } = wire::read(&call.body)?;
        self.set_token(call.caller()?, token, NewChannel::Apn).await
    }

    /// `DELETE /v1/accounts/gcm`
    pub async fn take_back_fcm_token(&self, call: Call) -> Result<Reply, ApiError> {
        self.take_back(call.caller()?, TokenKind::Fcm).await
    }

    /// `DELETE /v1/accounts/apn`
    pub async fn take_back_apn_token(&self, call: Call) -> Result<Reply, ApiError> {
        self.take_back(call.caller()?, TokenKind::Apn).await
    }

    async fn set_token(
        &self,
        caller: &Caller,
        token: String,
        channel: fn(String) -> NewChannel,
    ) -> Result<Reply, ApiError> {
        if token.is_empty() {
            return Err(ApiError::Unprocessable);
        }
        self.reach_by(caller, &channel(token)).await?;
        Ok(Reply::empty(204))
    }

    async fn take_back(&self, caller: &Caller, kind: TokenKind) -> Result<Reply, ApiError> {
        self.change("channel", caller, caller.device, |device, _| device.take_back(kind)).await?;
        Ok(Reply::empty(204))
    }
}
