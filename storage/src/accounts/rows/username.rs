//! Rows of usernames and of their links (contract registration §11.2, §11.10): the claims, of which each name and each link has one at
//! most, and what has to become of them when an account's [`Username`] changes.
//!
//! Not here: what may change in an account's name (`model/username.rs`).
//!
//! A claim that has run out counts as absent wherever it is read or fought for, whether the store has dropped it or not. Every
//! claim of an account changes with the account's own row, on the version that was read: of a claim that is mine I therefore know
//! how it stands, and a commit that is sent again finds its own work under "mine".

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{free_or_mine, mine};
use crate::clock::Timestamp;
use crate::dynamo::items::{self, key, number, text};
use crate::dynamo::tables::Table;
use crate::dynamo::{Condition, Item, StoreError, Value, Write};
use crate::ids::AccountId;
use crate::model::username::Username;
use crate::model::{Account, Opaque};

/// Labels of the writes.
pub const USERNAME: &str = "username";
pub const LINK: &str = "username link";

/// How long a name is kept for whoever reserves it.
const RESERVED_FOR: Duration = Duration::from_secs(300);
/// How long a name is kept for an owner who registered again.
const SET_ASIDE_FOR: Duration = Duration::from_secs(3 * 86_400);

/// Who has a username, or for whom it is kept and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsernameClaim {
    pub aci: AccountId,
    pub confirmed: bool,
    /// To be confirmed again without a new link.
    pub reclaimable: bool,
    /// Not of confirmed ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkClaim {
    pub aci: AccountId,
}

impl UsernameClaim {
    pub fn read(item: Item) -> Result<Self, StoreError> {
        items::from_item(item, "username claim")
    }

    /// Does it count?
    pub fn is_living(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The name is kept for this account for five minutes. What was kept for it already is kept as long as it was, and its link
    /// with it.
    pub fn reserved(aci: AccountId, standing: Option<&Self>, now: Timestamp) -> Self {
        let until = standing.and_then(|claim| claim.until).max(Some(now.plus(RESERVED_FOR)));
        let reclaimable = standing.is_some_and(|claim| claim.reclaimable);
        Self { aci, confirmed: false, reclaimable, until }
    }

    const fn confirmed(aci: AccountId) -> Self {
        Self { aci, confirmed: true, reclaimable: false, until: None }
    }

    const fn kept(aci: AccountId, until: Timestamp, reclaimable: bool) -> Self {
        Self { aci, confirmed: false, reclaimable, until: Some(until) }
    }
}

impl LinkClaim {
    pub fn read(item: Item) -> Result<Self, StoreError> {
        items::from_item(item, "link claim")
    }
}

pub fn username_key(hash: &Opaque) -> Item {
    key("claim", format!("username#{}", hex::encode(hash.as_bytes())))
}

pub fn link_key(handle: Uuid) -> Item {
    key("claim", format!("link#{handle}"))
}

/// The name is kept for the account, unless it is somebody else's or confirmed.
pub fn reserve_username(hash: &Opaque, claim: &UsernameClaim, now: Timestamp) -> Write {
    let my_own = mine(claim.aci).and(Condition::Equals("confirmed", Value::Bool(false)));
    put(hash, claim).only_if(free_at(now).or(my_own))
}

/// What becomes of the claims when an account's name changes from the one to the other. No row is written twice.
pub fn change_username(aci: AccountId, before: &Username, after: &Username, now: Timestamp) -> Vec<Write> {
    let mut writes = change_name(aci, before, after, now);
    if before.link_handle != after.link_handle {
        let old = before.link_handle.map(|handle| remove_link(handle, aci));
        let new = after.link_handle.map(|handle| put_link(handle, aci));
        writes.extend([old, new].into_iter().flatten());
    }
    writes
}

fn change_name(aci: AccountId, before: &Username, after: &Username, now: Timestamp) -> Vec<Write> {
    let mut writes = Vec::new();
    if before.hash != after.hash {
        let confirm = |hash| put(hash, &UsernameClaim::confirmed(aci)).only_if(free_at(now).or(mine(aci)));
        writes.extend(after.hash.as_ref().map(confirm));
        let given_up = after.holds.iter().filter(|hold| before.hash.as_ref() == Some(&hold.hash));
        let keep = |until| UsernameClaim::kept(aci, until, false);
        writes.extend(given_up.map(|hold| put(&hold.hash, &keep(hold.until)).only_if(free_or_mine(aci))));
    }
    // Those that ran out need nothing, and what is theirs again or reserved once more is not let go.
    let used = |hash: &Opaque| {
        let names = [after.hash.as_ref(), after.reserved_hash.as_ref()];
        names.contains(&Some(hash)) || after.holds.iter().any(|hold| hold.hash == *hash)
    };
    let let_go = before.holds.iter().filter(|hold| now < hold.until && !used(&hold.hash));
    writes.extend(let_go.map(|hold| release(&hold.hash, aci, now)));
    writes
}

/// A confirmed name becomes one that is kept for its owner for three days, to be confirmed again with its link.
pub fn set_username_aside(hash: &Opaque, aci: AccountId, now: Timestamp) -> Write {
    put(hash, &UsernameClaim::kept(aci, now.plus(SET_ASIDE_FOR), true)).only_if(free_or_mine(aci))
}

/// The claims that end with the account. What is only kept for it ends by itself.
pub fn remove_username(account: &Account) -> impl Iterator<Item = Write> {
    let name = account.username.hash.as_ref();
    let name =
        name.map(|hash| Write::delete(USERNAME, Table::Claims, username_key(hash)).only_if(free_or_mine(account.aci)));
    let link = account.username.link_handle.map(|handle| remove_link(handle, account.aci));
    name.into_iter().chain(link)
}

fn release(hash: &Opaque, aci: AccountId, now: Timestamp) -> Write {
    let my_own = mine(aci).and(Condition::Equals("confirmed", Value::Bool(false)));
    Write::delete(USERNAME, Table::Claims, username_key(hash)).only_if(free_at(now).or(my_own))
}

fn put(hash: &Opaque, claim: &UsernameClaim) -> Write {
    let mut row = username_key(hash);
    row.extend(items::to_item(claim));
    // Rounded up: the store must not drop a row that still counts. It may never drop a confirmed one.
    row.extend(claim.until.map(|until| ("expires".to_owned(), number(until.seconds() + 1))));
    Write::put(USERNAME, Table::Claims, row)
}

fn put_link(handle: Uuid, aci: AccountId) -> Write {
    let mut row = link_key(handle);
    row.insert("aci".to_owned(), text(aci.to_string()));
    Write::put(LINK, Table::Claims, row).only_if(free_or_mine(aci))
}

fn remove_link(handle: Uuid, aci: AccountId) -> Write {
    Write::delete(LINK, Table::Claims, link_key(handle)).only_if(free_or_mine(aci))
}

/// Nobody has the name, and it is kept for nobody.
fn free_at(now: Timestamp) -> Condition {
    Condition::Absent("aci").or(Condition::AtMost("until", number(now.millis())))
}
