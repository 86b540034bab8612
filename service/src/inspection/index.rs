//! Does the index lead to accounts that have the number? (That it leads to all of them is looked at with the accounts.) No rule reads
//! it, and the store keeps it by itself, so there is nothing to mend: it is for operators, who want to rely on it.

use signet_storage::StoreError;
use signet_storage::dynamo::items::text_of;
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Item, Walk};

use super::{Fault, Finding, Inspection, LOOKS, Said};

impl Inspection {
    pub(super) async fn walk_index(&self, say: &mut impl FnMut(Said)) -> Result<(), StoreError> {
        let walk = Walk { index: true, ..Walk::over(Table::Accounts) };
        let mut from = None;
        loop {
            let (entries, next) = self.dynamo.read_on(walk, from).await?;
            let wrong = self.wrong_entries(&entries).await?;
            say(Said::Indexed { rows: entries.len() as u64 });
            self.tell(wrong, say).await?;
            match next {
                Some(next) => from = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// The entries that lead to no account of their number, and still do when the index has had time to follow.
    async fn wrong_entries(&self, entries: &[Item]) -> Result<Vec<Finding>, StoreError> {
        let mut wrong = self.misleading(entries).await?;
        for _ in 0..LOOKS {
            if wrong.is_empty() {
                break;
            }
            tokio::time::sleep(self.apart).await;
            let mut still = Vec::new();
            for entry in self.misleading(&wrong).await? {
                let found =
                    self.dynamo.find(Table::Accounts, text_of(&entry, "phoneNumber").unwrap_or_default()).await?;
                if found.contains(&entry) {
                    still.push(entry);
                }
            }
            wrong = still;
        }
        Ok(wrong.iter().map(|entry| Finding::new(Table::Accounts, entry, Fault::IndexedElsewhere)).collect())
    }

    async fn misleading(&self, entries: &[Item]) -> Result<Vec<Item>, StoreError> {
        let mut keys: Vec<Item> = Vec::new();
        for key in entries.iter().map(|entry| Table::Accounts.spec().key_of(entry)) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let there = self.dynamo.get_all(Table::Accounts, &keys, &["aci", "phoneNumber"]).await?;
        Ok(entries.iter().filter(|entry| !there.contains(entry)).cloned().collect())
    }
}
