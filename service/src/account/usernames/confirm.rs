//! The reserved name becomes the account's, for whoever shows that they know it (contract registration §9.4).

use serde::Deserialize;
use serde_json::json;
use signet_config::LimitId;
use signet_keys::username_proof;
use signet_storage::accounts::UsernameError;
use uuid::Uuid;

use super::encoded;
use crate::account::AccountController;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::wire::{self, Base64Url};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    username_hash: Base64Url,
    zk_proof: Base64Url,
    encrypted_username: Option<Base64Url>,
}

impl AccountController {
    /// `PUT /v1/accounts/username_hash/confirm`
    pub async fn put_username(&self, call: Call) -> Result<Reply, ApiError> {
        let Body { username_hash: Base64Url(hash), zk_proof: Base64Url(proof), encrypted_username } =
            wire::read(&call.body)?;
        let encrypted = encrypted_username.as_ref().map(|Base64Url(name)| name.as_slice());
        let handle = self.confirm_username(call.caller()?, &hash, &proof, encrypted).await?;
        Ok(Reply::json(200, &json!({"usernameHash": encoded(&hash.into()), "usernameLinkHandle": handle})))
    }

    /// Makes the name the caller's account's. Returns the handle of its link, if it has one.
    ///
    /// # Errors
    /// 422 without a proof, 409 if the name is not reserved, 410 if it has become somebody else's since.
    pub async fn confirm_username(
        &self,
        caller: &Caller,
        hash: &[u8],
        proof: &[u8],
        encrypted: Option<&[u8]>,
    ) -> Result<Option<Uuid>, ApiError> {
        let (hash, encrypted) = (super::hash(hash)?, encrypted.map(super::encrypted).transpose()?);
        username_proof::verify(hash.as_bytes(), proof)?;
        let aci = caller.account.aci;
        self.limits.take(LimitId::UsernameSet, &aci.to_string()).await?;
        let confirmed = self.accounts.confirm_username(aci, caller.asked_by()?, &hash, encrypted.as_ref()).await;
        confirmed.map_err(|error| match error {
            UsernameError::NotAvailable => ApiError::Gone,
            other => other.into(),
        })
    }
}
