//! The commits `idle-device` and `idle-account`: what nobody has used for long goes (contract registration §13.3).
//!
//! The same removals as by hand, but nobody asks for them: whether they may be is judged on the account in the version that is
//! committed. Somebody who was seen meanwhile therefore stays, however long ago the sweep looked.

use super::update::ROUNDS;
use super::{AccountsError, AccountsManager};
use crate::dynamo::{CommitError, Write};
use crate::ids::{AccountId, DeviceId};
use crate::model::{Account, Device};

impl AccountsManager {
    /// Removes a linked device and what `keys` lists of it, if it is there and `idle` still says so. Gives back the account without
    /// it. The primary device goes with its account only.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if others kept changing the account.
    pub async fn remove_idle_device(
        &self,
        aci: AccountId,
        device: DeviceId,
        idle: impl Fn(&Device) -> bool,
        keys: impl Fn(&Account) -> Vec<Write>,
    ) -> Result<Option<Account>, AccountsError> {
        let remove = |account: &mut Account, _| {
            let there = account.device(device).filter(|there| there.id != DeviceId::PRIMARY && idle(there));
            if there.is_none() {
                return (false, Vec::new());
            }
            let writes = keys(account);
            account.devices.retain(|other| other.id != device);
            (true, writes)
        };
        let done = self.update("idle-device", aci, remove).await?;
        Ok(done.and_then(|(account, removed)| removed.then_some(account)))
    }

    /// Removes an account and what `keys` lists of it, if it is there and `idle` still says so. Gives it back as it was.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if others kept changing the account.
    pub async fn remove_idle_account(
        &self,
        aci: AccountId,
        idle: impl Fn(&Account) -> bool,
        keys: impl Fn(&Account) -> Vec<Write>,
    ) -> Result<Option<Account>, AccountsError> {
        for round in 0..ROUNDS {
            let Some(account) = self.get(aci).await?.filter(&idle) else { return Ok(None) };
            let writes = self.removal(&account, keys(&account));
            match self.commit_removal(writes, &account).await {
                Err(CommitError::Store(e)) => return Err(e.into()),
                Err(_) => self.back_off(round).await,
                Ok(()) => return Ok(Some(account)),
            }
        }
        Err(AccountsError::Contested)
    }
}
