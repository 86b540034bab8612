//! A change of some attributes of one row, which gives the row back as it was: what is taken from a row once is decided here.
//!
//! If the answer is lost the SDK sends the change again. Who adds must not mind adding twice, and who sets must say by the
//! condition from what.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::condition::Expression;
use super::tables::Table;
use super::{CONFLICT_RETRIES, CommitError, Condition, Dynamo, Item, StoreError, Value};

/// What is changed. An attribute that is added to and is not there counts as 0.
#[derive(Clone, Debug)]
pub struct Update {
    set: Vec<(&'static str, Value)>,
    add: Vec<(&'static str, i64)>,
    condition: Condition,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Updated {
    /// The row was so, and is changed.
    From(Item),
    /// The condition did not hold, and nothing is changed: the row stands so, if there is one.
    Refused(Option<Item>),
}

impl Update {
    pub const fn only_if(condition: Condition) -> Self {
        Self { set: Vec::new(), add: Vec::new(), condition }
    }

    pub fn set(mut self, name: &'static str, value: Value) -> Self {
        self.set.push((name, value));
        self
    }

    pub fn add(mut self, name: &'static str, amount: i64) -> Self {
        self.add.push((name, amount));
        self
    }

    /// The text of the change, its condition, and what their placeholders stand for.
    fn render(self) -> (String, Expression) {
        let mut expression = self.condition.render();
        let mut parts = Vec::new();
        let set = self
            .set
            .into_iter()
            .map(|(name, value)| format!("{} = {}", expression.name(name), expression.value(value)));
        let set: Vec<_> = set.collect();
        if !set.is_empty() {
            parts.push(format!("SET {}", set.join(", ")));
        }
        let amount = |amount: i64| Value::N(amount.to_string());
        let add = self.add.into_iter();
        let add: Vec<_> =
            add.map(|(name, by)| format!("{} {}", expression.name(name), expression.value(amount(by)))).collect();
        if !add.is_empty() {
            parts.push(format!("ADD {}", add.join(", ")));
        }
        (parts.join(" "), expression)
    }
}

impl Dynamo {
    /// Changes the row with this key. `name` is what it is counted by, as a commit's is.
    ///
    /// # Errors
    /// [`CommitError::Contested`] if transactions kept getting in the way, [`CommitError::Store`] if the store did not answer;
    /// then it is not known whether the row was changed.
    pub async fn update(
        &self,
        name: &'static str,
        table: Table,
        key: Item,
        update: Update,
    ) -> Result<Updated, CommitError> {
        let (text, condition) = update.render();
        let mut round = 0;
        loop {
            let request = self
                .client
                .update_item()
                .table_name(self.table_name(table))
                .set_key(Some(key.clone()))
                .update_expression(text.clone())
                .condition_expression(condition.text.clone())
                .set_expression_attribute_names(Some(condition.names.clone()))
                .set_expression_attribute_values(condition.values())
                .return_values(ReturnValue::AllOld)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let error = match request.send().await {
                Ok(done) => return Ok(Updated::From(done.attributes.unwrap_or_default())),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    return Ok(Updated::Refused(refused.item().cloned()));
                }
                Some(UpdateItemError::TransactionConflictException(_)) if round < CONFLICT_RETRIES => {
                    metrics::counter!("signet_commit_conflicts_total", "commit" => name).increment(1);
                    tokio::time::sleep(self.back_off(round)).await;
                    round += 1;
                }
                Some(UpdateItemError::TransactionConflictException(_)) => return Err(CommitError::Contested),
                _ => return Err(StoreError::from_sdk(error).into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_and_condition_share_their_placeholders() {
        let one = Value::N("1".into());
        let update = Update::only_if(Condition::Equals("version", one)).set("a", Value::S("x".into())).add("next", 1);
        let (text, expression) = update.render();
        assert_eq!((text.as_str(), expression.text.as_str()), ("SET #a = :v1 ADD #next :v2", "#version = :v0"));
        assert_eq!((expression.names.len(), expression.values.len()), (3, 3));
    }
}
