//! Whose is this username? (contract registration §9.4, §9.5) Anybody may ask, so often from one address.

use std::net::IpAddr;

use base64::Engine as _;
use serde_json::json;
use signet_config::LimitId;
use signet_storage::ids::AccountId;
use signet_storage::model::Opaque;
use uuid::Uuid;

use super::encoded;
use crate::account::AccountController;
use crate::call::{Call, Reply};
use crate::client_address;
use crate::error::ApiError;
use crate::wire::URL_SAFE_EITHER;

impl AccountController {
    /// `GET /v1/accounts/username_hash/{hash}`
    pub async fn look_up_username(&self, call: Call) -> Result<Reply, ApiError> {
        // What is no base64 is no hash either, and counts as much.
        let hash = URL_SAFE_EITHER.decode(call.param("hash")).unwrap_or_default();
        let holder = self.holder_of_username(&hash, call.client).await?.ok_or(ApiError::NotFound)?;
        Ok(Reply::json(200, &json!({"uuid": holder.to_string()})))
    }

    /// Whose confirmed username has this hash, told to a client at this address.
    ///
    /// # Errors
    /// 422 if it is not a hash.
    pub async fn holder_of_username(&self, hash: &[u8], client: Option<IpAddr>) -> Result<Option<AccountId>, ApiError> {
        self.limits.take(LimitId::UsernameLookup, &client_address::key(client)).await?;
        Ok(self.accounts.aci_of_username(&super::hash(hash)?).await?)
    }

    /// `GET /v1/accounts/username_link/{handle}`
    pub async fn look_up_username_link(&self, call: Call) -> Result<Reply, ApiError> {
        let handle: Uuid = call.param("handle").parse().map_err(|_| ApiError::NotFound)?;
        let encrypted = self.encrypted_username(handle, call.client).await?.ok_or(ApiError::NotFound)?;
        let body = json!({"usernameLinkEncryptedValue": encoded(&encrypted), "keepLinkHandle": false});
        Ok(Reply::json(200, &body))
    }

    /// The encrypted username behind a link, told to a client at this address.
    pub async fn encrypted_username(&self, handle: Uuid, client: Option<IpAddr>) -> Result<Option<Opaque>, ApiError> {
        self.limits.take(LimitId::UsernameLinkLookup, &client_address::key(client)).await?;
        Ok(self.accounts.encrypted_username(handle).await?)
    }
}
