//! The one DynamoDB client, and the commits made through it.
//!
//! A commit has a name (`"register"`, `"reclaim"`); what became of it is counted by that name. A refused commit says which
//! write was refused by the write's label and gives back the row that stood in the way, never a position in a list.
//! Conflicts with commits in flight are tried again here; a refusal is not, because a fresh read may decide otherwise.
//!
//! Not here: which engine answers (`open.rs`), and what rows mean (`accounts/rows.rs`, `sessions.rs`).

mod bootstrap;
mod condition;
pub mod embedded;
#[cfg(feature = "test-util")]
pub mod faults;
pub mod items;
mod many;
mod refusal;
pub mod tables;
mod update;
mod write;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

pub use bootstrap::BootstrapError;
pub use condition::Condition;
pub use many::Walk;
pub use refusal::{CommitError, StoreError};
pub use update::{Update, Updated};
pub use write::{Item, Write};

/// What an attribute holds.
pub type Value = AttributeValue;

use crate::chance::Chance;
use tables::Table;
use write::Change;

/// How often a commit that met another one in flight is sent again before the caller hears of it.
const CONFLICT_RETRIES: u32 = 6;

/// DynamoDB's own bound on one transaction.
const MOST_WRITES: usize = 100;

/// Reads and commits rows. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dynamo {
    client: Client,
    prefix: String,
    chance: Chance,
}

impl Dynamo {
    pub fn new(client: Client, prefix: &str, chance: Chance) -> Self {
        Self { client, prefix: prefix.to_owned(), chance }
    }

    pub const fn client(&self) -> &Client {
        &self.client
    }

    pub fn table_name(&self, table: Table) -> String {
        format!("{}{}", self.prefix, table.spec().name)
    }

    /// Creates what is missing and refuses what differs from the declaration. Safe to run from many processes at once.
    pub async fn bootstrap(&self) -> Result<(), BootstrapError> {
        bootstrap::run(&self.client, &self.prefix).await
    }

    /// Is the store answering? For readiness probes.
    pub async fn answers(&self) -> bool {
        let table = self.table_name(Table::Claims);
        let probe = self.client.get_item().table_name(table).key("claim", AttributeValue::S("probe#".into()));
        probe.send().await.is_ok()
    }

    /// The row with this key, strongly consistent.
    pub async fn get(&self, table: Table, key: Item) -> Result<Option<Item>, StoreError> {
        let request =
            self.client.get_item().table_name(self.table_name(table)).set_key(Some(key)).consistent_read(true);
        Ok(request.send().await.map_err(StoreError::from_sdk)?.item)
    }

    /// Deletes the row with this key, if there is one, whatever it holds.
    pub async fn remove(&self, table: Table, key: Item) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(self.table_name(table)).set_key(Some(key));
        request.send().await.map(drop).map_err(StoreError::from_sdk)
    }

    /// Writes all of it or nothing.
    ///
    /// # Errors
    /// [`CommitError::Refused`] if a condition did not hold, [`CommitError::Contested`] if others kept getting in the way,
    /// [`CommitError::Store`] if the store did not answer; then it is not known whether the commit took place, so conditions
    /// must let the same commit pass a second time.
    pub async fn commit(&self, name: &'static str, writes: Vec<Write>) -> Result<(), CommitError> {
        assert!(!writes.is_empty() && writes.len() <= MOST_WRITES, "a commit has 1 to {MOST_WRITES} writes");
        let mut result = self.attempt(&writes).await;
        for round in 0..CONFLICT_RETRIES {
            if !matches!(result, Err(CommitError::Contested)) {
                break;
            }
            metrics::counter!("signet_commit_conflicts_total", "commit" => name).increment(1);
            tokio::time::sleep(self.back_off(round)).await;
            result = self.attempt(&writes).await;
        }
        metrics::counter!("signet_commits_total", "commit" => name, "outcome" => outcome(&result)).increment(1);
        result
    }

    async fn attempt(&self, writes: &[Write]) -> Result<(), CommitError> {
        match writes {
            // A single conditional put or removal costs half of a transaction of one.
            [Write { label, table, change: Change::Put(item), condition }] => {
                self.put(label, *table, item.clone(), condition.clone()).await
            }
            [Write { label, table, change: Change::Delete(key), condition }] => {
                self.delete(label, *table, key.clone(), condition.clone()).await
            }
            many => self.transact(many).await,
        }
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), CommitError> {
        let items = writes.iter().map(|w| w.clone().into_transact_item(self.table_name(w.table))).collect();
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        sent.map(drop).map_err(|e| refusal::of_transaction(e, writes))
    }

    async fn put(
        &self,
        label: &'static str,
        table: Table,
        item: Item,
        condition: Option<Condition>,
    ) -> Result<(), CommitError> {
        let mut put = self.client.put_item().table_name(self.table_name(table)).set_item(Some(item));
        if let Some(condition) = condition.map(Condition::render) {
            put = put
                .set_expression_attribute_values(condition.values())
                .set_expression_attribute_names(Some(condition.names))
                .condition_expression(condition.text)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        put.send().await.map(drop).map_err(|e| refusal::of_put(e, label))
    }

    async fn delete(
        &self,
        label: &'static str,
        table: Table,
        key: Item,
        condition: Option<Condition>,
    ) -> Result<(), CommitError> {
        let mut delete = self.client.delete_item().table_name(self.table_name(table)).set_key(Some(key));
        if let Some(condition) = condition.map(Condition::render) {
            delete = delete
                .set_expression_attribute_values(condition.values())
                .set_expression_attribute_names(Some(condition.names))
                .condition_expression(condition.text)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        delete.send().await.map(drop).map_err(|e| refusal::of_delete(e, label))
    }

    /// A pause before the next round, spread so that rivals do not meet again.
    pub async fn pause(&self, round: u32) {
        tokio::time::sleep(self.back_off(round.min(CONFLICT_RETRIES))).await;
    }

    /// 5 to 10 ms at first, doubling; spread so that rivals do not meet again.
    fn back_off(&self, round: u32) -> Duration {
        let base = 5 << round;
        Duration::from_millis((base + self.chance.below(base)).into())
    }
}

const fn outcome(result: &Result<(), CommitError>) -> &'static str {
    match result {
        Ok(()) => "committed",
        Err(CommitError::Refused { .. }) => "refused",
        Err(CommitError::Contested) => "contested",
        Err(CommitError::Store(_)) => "failed",
    }
}
