//! The commits by which an account gets a username and gives it up (contract registration §9.4, §11.10).
//!
//! Not here: whether somebody knows the name behind the hash (`signet-keys`, `username_proof.rs`), and links (`usernames/link.rs`).
//!
//! Invariant: a name is confirmed for one account at most, decided by the condition of its claim in the commit that changes the
//! account, whatever was read before.

mod link;

use uuid::Uuid;

use super::rows::username::{self as claims, UsernameClaim};
use super::update::ROUNDS;
use super::{AccountsError, AccountsManager, AskedBy, rows};
use crate::clock::Timestamp;
use crate::dynamo::tables::Table;
use crate::dynamo::{CommitError, StoreError, Write};
use crate::ids::AccountId;
use crate::model::username::Username;
use crate::model::{Account, Opaque};

/// Why a name, or its link, did not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Whoever asked is no longer let in by the account as it stands now.
    #[error("who asked is not let in")]
    NotLetIn,
    #[error("another name is reserved, or none")]
    NotReserved,
    /// It is somebody else's, or kept for somebody else.
    #[error("the name is not to be had")]
    NotAvailable,
    #[error("there is no name")]
    NoName,
    #[error(transparent)]
    Accounts(#[from] AccountsError),
}

impl From<StoreError> for UsernameError {
    fn from(error: StoreError) -> Self {
        Self::Accounts(error.into())
    }
}

impl AccountsManager {
    /// Reserves the first of these names that is to be had, and returns it. One that is confirmed for the account already goes
    /// before all others, and nothing is written.
    pub async fn reserve_username(
        &self,
        aci: AccountId,
        asked_by: AskedBy<'_>,
        hashes: &[Opaque],
    ) -> Result<Opaque, UsernameError> {
        let mut account = self.let_in(aci, asked_by).await?;
        if let Some(confirmed) = account.username.hash.as_ref().filter(|hash| hashes.contains(hash)) {
            return Ok(confirmed.clone());
        }
        for hash in hashes {
            for round in 0.. {
                // After the account: what is found to be this account's is then what the account's version says.
                let now = self.clock.now();
                let standing = self.living_claim(hash, now).await?;
                if standing.as_ref().is_some_and(|claim| claim.aci != aci) {
                    break;
                }
                let claim = UsernameClaim::reserved(aci, standing.as_ref(), now);
                let username = Username { reserved_hash: Some(hash.clone()), ..account.username.clone() };
                let writes = vec![claims::reserve_username(hash, &claim, now)];
                if self.commit_username("username_reserve", &account, username, writes, round).await? {
                    return Ok(hash.clone());
                }
                account = self.let_in(aci, asked_by).await?;
                if account.username.hash.as_ref() == Some(hash) {
                    return Ok(hash.clone());
                }
            }
        }
        Err(UsernameError::NotAvailable)
    }

    /// Makes the reserved name the account's. With an encrypted name it has a link, whose handle is returned: the one it had
    /// before the number registered again, or a new one. A name that is the account's already stays as it is.
    pub async fn confirm_username(
        &self,
        aci: AccountId,
        asked_by: AskedBy<'_>,
        hash: &Opaque,
        encrypted: Option<&Opaque>,
    ) -> Result<Option<Uuid>, UsernameError> {
        for round in 0.. {
            let before = self.let_in(aci, asked_by).await?;
            if before.username.hash.as_ref() == Some(hash) {
                return Ok(before.username.link_handle);
            }
            if before.username.reserved_hash.as_ref() != Some(hash) {
                return Err(UsernameError::NotReserved);
            }
            let now = self.clock.now();
            let standing = self.living_claim(hash, now).await?;
            if standing.as_ref().is_some_and(|claim| claim.aci != aci) {
                return Err(UsernameError::NotAvailable);
            }
            let kept = before.username.link_handle.filter(|_| standing.is_some_and(|claim| claim.reclaimable));
            let handle = encrypted.map(|_| kept.unwrap_or_else(|| self.chance.uuid()));
            let mut username = before.username.clone();
            username.confirm(encrypted.cloned(), handle, now);
            let writes = claims::change_username(aci, &before.username, &username, now);
            if self.commit_username("username_confirm", &before, username, writes, round).await? {
                return Ok(handle);
            }
        }
        Err(AccountsError::Contested.into())
    }

    /// The account has no name and no link any more; the name is kept for it for a week. What it has reserved stays so.
    pub async fn clear_username(&self, aci: AccountId, asked_by: AskedBy<'_>) -> Result<(), UsernameError> {
        let clear = |account: &mut Account, now| {
            let before = account.username.clone();
            if before.hash.is_some() {
                account.username.clear(now);
            }
            ((), claims::change_username(aci, &before, &account.username, now))
        };
        let done = self.update_as("username_clear", aci, asked_by, clear).await?;
        done.map(drop).ok_or(UsernameError::NotLetIn)
    }

    /// The ACI of the account whose confirmed username has this hash now, strongly consistent.
    pub async fn aci_of_username(&self, hash: &Opaque) -> Result<Option<AccountId>, StoreError> {
        Ok(self.claim_of_username(hash).await?.filter(|claim| claim.confirmed).map(|claim| claim.aci))
    }

    /// The account as it stands, if it lets in whoever asks.
    async fn let_in(&self, aci: AccountId, asked_by: AskedBy<'_>) -> Result<Account, UsernameError> {
        // The cache hears of it too: somebody else may have changed it, and may not have told the cache yet.
        let account = self.refresh(aci).await?;
        account.filter(|account| account.lets_in(asked_by)).ok_or(UsernameError::NotLetIn)
    }

    async fn living_claim(&self, hash: &Opaque, now: Timestamp) -> Result<Option<UsernameClaim>, StoreError> {
        Ok(self.claim_of_username(hash).await?.filter(|claim| claim.is_living(now)))
    }

    async fn claim_of_username(&self, hash: &Opaque) -> Result<Option<UsernameClaim>, StoreError> {
        let row = self.dynamo.get(Table::Claims, claims::username_key(hash)).await?;
        row.map(UsernameClaim::read).transpose()
    }

    /// Writes the account with this name and what else changes with it. `false` if others were faster: then it has waited.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if that was the last round.
    async fn commit_username(
        &self,
        name: &'static str,
        before: &Account,
        username: Username,
        mut writes: Vec<Write>,
        round: u32,
    ) -> Result<bool, AccountsError> {
        let after = Account { username, version: before.version + 1, ..before.clone() };
        writes.push(rows::put_account(&after, Some(before.version), self.chance.uuid()));
        match self.commit(name, writes, Some(before), after).await {
            Ok(_) => Ok(true),
            Err(CommitError::Store(e)) => Err(e.into()),
            Err(_) if round + 1 == ROUNDS => Err(AccountsError::Contested),
            Err(_) => {
                self.back_off(round).await;
                Ok(false)
            }
        }
    }
}
