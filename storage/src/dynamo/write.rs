//! One write of a commit. Other crates compose writes (`keys` makes the rows of a device's keys) and hand them to the manager
//! that commits them all at once; a refused commit names the write by its label.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::Condition;
use super::tables::Table;

/// A row, as DynamoDB has it.
pub type Item = HashMap<String, AttributeValue>;

/// A labelled write of one row.
#[derive(Clone, Debug)]
pub struct Write {
    pub label: &'static str,
    pub(super) table: Table,
    pub(super) change: Change,
    pub(super) condition: Option<Condition>,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Put(Item),
    Delete(Item),
    Require(Item),
}

impl Write {
    /// Put the row, whatever stands there.
    pub fn put(label: &'static str, table: Table, item: Item) -> Self {
        Self { label, table, change: Change::Put(item), condition: None }
    }

    /// Delete the row with this key, if there is one.
    pub fn delete(label: &'static str, table: Table, key: Item) -> Self {
        Self { label, table, change: Change::Delete(key), condition: None }
    }

    /// Write nothing, but require something of the row with this key.
    pub fn require(label: &'static str, table: Table, key: Item, condition: Condition) -> Self {
        Self { label, table, change: Change::Require(key), condition: Some(condition) }
    }

    /// Only if this holds; otherwise the whole commit is refused and nothing of it is written.
    pub fn only_if(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    pub(super) fn into_transact_item(self, table_name: String) -> TransactWriteItem {
        let condition = self.condition.map(Condition::render);
        let (text, names, values) = match &condition {
            Some(c) => (Some(c.text.clone()), Some(c.names.clone()), c.values()),
            None => (None, None, None),
        };
        let on_failure = condition.is_some().then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.change {
            Change::Put(item) => {
                let put = Put::builder()
                    .table_name(table_name)
                    .set_item(Some(item))
                    .set_condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .set_return_values_on_condition_check_failure(on_failure);
                TransactWriteItem::builder().put(put.build().expect("table and item are given")).build()
            }
            Change::Require(key) => {
                let check = ConditionCheck::builder()
                    .table_name(table_name)
                    .set_key(Some(key))
                    .set_condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .set_return_values_on_condition_check_failure(on_failure);
                let check = check.build().expect("table, key and condition are given");
                TransactWriteItem::builder().condition_check(check).build()
            }
            Change::Delete(key) => {
                let delete = Delete::builder()
                    .table_name(table_name)
                    .set_key(Some(key))
                    .set_condition_expression(text)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .set_return_values_on_condition_check_failure(on_failure);
                TransactWriteItem::builder().delete(delete.build().expect("table and key are given")).build()
            }
        }
    }
}
