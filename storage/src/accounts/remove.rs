//! The commit `remove`: an account and all that is its own (contract registration §11.8). Its number keeps the PNI for ever,
//! and for thirty days the ACI, which whoever registers the number next gets back.

use std::time::Duration;

use super::{AccountsError, AccountsManager, AskedBy, rows};
use crate::dynamo::{CommitError, Write};
use crate::model::Account;
use crate::recovery;
use crate::task::finished;

/// How long a number remembers the account it had.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_secs(30 * 86_400);
const ROUNDS: u32 = 10;

impl AccountsManager {
    /// Removes the account, its claims and what `keys` lists of it, all or nothing. An account that is not there is removed.
    /// Says whether it was: not if whoever asked, as the device with these credentials, is no longer let in by the account as
    /// it stands now. A number may have registered again since they were. `seen` is the account as the asker knew it: whoever
    /// removed it meanwhile may not have told the cache yet, and who is told that it is gone is not to find it there.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if others kept changing the account.
    pub async fn remove(
        &self,
        seen: &Account,
        asked_by: AskedBy<'_>,
        keys: impl Fn(&Account) -> Vec<Write>,
    ) -> Result<bool, AccountsError> {
        for round in 0..ROUNDS {
            let Some(account) = self.get(seen.aci).await? else {
                self.forget(seen.aci, seen.version).await;
                self.announce(seen.aci).await;
                return Ok(true);
            };
            if !account.lets_in(asked_by) {
                return Ok(false);
            }
            let writes = self.removal(&account, keys(&account));
            match self.commit_removal(writes, &account).await {
                Err(CommitError::Store(e)) => return Err(e.into()),
                Err(_) => self.back_off(round).await,
                Ok(()) => return Ok(true),
            }
        }
        Err(AccountsError::Contested)
    }

    pub(super) fn removal(&self, account: &Account, keys: Vec<Write>) -> Vec<Write> {
        let former = rows::Former::of(account, self.clock.now().plus(REMEMBERED_FOR));
        let mut writes = vec![rows::release_number(account, former), rows::release_pni(account)];
        writes.extend(removal_of_own(account));
        writes.extend(keys);
        writes
    }

    /// Removes, lets the cache forget, and tells the account's connections, in a task of its own.
    pub(super) async fn commit_removal(&self, writes: Vec<Write>, account: &Account) -> Result<(), CommitError> {
        let (me, aci, version) = (self.clone(), account.aci, account.version);
        finished(tokio::spawn(async move {
            let done = me.dynamo.commit("remove", writes).await;
            // Also where nobody knows whether it took place.
            if matches!(done, Ok(()) | Err(CommitError::Store(_))) {
                me.forget(aci, version).await;
                me.announce(aci).await;
            }
            done
        }))
        .await
    }
}

/// The end of what is the account's own, apart from its keys and from the claims of its number, which may be somebody else's next.
pub(super) fn removal_of_own(account: &Account) -> Vec<Write> {
    let mut writes = vec![rows::remove_account(account), recovery::remove(account.pni)];
    writes.extend(rows::username::remove_username(account));
    writes
}
