//! The rows an account consists of, apart from its keys.
//!
//! | row | key | holds |
//! |---|---|---|
//! | account | `aci` | everything of [`Account`], and the commit that wrote it |
//! | number claim | `tel#<canonical number>` | the number's PNI, for ever; the ACI that holds the number now, if any |
//! | PNI claim | `pni#<uuid>` | the ACI that holds the PNI now |
//!
//! The number claim is keyed by the canonical of the equivalent forms, so that there is one row to fight for per number.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Ids;
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

fn pni_key(pni: NumberId) -> Item {
    key("claim", format!("pni#{pni}"))
}

/// The number is this account's: it was nobody's and had this PNI or none, or it is this account's already.
pub fn claim_number(number: &E164, ids: Ids) -> Write {
    let mut row = number_key(number);
    row.extend(items::to_item(&NumberClaim { pni: ids.pni, aci: Some(ids.aci) }));
    let same_pni = Condition::Absent("pni").or(Condition::Equals("pni", text(ids.pni.to_string())));
    let free = Condition::Absent("aci").and(same_pni);
    #[cfg(feature = "planted-bugs")]
    if crate::planted::planted(crate::planted::Bug::ConstraintWithoutMine) {
        return Write::put(NUMBER, Table::Claims, row).only_if(free);
    }
    Write::put(NUMBER, Table::Claims, row).only_if(free.or(Condition::Equals("aci", text(ids.aci.to_string()))))
}

/// The PNI is this account's: it was nobody's, or it is this account's already.
pub fn claim_pni(ids: Ids) -> Write {
    let mut row = pni_key(ids.pni);
    row.insert("aci".to_owned(), text(ids.aci.to_string()));
    let mine = Condition::Equals("aci", text(ids.aci.to_string()));
    Write::put(PNI, Table::Claims, row).only_if(Condition::Absent("aci").or(mine))
}

/// The account's row, written over the version that was read (`None`: over nothing).
pub fn put_account(account: &Account, over: Option<u64>, commit: Uuid) -> Write {
    let commit = commit.to_string();
    let row = items::sign(items::to_item(account), &commit);
    Write::put(ACCOUNT, Table::Accounts, row).only_if(items::unchanged_since(over, "aci", &commit))
}
