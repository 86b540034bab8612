//! Copies of accounts in the cache (seed, phase 3; contract registration §12.2).
//!
//! Not the truth: a copy is for reads on behalf of clients, and no change starts from one. As long as the cache answers, what has
//! changed is in it before the change is reported. If it does not answer just then, it goes on holding the older copy, and
//! nobody can take that away.
//!
//! Invariant: no copy is believed that was superseded `cache.stale_at_most` ago or earlier. A copy therefore says when it was
//! known to be current: the time just before the read or the commit that it came of began. After that long the account is read
//! again and its copy renewed. Where the clocks of nodes differ, the bound is longer by the difference.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use metrics::Counter;
use serde::{Deserialize, Serialize};

use super::AccountsManager;
use crate::clock::Timestamp;
use crate::dynamo::StoreError;
use crate::ids::AccountId;
use crate::model::Account;

/// How long the cache keeps a copy (seed, phase 3), however long it is believed.
pub(super) const CACHED_FOR: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Copied<A> {
    as_of: Timestamp,
    account: A,
}

/// An account, and when it was known to be so: it was current then or later.
#[derive(Clone, Debug)]
pub struct Known {
    pub account: Arc<Account>,
    pub as_of: Timestamp,
}

/// Copies as they were read last, so that what has not changed since is not read again: most of what an authentication costs.
/// Whether it has changed is judged by every byte, so nothing here can be older than what the cache answered.
#[derive(Clone)]
pub(super) struct Decoded {
    copies: moka::sync::Cache<AccountId, (Bytes, Copied<Arc<Account>>)>,
    outcomes: Outcomes,
}

/// Looked up once: to find a counter by its name costs as much as to look at the cache.
#[derive(Clone)]
struct Outcomes {
    hit: Counter,
    old: Counter,
    miss: Counter,
}

/// Some megabytes.
const DECODED: u64 = 4_096;

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoded(…)")
    }
}

impl Decoded {
    pub(super) fn none() -> Self {
        let [hit, old, miss] =
            ["hit", "old", "miss"].map(|outcome| metrics::counter!("signet_account_cache_total", "outcome" => outcome));
        Self { copies: moka::sync::Cache::new(DECODED), outcomes: Outcomes { hit, old, miss } }
    }

    fn read(&self, aci: AccountId, copy: Bytes) -> Option<Copied<Arc<Account>>> {
        if let Some((bytes, read)) = self.copies.get(&aci)
            && bytes == copy
        {
            return Some(read);
        }
        let Copied { as_of, account } = serde_json::from_slice::<Copied<Account>>(&copy).ok()?;
        let read = Copied { as_of, account: Arc::new(account) };
        self.copies.insert(aci, (copy, read.clone()));
        Some(read)
    }
}

impl AccountsManager {
    /// The account as the cache has it, if it has it, answers, and the copy is not too old to be believed. The account may have
    /// changed within [`signet_config::Cache::stale_at_most`].
    pub async fn get_cached(&self, aci: AccountId) -> Option<Arc<Account>> {
        self.copy(aci, self.stale_at_most).await.map(|copy| copy.account)
    }

    /// The account as it was less than `at_most` ago or later: the cache's copy, or else as it stands, which the cache then has,
    /// too. No copy is younger than nothing.
    pub async fn known(&self, aci: AccountId, at_most: Duration) -> Result<Option<Known>, StoreError> {
        if let Some(Copied { as_of, account }) = self.copy(aci, at_most.min(self.stale_at_most)).await {
            return Ok(Some(Known { account, as_of }));
        }
        let as_of = self.clock.now();
        Ok(self.refresh(aci).await?.map(|account| Known { account: Arc::new(account), as_of }))
    }

    async fn copy(&self, aci: AccountId, at_most: Duration) -> Option<Copied<Arc<Account>>> {
        if at_most.is_zero() {
            return None;
        }
        let copy = self.cache.get(&cache_key(aci)).await.ok().flatten();
        let outcomes = &self.decoded.outcomes;
        let (outcome, copy) = match copy.and_then(|copy| self.decoded.read(aci, copy)) {
            Some(copy) if self.is_within(at_most, copy.as_of) => (&outcomes.hit, Some(copy)),
            Some(_) => (&outcomes.old, None),
            None => (&outcomes.miss, None),
        };
        outcome.increment(1);
        copy
    }

    /// Nor one from as far in the future: the clock that it was stamped by says nothing here.
    fn is_within(&self, at_most: Duration, as_of: Timestamp) -> bool {
        let now = self.clock.now();
        let (age, ahead) = (now.remaining(as_of), as_of.remaining(now));
        age.max(ahead) < at_most
    }

    /// The account as it stands, which the cache then has, too.
    pub async fn refresh(&self, aci: AccountId) -> Result<Option<Account>, StoreError> {
        let as_of = self.clock.now();
        let account = self.get(aci).await?;
        if let Some(account) = &account {
            self.remember(account, as_of).await;
        }
        Ok(account)
    }

    /// Puts the account into the cache, unless a newer version is there or this one was dropped. `as_of` is the time just before
    /// the read or commit that it comes of began: the account was current then or later.
    ///
    /// A cache that does not answer is no error: readers then ask the store.
    pub async fn remember(&self, account: &Account, as_of: Timestamp) {
        let copy = serde_json::to_vec(&Copied { as_of, account }).expect("accounts serialise");
        let _ = self.cache.put_newer(&cache_key(account.aci), account.version, Bytes::from(copy), CACHED_FOR).await;
    }

    /// Drops copies of this version and older, and keeps them out. A cache that does not answer goes on holding them; how long
    /// they are believed is bounded all the same.
    pub(super) async fn forget(&self, aci: AccountId, version: u64) {
        let _ = self.cache.forget(&cache_key(aci), version, CACHED_FOR).await;
    }
}

fn cache_key(aci: AccountId) -> String {
    format!("account:{aci}")
}
