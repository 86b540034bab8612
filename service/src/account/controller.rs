//! Routes of the account itself. So far a device can ask who it is.

use signet_storage::clock::Clock;

use crate::call::{Call, Reply};
use crate::error::ApiError;
use crate::registration::response::AccountIdentity;

pub struct AccountController {
    pub clock: Clock,
}

impl AccountController {
    /// `GET /v1/accounts/whoami`
    pub async fn whoami(&self, call: Call) -> Result<Reply, ApiError> {
        let caller = call.caller.ok_or(ApiError::Unauthorized)?;
        let storage_capable = caller.account.any_device_can("storage");
        Ok(Reply::json(200, &AccountIdentity::of(&caller.account, storage_capable, self.clock.now())))
    }
}
