//! Makes the declared tables exist. Any number of processes may do this at once on the same empty store: whoever comes second
//! finds the table being created and waits for it. A table that exists but differs is never altered; the start is refused
//! with a sentence that says how it differs.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    KeySchemaElement, TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use super::refusal::StoreError;
use super::tables::{TABLES, TableSpec};

/// How long a table may take to become active: creation takes seconds on AWS and nothing elsewhere.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error("table {table} differs from what this version needs: {how}")]
    Differs { table: String, how: String },
    #[error("table {table} did not become active within {} s", PATIENCE.as_secs())]
    Slow { table: String },
    #[error("table {table}: {source}")]
    Store { table: String, source: StoreError },
}

pub(super) async fn run(client: &Client, prefix: &str) -> Result<(), BootstrapError> {
    for spec in &TABLES {
        let table = Bootstrap { client, spec, name: format!("{prefix}{}", spec.name) };
        let found = table.create_or_find().await?;
        table.compare(&found)?;
        table.enable_time_to_live().await?;
    }
    Ok(())
}

struct Bootstrap<'a> {
    client: &'a Client,
    spec: &'static TableSpec,
    name: String,
}

impl Bootstrap<'_> {
    async fn create_or_find(&self) -> Result<TableDescription, BootstrapError> {
        let mut polls = PATIENCE.as_millis() / POLL.as_millis();
        loop {
            match self.describe().await? {
                Some(table) if table.table_status() == Some(&TableStatus::Active) => return Ok(table),
                Some(_) => {}
                None => self.create().await?,
            }
            polls = polls.checked_sub(1).ok_or_else(|| BootstrapError::Slow { table: self.name.clone() })?;
            // The embedded engine has created the table by now; look at once the first time.
            if polls + 1 < PATIENCE.as_millis() / POLL.as_millis() {
                tokio::time::sleep(POLL).await;
            }
        }
    }

    async fn describe(&self) -> Result<Option<TableDescription>, BootstrapError> {
        match self.client.describe_table().table_name(&self.name).send().await {
            Ok(found) => Ok(found.table),
            Err(e) => match e.as_service_error() {
                Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(self.failed(e)),
            },
        }
    }

    async fn create(&self) -> Result<(), BootstrapError> {
        let request = self
            .client
            .create_table()
            .table_name(&self.name)
            .set_attribute_definitions(Some(self.spec.definitions()))
            .set_key_schema(Some(self.spec.key_schema()))
            .set_global_secondary_indexes(self.spec.indexes())
            .billing_mode(self.spec.billing());
        match request.send().await {
            Ok(_) => Ok(()),
            // Another process was faster, which is as good.
            Err(e) if matches!(e.as_service_error(), Some(CreateTableError::ResourceInUseException(_))) => Ok(()),
            Err(e) => Err(self.failed(e)),
        }
    }

    fn compare(&self, found: &TableDescription) -> Result<(), BootstrapError> {
        let differs = |how: String| Err(BootstrapError::Differs { table: self.name.clone(), how });
        if !same_keys(found.key_schema(), &self.spec.key_schema()) {
            return differs(format!("its key is {}, not {}", keys(found.key_schema()), keys(&self.spec.key_schema())));
        }
        for wanted in self.spec.definitions() {
            let name = wanted.attribute_name();
            let there = found.attribute_definitions().iter().find(|a| a.attribute_name() == name);
            match there {
                Some(there) if there.attribute_type() == wanted.attribute_type() => {}
                Some(there) => {
                    let (is, needed) = (there.attribute_type().as_str(), wanted.attribute_type().as_str());
                    return differs(format!("attribute {name} has type {is}, not {needed}"));
                }
                None if self.spec.index.as_ref().is_some_and(|index| index.partition.name == name) => {}
                None => return differs(format!("attribute {name} is not declared")),
            }
        }
        for wanted in self.spec.indexes().unwrap_or_default() {
            let name = wanted.index_name();
            let there = found.global_secondary_indexes().iter().find(|i| i.index_name() == Some(name));
            match there {
                Some(there) if same_keys(there.key_schema(), wanted.key_schema()) => {}
                Some(there) => return differs(format!("index {name} has the key {}", keys(there.key_schema()))),
                None => return differs(format!("index {name} is missing")),
            }
        }
        Ok(())
    }

    async fn enable_time_to_live(&self) -> Result<(), BootstrapError> {
        let Some(attribute) = self.spec.time_to_live else { return Ok(()) };
        if self.has_time_to_live(attribute).await? {
            return Ok(());
        }
        let wanted = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build();
        let wanted = wanted.expect("attribute and switch are given");
        let sent = self.client.update_time_to_live().table_name(&self.name).time_to_live_specification(wanted);
        match sent.send().await {
            Ok(_) => Ok(()),
            // AWS calls it a validation error when another process has just done it.
            Err(_) if self.has_time_to_live(attribute).await? => Ok(()),
            Err(e) => Err(self.failed(e)),
        }
    }

    async fn has_time_to_live(&self, attribute: &str) -> Result<bool, BootstrapError> {
        let found =
            self.client.describe_time_to_live().table_name(&self.name).send().await.map_err(|e| self.failed(e))?;
        let Some(found) = found.time_to_live_description() else { return Ok(false) };
        let on = matches!(found.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
        match found.attribute_name() {
            Some(other) if on && other != attribute => {
                let how = format!("rows expire by attribute {other}, not {attribute}");
                Err(BootstrapError::Differs { table: self.name.clone(), how })
            }
            _ => Ok(on),
        }
    }

    fn failed<E: aws_sdk_dynamodb::error::ProvideErrorMetadata, R>(&self, error: SdkError<E, R>) -> BootstrapError {
        let code = error.code().map(str::to_owned);
        tracing::debug!(table = self.name, code, "bootstrap call failed");
        BootstrapError::Store { table: self.name.clone(), source: StoreError::from_sdk(error) }
    }
}

fn same_keys(a: &[KeySchemaElement], b: &[KeySchemaElement]) -> bool {
    keys(a) == keys(b)
}

fn keys(schema: &[KeySchemaElement]) -> String {
    let mut parts: Vec<_> =
        schema.iter().map(|k| format!("{} {}", k.key_type().as_str(), k.attribute_name())).collect();
    parts.sort();
    parts.join(", ")
}
