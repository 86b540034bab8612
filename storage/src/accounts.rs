//! Accounts: who holds a number, and what the account is.
//!
//! Decisions read rows that are strongly consistent; reads on behalf of clients may come from the cache. Uniqueness is decided
//! by the conditions in [`create`](AccountsManager::create), whatever was read before.
//!
//! Not here: whether somebody may have the number (evidence in `model/evidence.rs`), and what keys are (`signet-keys`).

mod announce;
mod cached;
mod create;
mod decoy;
mod devices;
mod freeze;
mod holder;
mod idle;
mod number;
mod reclaim;
mod remove;
pub mod rows;
mod update;
mod usernames;

use std::time::Duration;

pub use announce::{LOOK, channel};
pub use cached::Known;
pub use devices::{LinkError, Linked, Unlinked};
pub use freeze::Frozen;
pub use number::Destination;
pub use rows::username::{LinkClaim, UsernameClaim, link_key, username_key};
pub use update::AskedBy;
pub use usernames::UsernameError;

use crate::Storage;
use crate::cache::Cache;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::dynamo::items;
use crate::dynamo::tables::Table;
use crate::dynamo::{CommitError, Dynamo, StoreError, Write};
use crate::ids::{AccountId, NumberId};
use crate::model::{Account, VerifiedNumber};
use crate::number::E164;
use crate::task::finished;

#[derive(Clone, Debug)]
pub struct AccountsManager {
    dynamo: Dynamo,
    cache: Cache,
    clock: Clock,
    chance: Chance,
    /// How long a number's recovery password proves it, from each time it is set.
    recovery_lifetime: Duration,
    /// How long a cached account is believed after it was known to be current.
    stale_at_most: Duration,
    decoded: cached::Decoded,
}

/// What a proven number leads to.
#[derive(Debug)]
pub enum Slot {
    Vacant(VacantSlot),
    Occupied(Box<Account>),
}

/// A number without an account. The ids of the account to come are decided here and nowhere else.
#[derive(Debug)]
pub struct VacantSlot {
    number: E164,
    ids: Ids,
    /// The account whose ACI the new one gets: removed from this number not long ago, or displaced by whoever left it.
    former: Option<rows::Former>,
}

/// The two identities of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    pub aci: AccountId,
    pub pni: NumberId,
}

impl VacantSlot {
    pub const fn ids(&self) -> Ids {
        self.ids
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountsError {
    /// Somebody else changed the account, or took the number, after it was read: start again from a fresh read.
    #[error("the account was changed meanwhile")]
    Contested,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for AccountsError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(e) => Self::Store(e),
            CommitError::Refused { .. } | CommitError::Contested => Self::Contested,
        }
    }
}

impl AccountsManager {
    pub fn new(storage: &Storage) -> Self {
        let Storage { dynamo, cache, clock, chance, recovery_lifetime, stale_at_most, .. } = storage.clone();
        let decoded = cached::Decoded::none();
        Self { dynamo, cache, clock, chance, recovery_lifetime, stale_at_most, decoded }
    }

    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How long a copy of an account is believed after it was known to be current.
    pub const fn stale_at_most(&self) -> Duration {
        self.stale_at_most
    }

    /// Who has this number now, in any of its equivalent forms?
    pub async fn slot_for(&self, verified: &VerifiedNumber) -> Result<Slot, AccountsError> {
        let number = verified.number();
        match self.claim_of(number).await? {
            Some(rows::NumberClaim { aci: Some(aci), .. }) => {
                // Claim and account change in one transaction; missing here means it was deleted since the line above.
                // Or it moved to another number.
                let account = self.get(aci).await?.filter(|account| account.has_number(number));
                Ok(Slot::Occupied(Box::new(account.ok_or(AccountsError::Contested)?)))
            }
            free => {
                let pni = free.as_ref().map_or_else(|| NumberId::draw(&self.chance), |claim| claim.pni);
                let former = free.and_then(|claim| claim.former).filter(|former| self.clock.now() < former.until());
                let aci = former.as_ref().map_or_else(|| AccountId::draw(&self.chance), |former| former.aci);
                Ok(Slot::Vacant(VacantSlot { number: number.clone(), ids: Ids { aci, pni }, former }))
            }
        }
    }

    /// The PNI of a number, if anybody ever had the number. Writes nothing.
    pub async fn pni_of(&self, number: &E164) -> Result<Option<NumberId>, StoreError> {
        Ok(self.claim_of(number).await?.map(|claim| claim.pni))
    }

    /// The number's claim as it stands, strongly consistent. One read, whether there is one or not.
    async fn claim_of(&self, number: &E164) -> Result<Option<rows::NumberClaim>, StoreError> {
        let row = self.dynamo.get(Table::Claims, rows::number_key(number)).await?;
        row.map(rows::NumberClaim::read).transpose()
    }

    /// The account as it stands, strongly consistent. Changes start from this.
    pub async fn get(&self, aci: AccountId) -> Result<Option<Account>, StoreError> {
        let Some(row) = self.dynamo.get(Table::Accounts, rows::account_key(aci)).await? else {
            decoy::read();
            return Ok(None);
        };
        items::from_item(row, "account").map(Some)
    }

    /// Commits, then caches, and then tells the connections that may end by it; `before` is the account that the commit changes.
    /// In a task of its own: a client that hangs up meanwhile must not leave a cache that does not know of the commit.
    async fn commit(
        &self,
        name: &'static str,
        writes: Vec<Write>,
        before: Option<&Account>,
        account: Account,
    ) -> Result<Account, CommitError> {
        self.commit_displacing(name, writes, before, account, None).await
    }

    /// The same for a commit by which another account ends, too: it is forgotten, and its connections are told.
    async fn commit_displacing(
        &self,
        name: &'static str,
        writes: Vec<Write>,
        before: Option<&Account>,
        account: Account,
        displaced: Option<&Account>,
    ) -> Result<Account, CommitError> {
        let me = self.clone();
        let displaced = displaced.map(|displaced| (displaced.aci, displaced.version));
        let deadly = before.is_some_and(|before| before.loses_credentials_in(&account));
        let committed = tokio::spawn(async move {
            let as_of = me.clock.now();
            let done = me.dynamo.commit(name, writes).await;
            #[cfg(feature = "planted-bugs")]
            if name == "unlink" && crate::planted::planted(crate::planted::Bug::CacheKeptOnUnlink) {
                return done.map(|()| account);
            }
            match (&done, account.version.checked_sub(1)) {
                (Ok(()), _) => me.remember(&account, as_of).await,
                // Nobody knows whether it took place. The cache must not go on serving what was before: credentials that are
                // frozen, say. If it did not take place, reads cost more for an hour.
                (Err(CommitError::Store(_)), Some(before)) => me.forget(account.aci, before).await,
                (Err(_), _) => {}
            }
            let may_be_done = matches!(done, Ok(()) | Err(CommitError::Store(_)));
            if may_be_done && let Some((aci, version)) = displaced {
                me.forget(aci, version).await;
                me.announce(aci).await;
            }
            if may_be_done && deadly {
                me.announce(account.aci).await;
            }
            done.map(|()| account)
        });
        finished(committed).await
    }
}
