//! The link by which an account gives its username away (contract registration §9.5).

use serde::Deserialize;
use serde_json::json;
use signet_config::LimitId;
use uuid::Uuid;

use crate::account::AccountController;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::wire::{self, Base64Url};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    username_link_encrypted_value: Base64Url,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    keep_link_handle: bool,
}

impl AccountController {
    /// `PUT /v1/accounts/username_link`
    pub async fn put_username_link(&self, call: Call) -> Result<Reply, ApiError> {
        let Body { username_link_encrypted_value: Base64Url(encrypted), keep_link_handle } = wire::read(&call.body)?;
        let handle = self.set_username_link(call.caller()?, &encrypted, keep_link_handle).await?;
        Ok(Reply::json(200, &json!({"usernameLinkHandle": handle})))
    }

    /// Gives the name of the caller's account a link; with `keep`, under the handle that it had. Returns the handle.
    ///
    /// # Errors
    /// 409 if the account has no name.
    pub async fn set_username_link(&self, caller: &Caller, encrypted: &[u8], keep: bool) -> Result<Uuid, ApiError> {
        let encrypted = super::encrypted(encrypted)?;
        let aci = caller.account.aci;
        self.limits.take(LimitId::UsernameLinkOperation, &aci.to_string()).await?;
        Ok(self.accounts.set_username_link(aci, caller.asked_by()?, &encrypted, keep).await?)
    }

    /// `DELETE /v1/accounts/username_link`
    pub async fn delete_username_link(&self, call: Call) -> Result<Reply, ApiError> {
        self.remove_username_link(call.caller()?).await?;
        Ok(Reply::empty(204))
    }

    /// The link leads nowhere any more, if there was one.
    pub async fn remove_username_link(&self, caller: &Caller) -> Result<(), ApiError> {
        let aci = caller.account.aci;
        self.limits.take(LimitId::UsernameLinkOperation, &aci.to_string()).await?;
        Ok(self.accounts.remove_username_link(aci, caller.asked_by()?).await?)
    }
}
