//! The commits that change an account which stays (contract registration §11.9).

use std::time::Duration;

use super::{AccountsError, AccountsManager, rows};
use crate::clock::Timestamp;
use crate::dynamo::{CommitError, StoreError, Write};
use crate::hash::SaltedTokenHash;
use crate::ids::{AccountId, DeviceId};
use crate::model::Account;

/// Changes of one account that may get in each other's way before one is told to come back.
pub(super) const ROUNDS: u32 = 10;

/// The device that asks for a change, by the credentials that it was let in with.
pub type AskedBy<'a> = (DeviceId, &'a SaltedTokenHash);

impl Account {
    /// Does it, as it stands, let in whoever asks? Devices and their ids come again, credentials do not.
    pub fn lets_in(&self, (id, auth): AskedBy<'_>) -> bool {
        self.device(id).is_some_and(|device| device.auth == *auth)
    }
}

impl AccountsManager {
    /// The account as it stands, if it lets in whoever asks.
    pub async fn get_as(&self, aci: AccountId, asked_by: AskedBy<'_>) -> Result<Option<Account>, StoreError> {
        Ok(self.get(aci).await?.filter(|account| account.lets_in(asked_by)))
    }

    /// Applies `change` to the account as it stands and commits the result under this name, together with the writes that
    /// `change` returns, looking again as often as others are faster. `change` may therefore run several times; one that
    /// alters nothing and returns no writes is not committed. Ids and number must not change.
    ///
    /// Returns the account after the change and what `change` said of it, or `None` if there is no such account.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] after ten rounds.
    pub async fn update<T>(
        &self,
        name: &'static str,
        aci: AccountId,
        mut change: impl FnMut(&mut Account, Timestamp) -> (T, Vec<Write>),
    ) -> Result<Option<(Account, T)>, AccountsError> {
        for round in 0..ROUNDS {
            let as_of = self.clock.now();
            let Some(before) = self.get(aci).await? else { return Ok(None) };
            let mut after = before.clone();
            let (verdict, mut writes) = change(&mut after, self.clock.now());
            if after == before && writes.is_empty() {
                // Somebody else may have made it so, and may not have told the cache yet.
                self.remember(&before, as_of).await;
                return Ok(Some((after, verdict)));
            }
            after.version = before.version + 1;
            writes.push(rows::put_account(&after, Some(before.version), self.chance.uuid()));
            match self.commit(name, writes, Some(&before), after).await {
                Err(CommitError::Store(e)) => return Err(e.into()),
                Err(_) => self.back_off(round).await,
                Ok(after) => return Ok(Some((after, verdict))),
            }
        }
        Err(AccountsError::Contested)
    }

    /// The same, but only while the account lets in whoever asks: `None` also if it no longer does.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] after ten rounds.
    pub async fn update_as<T>(
        &self,
        name: &'static str,
        aci: AccountId,
        asked_by: AskedBy<'_>,
        mut change: impl FnMut(&mut Account, Timestamp) -> (T, Vec<Write>),
    ) -> Result<Option<(Account, T)>, AccountsError> {
        let change = |account: &mut Account, now| {
            if !account.lets_in(asked_by) {
                return (None, Vec::new());
            }
            let (verdict, writes) = change(account, now);
            (Some(verdict), writes)
        };
        let done = self.update(name, aci, change).await?;
        Ok(done.and_then(|(account, verdict)| Some((account, verdict?))))
    }

    /// Notes that a device was heard of, if its day has not been noted. The registration lock counts from it.
    pub async fn note_seen(&self, aci: AccountId, device: DeviceId) -> Result<(), AccountsError> {
        let note = |account: &mut Account, now| {
            let device = account.device_mut(device);
            (device.is_some_and(|device| device.seen(aci, now)), Vec::new())
        };
        self.update("seen", aci, note).await.map(drop)
    }

    /// Spread, so that rivals do not meet again.
    pub(super) async fn back_off(&self, round: u32) {
        tokio::time::sleep(Duration::from_millis(self.chance.below(4 << round.min(6)).into())).await;
    }
}
