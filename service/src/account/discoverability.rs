//! May others find the account by its number? (contract registration §10.3) The registry only keeps the answer; the directory that
//! asks is another service.

use serde::Deserialize;
use signet_storage::model::Account;

use super::AccountController;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::wire;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    discoverable_by_phone_number: bool,
}

impl AccountController {
    /// `PUT /v2/accounts/phone_number_discoverability`
    pub async fn set_discoverability(&self, call: Call) -> Result<Reply, ApiError> {
        let Body { discoverable_by_phone_number } = wire::read(&call.body)?;
        self.find_by_number(call.caller()?, discoverable_by_phone_number).await?;
        Ok(Reply::empty(204))
    }

    /// Whether the caller's account may be found from now on.
    pub async fn find_by_number(&self, caller: &Caller, discoverable: bool) -> Result<(), ApiError> {
        let set = |account: &mut Account, _| {
            account.discoverable_by_phone_number = discoverable;
            (Ok(()), Vec::new())
        };
        self.change("discoverability", caller, set).await
    }
}
