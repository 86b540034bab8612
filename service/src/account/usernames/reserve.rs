//! A name is kept for the account for five minutes, and given up again (contract registration §9.4).

use serde::Deserialize;
use serde_json::json;
use signet_config::LimitId;
use signet_storage::model::Opaque;

use super::encoded;
use crate::account::AccountController;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::wire::{self, Base64Url};

/// How many names a client may ask for at once, in the order it likes them.
const MOST_NAMES: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    username_hashes: Vec<Base64Url>,
}

impl AccountController {
    /// `PUT /v1/accounts/username_hash/reserve`
    pub async fn put_username_reservation(&self, call: Call) -> Result<Reply, ApiError> {
        let Body { username_hashes } = wire::read(&call.body)?;
        let hashes: Vec<_> = username_hashes.into_iter().map(|Base64Url(hash)| hash).collect();
        let reserved = self.reserve_username(call.caller()?, &hashes).await?;
        Ok(Reply::json(200, &json!({"usernameHash": encoded(&reserved)})))
    }

    /// The first of these names that is to be had, which is then kept for the caller's account.
    ///
    /// # Errors
    /// 409 if there is none.
    pub async fn reserve_username(&self, caller: &Caller, hashes: &[Vec<u8>]) -> Result<Opaque, ApiError> {
        if !(1..=MOST_NAMES).contains(&hashes.len()) {
            return Err(ApiError::Unprocessable);
        }
        let aci = caller.account.aci;
        self.limits.take(LimitId::UsernameReserve, &aci.to_string()).await?;
        // Only now: who sends what is no hash has asked all the same.
        let hashes = hashes.iter().map(|hash| super::hash(hash)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.accounts.reserve_username(aci, caller.asked_by()?, &hashes).await?)
    }

    /// `DELETE /v1/accounts/username_hash`
    pub async fn delete_username(&self, call: Call) -> Result<Reply, ApiError> {
        self.clear_username(call.caller()?).await?;
        Ok(Reply::empty(204))
    }

    /// The caller's account has no name any more; nobody else gets it for a week.
    pub async fn clear_username(&self, caller: &Caller) -> Result<(), ApiError> {
        Ok(self.accounts.clear_username(caller.account.aci, caller.asked_by()?).await?)
    }
}
