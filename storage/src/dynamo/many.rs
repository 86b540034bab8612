//! Many rows at once, outside of transactions: each is written or read by itself, in no order. For rows that nothing points at
//! yet, or any more, and for walks through a table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};

use super::tables::Table;
use super::{CONFLICT_RETRIES, Dynamo, Item, StoreError, Value};

/// DynamoDB's own bound on one batch.
const BATCH: usize = 25;

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

    async fn write_all(&self, table: Table, requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let name = self.table_name(table);
        for batch in requests.chunks(BATCH) {
            let mut left = HashMap::from([(name.clone(), batch.to_vec())]);
            let mut round = 0;
            while !left.is_empty() {
                if round > CONFLICT_RETRIES {
                    return Err(StoreError::busy());
                }
                if round > 0 {
                    tokio::time::sleep(self.back_off(round)).await;
                }
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
        let scan = self.client.scan().table_name(self.table_name(table)).limit(most).set_exclusive_start_key(from);
        let page = scan.send().await.map_err(StoreError::from_sdk)?;
        let next = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((page.items.unwrap_or_default(), next))
    }

    /// The keys of all rows of one partition; strongly consistent.
    pub async fn list_keys(&self, table: Table, partition: &str) -> Result<Vec<Item>, StoreError> {
        let spec = table.spec();
        let sort = spec.sort.map_or("", |sort| sort.name);
        let (mut rows, mut from) = (Vec::new(), None);
        loop {
            let query = self.client.query().table_name(self.table_name(table)).consistent_read(true);
            let query = query.key_condition_expression("#p = :p").projection_expression("#p, #s");
            let query = query.expression_attribute_names("#p", spec.partition.name);
            let query = query.expression_attribute_names("#s", sort);
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
