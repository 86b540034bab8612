//! The recovery passwords of numbers, as rows by PNI (contract registration §7.1). They are written and removed in the
//! transactions of `AccountsManager`, and removed here once a code has proved the number: an owner who comes back by SMS does
//! not want an older way in to stay open.
//!
//! A row that has run out counts for nothing, whether the store has dropped it or not.

use crate::clock::Timestamp;
use crate::dynamo::items::{self, key};
use crate::dynamo::tables::Table;
use crate::dynamo::{Dynamo, Item, StoreError, Write};
use crate::hash::SaltedTokenHash;
use crate::ids::NumberId;
use crate::model::recovery::NumberRecovery;
use crate::number::E164;
use crate::{AccountsManager, Storage};

#[derive(Clone, Debug)]
pub struct RecoveryPasswords {
    dynamo: Dynamo,
    accounts: AccountsManager,
}

impl RecoveryPasswords {
    pub fn new(storage: &Storage) -> Self {
        Self { dynamo: storage.dynamo.clone(), accounts: AccountsManager::new(storage) }
    }

    /// What is kept for a number: also what has run out. The check of it is the constructor of `VerifiedNumber`.
    pub async fn get(&self, number: &E164) -> Result<Option<NumberRecovery>, StoreError> {
        // For a number that nobody ever had as much is read, lest the time tell.
        let key = self.accounts.pni_of(number).await?.map_or_else(|| key("pni", "nobody"), row_key);
        let row = self.dynamo.get(Table::Recovery, key).await?;
        row.map(|row| items::from_item(row, "recovery password")).transpose()
    }

    /// Removes what is kept for a number, if anything is.
    pub async fn remove(&self, number: &E164) -> Result<(), StoreError> {
        let Some(pni) = self.accounts.pni_of(number).await? else { return Ok(()) };
        // Sessions are looked at often after they are verified, and this is there the first time at most.
        if self.dynamo.get(Table::Recovery, row_key(pni)).await?.is_none() {
            return Ok(());
        }
        self.dynamo.remove(Table::Recovery, row_key(pni)).await
    }
}

pub(crate) fn put(pni: NumberId, password: SaltedTokenHash, until: Timestamp) -> Write {
    let mut row = row_key(pni);
    row.extend(items::to_item(&NumberRecovery { password, until }));
    // Rounded up: the store must not drop a row that still counts.
    row.insert("expires".to_owned(), items::number(until.seconds() + 1));
    Write::put("recovery password", Table::Recovery, row)
}

pub(crate) fn remove(pni: NumberId) -> Write {
    Write::delete("recovery password", Table::Recovery, row_key(pni))
}

fn row_key(pni: NumberId) -> Item {
    key("pni", pni.to_string())
}
