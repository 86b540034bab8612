//! The commit `register`: an account for a number that has none (contract registration §11.3). A number whose account was removed
//! within thirty days gives its ACI to the new one.

use super::{AccountsError, AccountsManager, Ids, VacantSlot, rows};
use crate::dynamo::Write;
use crate::hash::SaltedTokenHash;
use crate::ids::NumberId;
use crate::model::Account;
use crate::model::account::NewAccount;
use crate::recovery;

impl AccountsManager {
    /// Writes the account, its claims and the given rows of its primary device's keys, all or nothing, and caches it.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if somebody else got the number first. If the answer of the store is lost, the commit is
    /// sent again and recognises its own rows.
    pub async fn create(&self, slot: VacantSlot, new: NewAccount, keys: Vec<Write>) -> Result<Account, AccountsError> {
        let VacantSlot { number, ids, former } = slot;
        let mut writes = vec![rows::claim_vacant_number(&number, ids, former.as_ref()), rows::claim_pni(ids)];
        writes.extend(self.recovery_of_number(ids, &new));
        let mut account = new.begin(ids.aci, ids.pni, number, self.clock.now());
        // Versions of an ACI never repeat: caches tell old from new by them.
        account.version = former.map_or(0, |former| former.version + 1);
        writes.push(rows::put_account(&account, None, self.chance.uuid()));
        writes.extend(keys);
        Ok(self.commit("register", writes, None, account).await?)
    }

    /// The row of the number's recovery password, if a new one is given. An earlier one stays otherwise.
    pub(super) fn recovery_of_number(&self, ids: Ids, new: &NewAccount) -> Option<Write> {
        Some(self.recovery_row(ids.pni, &new.recovery.as_ref()?.of_number))
    }

    /// The row by which this password proves the number from now on, in place of another.
    pub fn recovery_row(&self, pni: NumberId, password: &SaltedTokenHash) -> Write {
        recovery::put(pni, password.clone(), self.clock.now().plus(self.recovery_lifetime))
    }
}
