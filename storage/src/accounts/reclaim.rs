//! The commit `reclaim`: a number that has an account registers again (contract registration §11.5).

use super::{AccountsError, AccountsManager, Ids, rows};
use crate::dynamo::{StoreError, Write};
use crate::model::account::NewAccount;
use crate::model::{Account, LockCleared, VerifiedNumber};

impl AccountsManager {
    /// Replaces the account's devices by the one that registers, keeping its identities. `keys` are the new primary's rows and
    /// the removal of every other device's. A confirmed username is kept for the owner for three days.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if the account is no longer in the version that was cleared.
    pub async fn reclaim(
        &self,
        cleared: LockCleared,
        verified: &VerifiedNumber,
        new: NewAccount,
        keys: Vec<Write>,
    ) -> Result<Account, AccountsError> {
        let old = cleared.account();
        if verified.number().canonical() != old.phone_number.canonical() {
            return Err(StoreError::unreadable("claim: it led to an account of another number").into());
        }
        let ids = cleared.ids();
        // The claim is not changed, only required: should it have moved to another account, nothing is written.
        let mut writes = vec![rows::claim_number(verified.number(), ids)];
        writes.extend(self.recovery_of_number(ids, &new));
        let name = old.username.hash.as_ref();
        writes.extend(name.map(|name| rows::username::set_username_aside(name, ids.aci, self.clock.now())));
        let account = new.take_over(old, verified.number().clone(), self.clock.now());
        writes.push(rows::put_account(&account, Some(old.version), self.chance.uuid()));
        writes.extend(keys);
        Ok(self.commit("reclaim", writes, Some(old), account).await?)
    }
}

impl LockCleared {
    /// The identities that stay.
    pub const fn ids(&self) -> Ids {
        Ids { aci: self.account().aci, pni: self.account().pni }
    }
}
