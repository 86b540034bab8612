//! `signet tables [--create]`

use std::io::Write as _;

use signet_config::Config;
use signet_storage::dynamo::tables;
use signet_storage::{Storage, World};

use super::CommandResult;

pub fn run(config: &Config, create: bool) -> CommandResult {
    if create {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Opening makes the tables exist.
        runtime.block_on(Storage::open(config, World::real()))?;
    } else {
        std::io::stdout().write_all(tables::as_json(&config.storage.table_prefix).as_bytes())?;
    }
    Ok(())
}
