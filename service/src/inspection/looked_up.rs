//! The rows that others have to agree with, looked up for a piece of a table at once.

use std::collections::HashMap;

use futures::future::try_join_all;
use signet_storage::StoreError;
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Dynamo, Item, Value, items};
use signet_storage::ids::AccountId;
use signet_storage::model::Account;

/// What is needed of a device's keys to tell whose they are.
const WHOSE: &[&str] = &["identity", "device", "identityKey", "installation"];
/// Rows that one request asks for.
const BATCH: usize = 100;

#[derive(Default)]
pub struct LookedUp(HashMap<(Table, String), Item>);

impl LookedUp {
    /// Strongly consistent; each once, however often it is wanted. Of keys no more than whose they are.
    pub async fn of(dynamo: &Dynamo, wanted: impl Iterator<Item = (Table, Item)>) -> Result<Self, StoreError> {
        let wanted: HashMap<_, _> = wanted.map(|(table, key)| ((table, name(table, &key)), key)).collect();
        let mut by_table: HashMap<Table, Vec<Item>> = HashMap::new();
        for ((table, _), key) in wanted {
            by_table.entry(table).or_default().push(key);
        }
        let batches = by_table.iter().flat_map(|(table, keys)| keys.chunks(BATCH).map(|batch| (*table, batch)));
        let found = try_join_all(batches.map(async |(table, batch)| {
            let only = if table == Table::Keys { WHOSE } else { &[] };
            let rows = dynamo.get_all(table, batch, only).await?;
            Ok::<_, StoreError>(rows.into_iter().map(move |row| ((table, name(table, &row)), row)))
        }));
        Ok(Self(found.await?.into_iter().flatten().collect()))
    }

    pub fn get(&self, table: Table, key: &Item) -> Option<&Item> {
        self.0.get(&(table, name(table, key)))
    }

    /// The account, if it is there and can be read.
    pub fn account(&self, aci: AccountId) -> Option<Account> {
        let row = self.get(Table::Accounts, &items::key("aci", aci.to_string()))?;
        items::from_item(row.clone(), "account").ok()
    }
}

/// The key of a row as one text.
fn name(table: Table, row: &Item) -> String {
    let spec = table.spec();
    let part = |name: &str| match row.get(name) {
        Some(Value::S(text) | Value::N(text)) => text.clone(),
        _ => String::new(),
    };
    let sort = spec.sort.map(|sort| part(sort.name)).unwrap_or_default();
    format!("{}\n{sort}", part(spec.partition.name))
}
