//! Many rows at once, outside of transactions: each is written or read by itself, in no order. For rows that nothing points at
//! yet, or any more, and for walks through a table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};

use super::tables::Table;
use super::{CONFLICT_RETRIES, Dynamo, Item, StoreError, Value};

/// DynamoDB's own bound on one batch.
const BATCH: usize = 25;
/// And on one that reads.
const READ_BATCH: usize = 100;

/// How a table is walked through.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    pub table: Table,
    /// Rows in one piece.
    pub most: i32,
    /// Rows as they stand when they are read. Costs twice as much.
    pub consistent: bool,
    /// The keys that the table's index has, instead of its rows.
    pub index: bool,
    /// No more than these attributes; all if none is named.
    pub only: &'static [&'static str],
}

impl Walk {
    pub const fn over(table: Table) -> Self {
        Self { table, most: 100, consistent: false, index: false, only: &[] }
    }
}

/// The text that names these attributes, and what its placeholders stand for; none for no names.
fn projection(only: &[&str]) -> Option<(String, HashMap<String, String>)> {
    let names: HashMap<_, _> =
        only.iter().enumerate().map(|(n, name)| (format!("#a{n}"), (*name).to_owned())).collect();
    let text = (0..only.len()).map(|n| format!("#a{n}")).collect::<Vec<_>>().join(", ");
    (!only.is_empty()).then_some((text, names))
}

impl Dynamo {
    /// Puts rows, whatever stands there.
    pub async fn put_all(&self, table: Table, rows: Vec<Item>) -> Result<(), StoreError> {
        let put = |row| PutRequest::builder().set_item(Some(row)).build().expect("the row is given");
        let requests = rows.into_iter().map(|row| WriteRequest::builder().put_request(put(row)).build());
        self.write_all(table, requests.collect()).await
    }

    /// Deletes the rows with these keys, as far as there are any.
    pub async fn remove_all(&self, table: Table, keys: Vec<Item>) -> Result<(), StoreError> {
        let delete = |key| DeleteRequest::builder().set_key(Some(key)).build().expect("the key is given");
        let requests = keys.into_iter().map(|key| WriteRequest::builder().delete_request(delete(key)).build());
        self.write_all(table, requests.collect()).await
    }

    /// Waits before what the store left undone is sent again, up to so many times.
    async fn ready_for(&self, round: u32) -> Result<(), StoreError> {
        if round > CONFLICT_RETRIES {
            return Err(StoreError::busy());
        }
        if round > 0 {
            tokio::time::sleep(self.back_off(round)).await;
        }
        Ok(())
    }

    async fn write_all(&self, table: Table, requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let name = self.table_name(table);
        for batch in requests.chunks(BATCH) {
            let mut left = HashMap::from([(name.clone(), batch.to_vec())]);
            let mut round = 0;
            while !left.is_empty() {
                self.ready_for(round).await?;
                let sent = self.client.batch_write_item().set_request_items(Some(left)).send().await;
                left = sent.map_err(StoreError::from_sdk)?.unprocessed_items.unwrap_or_default();
                round += 1;
            }
        }
        Ok(())
    }

    /// Some rows of a table in the order the store has them, and where to go on; `None` there at the end. Eventually consistent.
    pub async fn walk(
        &self,
        table: Table,
        most: i32,
        from: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        self.read_on(Walk { most, ..Walk::over(table) }, from).await
    }

    /// The same, as the walk says. Nothing is kept of the rows before.
    pub async fn read_on(&self, walk: Walk, from: Option<Item>) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let mut scan = self.client.scan().table_name(self.table_name(walk.table)).limit(walk.most);
        scan = if walk.index {
            scan.set_index_name(walk.table.spec().index.as_ref().map(|index| index.name.to_owned()))
        } else {
            scan.consistent_read(walk.consistent)
        };
        if let Some((text, names)) = projection(walk.only) {
            scan = scan.projection_expression(text).set_expression_attribute_names(Some(names));
        }
        let page = scan.set_exclusive_start_key(from).send().await.map_err(StoreError::from_sdk)?;
        let next = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((page.items.unwrap_or_default(), next))
    }

    /// The rows with these keys, as far as there are any, in no order; strongly consistent. With `only`, no more than these
    /// attributes of them.
    pub async fn get_all(&self, table: Table, keys: &[Item], only: &[&'static str]) -> Result<Vec<Item>, StoreError> {
        let name = self.table_name(table);
        let mut rows = Vec::with_capacity(keys.len());
        for batch in keys.chunks(READ_BATCH) {
            let request = KeysAndAttributes::builder().set_keys(Some(batch.to_vec())).consistent_read(true);
            let request = match projection(only) {
                Some((text, names)) => request.projection_expression(text).set_expression_attribute_names(Some(names)),
                None => request,
            };
            let mut left = HashMap::from([(name.clone(), request.build().expect("the keys are given"))]);
            let mut round = 0;
            while !left.is_empty() {
                self.ready_for(round).await?;
                let sent = self.client.batch_get_item().set_request_items(Some(left)).send().await;
                let answer = sent.map_err(StoreError::from_sdk)?;
                rows.extend(answer.responses.unwrap_or_default().into_values().flatten());
                left = answer.unprocessed_keys.unwrap_or_default();
                round += 1;
            }
        }
        Ok(rows)
    }

    /// The keys of the rows that an index has under this value. Eventually consistent, as indexes are.
    pub async fn find(&self, table: Table, value: &str) -> Result<Vec<Item>, StoreError> {
        let index = table.spec().index.as_ref().expect("the table has an index");
        let query = self.client.query().table_name(self.table_name(table)).index_name(index.name);
        let query = query.key_condition_expression("#p = :p").expression_attribute_names("#p", index.partition.name);
        let query = query.expression_attribute_values(":p", Value::S(value.to_owned()));
        Ok(query.send().await.map_err(StoreError::from_sdk)?.items.unwrap_or_default())
    }

    /// The keys of all rows of one partition; strongly consistent.
    pub async fn list_keys(&self, table: Table, partition: &str) -> Result<Vec<Item>, StoreError> {
        let spec = table.spec();
        let only = [spec.partition.name, spec.sort.map_or("", |sort| sort.name)];
        self.list(table, partition, &only).await
    }

    /// All rows of one partition; strongly consistent. With `only`, no more than these attributes of them.
    pub async fn list(&self, table: Table, partition: &str, only: &[&'static str]) -> Result<Vec<Item>, StoreError> {
        let spec = table.spec();
        let (text, mut names) = projection(only).unzip();
        let names = names.get_or_insert_default();
        names.insert("#p".to_owned(), spec.partition.name.to_owned());
        let (mut rows, mut from) = (Vec::new(), None);
        loop {
            let query = self.client.query().table_name(self.table_name(table)).consistent_read(true);
            let query = query.key_condition_expression("#p = :p").set_projection_expression(text.clone());
            let query = query.set_expression_attribute_names(Some(names.clone()));
            let query = query.expression_attribute_values(":p", Value::S(partition.to_owned()));
            let page = query.set_exclusive_start_key(from).send().await.map_err(StoreError::from_sdk)?;
            rows.extend(page.items.unwrap_or_default());
            match page.last_evaluated_key.filter(|key| !key.is_empty()) {
                Some(next) => from = Some(next),
                None => return Ok(rows),
            }
        }
    }
}
