//! The commit `register`: an account for a number that has none (contract registration §11.3).

use super::{AccountsError, AccountsManager, VacantSlot, rows};
use crate::dynamo::Write;
use crate::model::Account;
use crate::model::account::NewAccount;

impl AccountsManager {
    /// Writes the account, its claims and the given rows of its primary device's keys, all or nothing, and caches it.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if somebody else got the number first. If the answer of the store is lost, the commit is
    /// sent again and recognises its own rows.
    pub async fn create(&self, slot: VacantSlot, new: NewAccount, keys: Vec<Write>) -> Result<Account, AccountsError> {
        let VacantSlot { number, ids } = slot;
        let mut writes = vec![rows::claim_number(&number, ids), rows::claim_pni(ids)];
        let account = new.begin(ids.aci, ids.pni, number, self.clock.now());
        writes.push(rows::put_account(&account, None, self.chance.uuid()));
        writes.extend(keys);
        self.commit("register", writes, account).await
    }
}
