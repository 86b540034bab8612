//! Whose is this username? (contract registration §9.4, §9.5) The registry knows hashes of names and encrypted names, no name.

use std::net::IpAddr;

use base64::Engine as _;
use serde_json::json;
use signet_config::LimitId;
use signet_storage::ids::AccountId;
use signet_storage::model::Opaque;
use uuid::Uuid;

use super::AccountController;
use crate::call::{Call, Reply};
use crate::client_address;
use crate::error::ApiError;
use crate::wire::URL_SAFE_EITHER;

const HASH_BYTES: usize = 32;

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
        if hash.len() != HASH_BYTES {
            return Err(ApiError::Unprocessable);
        }
        Ok(self.accounts.aci_of_username(&Opaque::from(hash)).await?)
    }

    /// `GET /v1/accounts/username_link/{handle}`
    pub async fn look_up_username_link(&self, call: Call) -> Result<Reply, ApiError> {
        let handle: Uuid = call.param("handle").parse().map_err(|_| ApiError::NotFound)?;
        let encrypted = self.encrypted_username(handle, call.client).await?.ok_or(ApiError::NotFound)?;
        let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(encrypted.as_bytes());
        Ok(Reply::json(200, &json!({"usernameLinkEncryptedValue": encoded})))
    }

    /// The encrypted username behind a link. There is no way yet to make a link, so there is none.
    pub async fn encrypted_username(&self, _handle: Uuid, client: Option<IpAddr>) -> Result<Option<Opaque>, ApiError> {
        self.limits.take(LimitId::UsernameLinkLookup, &client_address::key(client)).await?;
        Ok(None)
    }
}
