//! The rows an account consists of, apart from its keys.
//!
//! | row | key | holds |
//! |---|---|---|
//! | account | `aci` | everything of [`Account`], and the commit that wrote it |
//! | number claim | `tel#<canonical number>` | the number's PNI, for ever; the ACI that holds the number now, or the one that its next account gets |
//! | PNI claim | `pni#<uuid>` | the ACI that holds the PNI now |
//! | username claim | `username#<hash>` | the ACI that has the name, or for which it is kept ([`username`]) |
//! | link claim | `link#<uuid>` | the ACI whose encrypted name the link leads to |
//!
//! The number claim is keyed by the canonical of the equivalent forms, so that there is one row to fight for per number.

pub mod username;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Ids;
use crate::clock::Timestamp;
use crate::dynamo::items::{self, key, text};
use crate::dynamo::tables::Table;
use crate::dynamo::{Condition, Item, StoreError, Write};
use crate::ids::{AccountId, NumberId};
use crate::model::Account;
use crate::number::E164;

/// Labels of the writes; a refused commit names one of them.
pub const NUMBER: &str = "number";
pub const PNI: &str = "pni";
pub const ACCOUNT: &str = "account";

#[derive(Debug, Serialize, Deserialize)]
pub struct NumberClaim {
    pub pni: NumberId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aci: Option<AccountId>,
    #[serde(flatten)]
    pub former: Option<Former>,
}

/// The account that was removed from a number, or was displaced from another one by the account that left this one: whoever
/// registers the number next gets its ACI. No living account is one, and none is remembered by two numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Former {
    #[serde(rename = "formerAci")]
    pub aci: AccountId,
    /// The version it was removed in.
    #[serde(rename = "formerVersion")]
    pub version: u64,
    #[serde(rename = "formerUntil")]
    until: Timestamp,
}

impl Former {
    pub const fn of(account: &Account, until: Timestamp) -> Self {
        Self { aci: account.aci, version: account.version, until }
    }

    /// The same account, remembered until then.
    pub const fn remembered_until(self, until: Timestamp) -> Self {
        Self { until, ..self }
    }

    /// From then on the number has forgotten the account.
    pub const fn until(&self) -> Timestamp {
        self.until
    }
}

impl NumberClaim {
    pub fn read(item: Item) -> Result<Self, StoreError> {
        items::from_item(item, "number claim")
    }
}

pub fn account_key(aci: AccountId) -> Item {
    key("aci", aci.to_string())
}

pub fn number_key(number: &E164) -> Item {
    key("claim", format!("tel#{}", number.canonical().as_str()))
}

pub fn pni_key(pni: NumberId) -> Item {
    key("claim", format!("pni#{pni}"))
}

/// The number is this account's and stays so.
pub fn claim_number(number: &E164, ids: Ids) -> Write {
    put_number(number, NumberClaim { pni: ids.pni, aci: Some(ids.aci), former: None }).only_if(mine(ids.aci))
}

/// The number becomes this account's: it is nobody's, has this PNI or none, and the account it had last is the one that was
/// seen; or it is this account's already.
pub fn claim_vacant_number(number: &E164, ids: Ids, seen: Option<&Former>) -> Write {
    let same_pni = Condition::Absent("pni").or(Condition::Equals("pni", text(ids.pni.to_string())));
    let free = Condition::Absent("aci").and(same_pni);
    let free = match seen {
        None => free,
        Some(former) => free
            .and(Condition::Equals("formerAci", text(former.aci.to_string())))
            .and(Condition::Equals("formerVersion", items::number(former.version))),
    };
    let claim = NumberClaim { pni: ids.pni, aci: Some(ids.aci), former: None };
    #[cfg(feature = "planted-bugs")]
    if crate::planted::planted(crate::planted::Bug::ConstraintWithoutMine) {
        return put_number(number, claim).only_if(free);
    }
    put_number(number, claim).only_if(free.or(mine(ids.aci)))
}

/// The number is nobody's any more: it was this account's, or it has been released by it already.
pub fn release_number(account: &Account, former: Former) -> Write {
    let released = Condition::Equals("formerAci", text(account.aci.to_string()));
    let claim = NumberClaim { pni: account.pni, aci: None, former: Some(former) };
    put_number(&account.phone_number, claim).only_if(mine(account.aci).or(released))
}

/// The number that this account moves away from is nobody's any more, and remembers whom the account displaced.
pub fn leave_number(account: &Account, displaced: Option<Former>, commit: Uuid) -> Write {
    let claim = NumberClaim { pni: account.pni, aci: None, former: displaced };
    let commit = commit.to_string();
    let row = items::sign(number_row(&account.phone_number, claim), &commit);
    Write::put(NUMBER, Table::Claims, row).only_if(mine(account.aci).or(items::written_by(&commit)))
}

/// The number becomes this account's: it was the other one's, or it is this account's already.
pub fn take_number(number: &E164, ids: Ids, from: AccountId) -> Write {
    let claim = NumberClaim { pni: ids.pni, aci: Some(ids.aci), former: None };
    put_number(number, claim).only_if(mine(from).or(mine(ids.aci)))
}

fn put_number(number: &E164, claim: NumberClaim) -> Write {
    Write::put(NUMBER, Table::Claims, number_row(number, claim))
}

fn number_row(number: &E164, claim: NumberClaim) -> Item {
    let mut row = number_key(number);
    row.extend(items::to_item(&claim));
    row
}

fn mine(aci: AccountId) -> Condition {
    Condition::Equals("aci", text(aci.to_string()))
}

/// The PNI is this account's: it was nobody's, or it is this account's already.
pub fn claim_pni(ids: Ids) -> Write {
    put_pni(ids).only_if(free_or_mine(ids.aci))
}

/// The PNI becomes this account's: it was the other one's, or it is this account's already.
pub fn take_pni(ids: Ids, from: AccountId) -> Write {
    put_pni(ids).only_if(mine(from).or(mine(ids.aci)))
}

fn put_pni(ids: Ids) -> Write {
    let mut row = pni_key(ids.pni);
    row.insert("aci".to_owned(), text(ids.aci.to_string()));
    Write::put(PNI, Table::Claims, row)
}

pub fn release_pni(account: &Account) -> Write {
    Write::delete(PNI, Table::Claims, pni_key(account.pni)).only_if(free_or_mine(account.aci))
}

fn free_or_mine(aci: AccountId) -> Condition {
    Condition::Absent("aci").or(mine(aci))
}

/// The account's row, written over the version that was read (`None`: over nothing).
pub fn put_account(account: &Account, over: Option<u64>, commit: Uuid) -> Write {
    let commit = commit.to_string();
    let row = items::sign(items::to_item(account), &commit);
    Write::put(ACCOUNT, Table::Accounts, row).only_if(items::unchanged_since(over, "aci", &commit))
}

/// The account is gone: it was in this version, or has been removed already.
pub fn remove_account(account: &Account) -> Write {
    let as_read = Condition::Equals("version", items::number(account.version));
    Write::delete(ACCOUNT, Table::Accounts, account_key(account.aci)).only_if(as_read.or(Condition::Absent("aci")))
}
