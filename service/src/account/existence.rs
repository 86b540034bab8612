//! Is there an account with this service id? (contract registration §9.6)

use std::net::IpAddr;

use signet_config::LimitId;
use signet_storage::ids::ServiceId;

use super::AccountController;
use crate::call::{Call, Reply};
use crate::client_address;
use crate::error::ApiError;
use crate::prekeys::target;

impl AccountController {
    /// `HEAD /v1/accounts/account/{identifier}`
    pub async fn exists(&self, call: Call) -> Result<Reply, ApiError> {
        // What cannot be an id is nobody's.
        let Ok(identity) = call.param("identifier").parse() else { return Err(ApiError::NotFound) };
        let known = self.knows(identity, call.client).await?;
        Ok(Reply::empty(if known { 200 } else { 404 }))
    }

    /// Whether an account has this id now, told to a client at this address.
    pub async fn knows(&self, identity: ServiceId, client: Option<IpAddr>) -> Result<bool, ApiError> {
        self.limits.take(LimitId::CheckAccountExistence, &client_address::key(client)).await?;
        Ok(target::find(&self.accounts, identity).await?.is_some())
    }
}
