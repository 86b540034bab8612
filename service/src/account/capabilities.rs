//! What an account can do, told to whoever may write to it (contract keys-devices §3.6, §8.4).

use signet_storage::ids::{AccountId, ServiceId};

use super::AccountController;
use crate::error::ApiError;
use crate::prekeys::access::AccessKey;
use crate::prekeys::target;

impl AccountController {
    /// The names of what this account can do, for whoever has its access key.
    ///
    /// # Errors
    /// 401 alike for a wrong key and for an account that there is not.
    pub async fn capabilities_of(&self, aci: AccountId, key: &AccessKey) -> Result<Vec<&'static str>, ApiError> {
        let account = target::opened_by(&self.accounts, ServiceId::Aci(aci), Some(key)).await?;
        let account = account.ok_or(ApiError::Unauthorized)?;
        Ok(account.capabilities().collect())
    }
}
