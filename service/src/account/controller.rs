//! Routes of the account itself (contract registration §9): who it is, and its end. What is changed of it stands in files of its
//! own; all changes go through [`AccountController::change`].

use signet_keys::KeysManager;
use signet_storage::accounts::Ids;
use signet_storage::chance::Chance;
use signet_storage::clock::{Clock, Timestamp};
use signet_storage::dynamo::Write;
use signet_storage::lock_hasher::LockHasher;
use signet_storage::model::{Account, capability};
use signet_storage::{AccountsManager, RecoveryPasswords};

use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::events::{Event, Events};
use crate::limits::Limits;
use crate::registration::response::AccountIdentity;

pub struct AccountController {
    pub accounts: AccountsManager,
    pub keys: KeysManager,
    pub recovery: RecoveryPasswords,
    pub limits: Limits,
    pub events: Events,
    /// Shared with registrations: there is one queue.
    pub hasher: LockHasher,
    pub clock: Clock,
    pub chance: Chance,
}

impl AccountController {
    /// `GET /v1/accounts/whoami`
    pub async fn whoami(&self, call: Call) -> Result<Reply, ApiError> {
        let caller = call.caller.ok_or(ApiError::Unauthorized)?;
        let storage_capable = caller.account.can(&capability::STORAGE);
        Ok(Reply::json(200, &AccountIdentity::of(&caller.account, storage_capable, self.clock.now())))
    }

    /// Changes the caller's account as it stands, if it still lets the caller in.
    ///
    /// # Errors
    /// 401 if it does not. What `change` may not do it says itself; nothing is written then.
    pub(super) async fn change<T>(
        &self,
        commit: &'static str,
        caller: &Caller,
        change: impl FnMut(&mut Account, Timestamp) -> (Result<T, ApiError>, Vec<Write>),
    ) -> Result<T, ApiError> {
        let done = self.accounts.update_as(commit, caller.account.aci, caller.asked_by()?, change).await?;
        done.map_or(Err(ApiError::Unauthorized), |(_, done)| done)
    }

    /// `DELETE /v1/accounts/me`, by any of its devices (§9.7, §11.8).
    pub async fn remove(&self, call: Call) -> Result<Reply, ApiError> {
        self.end(call.caller()?).await?;
        Ok(Reply::empty(204))
    }

    /// The end of the caller's account.
    pub async fn end(&self, caller: &Caller) -> Result<(), ApiError> {
        let keys = |account: &_| self.keys.writes_for_removed_account(account);
        let removed = self.accounts.remove(&caller.account, caller.asked_by()?, keys).await?;
        if !removed {
            return Err(ApiError::Unauthorized);
        }
        let ids = Ids { aci: caller.account.aci, pni: caller.account.pni };
        self.keys.clear(ids, caller.account.devices.iter().map(|device| device.id).collect(), None).await;
        self.events.publish(Event::Removed { aci: caller.account.aci });
        Ok(())
    }
}
