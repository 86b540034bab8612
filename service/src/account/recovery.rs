//! The recovery password that an owner leaves for the day when the app is gone (contract registration §7.1, §7.2): with the
//! account, and as a row of its number, both in one transaction.

use signet_storage::dynamo::Write;
use signet_storage::model::recovery::NewRecovery;
use signet_storage::model::{Account, RecoveryPassword};

use super::AccountController;
use crate::call::Caller;
use crate::error::ApiError;

impl AccountController {
    /// The caller's account and its number are recovered by this one from now on.
    pub async fn recover_by(&self, caller: &Caller, password: &RecoveryPassword) -> Result<(), ApiError> {
        let recovery = NewRecovery::of(password, &self.chance);
        let set = |account: &mut Account, _| (Ok(()), vec![self.remember(account, &recovery)]);
        self.change("recovery", caller, set).await
    }

    /// Puts it into the account, and says what is to be written beside it.
    pub(super) fn remember(&self, account: &mut Account, recovery: &NewRecovery) -> Write {
        account.recovery_password = Some(recovery.of_account.clone());
        self.accounts.recovery_row(account.pni, &recovery.of_number)
    }
}
