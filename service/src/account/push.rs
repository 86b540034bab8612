//! How messages reach the calling device: its push token, or that it has none any more (contract registration §9.2). gRPC says the
//! same in other words, `devices/own.rs`: there who takes a token back fetches from then on, and here nothing reaches it.

use signet_storage::clock::Timestamp;
use signet_storage::model::device::{NewChannel, TokenKind};
use signet_storage::model::{Account, Device};

use super::AccountController;
use crate::call::{Call, Caller, Reply};
use crate::devices::attributes::{ApnToken, GcmToken};
use crate::error::ApiError;
use crate::wire;

impl AccountController {
    /// `PUT /v1/accounts/gcm`. The same token again is as good as it was.
    pub async fn set_fcm_token(&self, call: Call) -> Result<Reply, ApiError> {
        let GcmToken { gcm_registration_id: token } = wire::read(&call.body)?;
        self.reach_by(call.caller()?, token, NewChannel::Fcm).await
    }

    /// `PUT /v1/accounts/apn`. The same token again is newer.
    pub async fn set_apn_token(&self, call: Call) -> Result<Reply, ApiError> {
        let ApnToken { apn_registration_id: token } = wire::read(&call.body)?;
        self.reach_by(call.caller()?, token, NewChannel::Apn).await
    }

    /// `DELETE /v1/accounts/gcm`
    pub async fn take_back_fcm_token(&self, call: Call) -> Result<Reply, ApiError> {
        self.take_back(call.caller()?, TokenKind::Fcm).await
    }

    /// `DELETE /v1/accounts/apn`
    pub async fn take_back_apn_token(&self, call: Call) -> Result<Reply, ApiError> {
        self.take_back(call.caller()?, TokenKind::Apn).await
    }

    async fn reach_by(
        &self,
        caller: &Caller,
        token: String,
        channel: fn(String) -> NewChannel,
    ) -> Result<Reply, ApiError> {
        if token.is_empty() {
            return Err(ApiError::Unprocessable);
        }
        let channel = channel(token);
        self.change_device("channel", caller, |device, now| device.reach_by(channel.clone(), now)).await?;
        Ok(Reply::empty(204))
    }

    async fn take_back(&self, caller: &Caller, kind: TokenKind) -> Result<Reply, ApiError> {
        self.change_device("channel", caller, |device, _| device.take_back(kind)).await?;
        Ok(Reply::empty(204))
    }

    /// Changes the calling device.
    async fn change_device(
        &self,
        commit: &'static str,
        caller: &Caller,
        change: impl Fn(&mut Device, Timestamp),
    ) -> Result<(), ApiError> {
        let apply = |account: &mut Account, now| {
            // It is there: the account has just let it in.
            let done = account.device_mut(caller.device).map(|device| change(device, now));
            (done.ok_or(ApiError::Unauthorized), Vec::new())
        };
        self.change(commit, caller, apply).await
    }
}
