//! Reading the configuration again while the registry runs, on SIGHUP and on `POST /reload` of the management port: file,
//! environment and flags as at the start. Its limits are in force at once; of everything else only the keys are told that
//! need a restart.
//!
//! A configuration that does not check is refused whole, and the one before stays.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use signet_config::{Config, ConfigError};

use crate::registry::Registry;

/// Where the configuration comes from.
pub type Source = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

pub struct Reload {
    source: Source,
    running: Mutex<Config>,
    registry: Arc<Registry>,
}

/// What reading it again came to, as keys such as `limits.pin.size`. A changed secret is not noticed.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reloaded {
    in_force: Vec<String>,
    needs_restart: Vec<String>,
}

impl Reload {
    pub fn new(source: Source, running: Config, registry: Arc<Registry>) -> Self {
        Self { source, running: Mutex::new(running), registry }
    }

    /// Says in the log, too, what it came to.
    pub fn reload(&self) -> Result<Reloaded, ConfigError> {
        // Held throughout: of two at once the later one reads later.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let new = (self.source)().inspect_err(|error| {
            let problems = error.to_string().replace('\n', "; ");
            tracing::error!(problems, "the configuration is refused, the one before stays in force");
        })?;
        let (in_force, needs_restart): (Vec<_>, Vec<_>) =
            running.differences(&new).into_iter().partition(|key| key.starts_with("limits."));
        self.registry.update_limits(&new.limits);
        running.limits = new.limits;
        let (changed, waiting) = (in_force.join(" "), needs_restart.join(" "));
        tracing::info!(changed, needs_restart = waiting, "the configuration was read again");
        Ok(Reloaded { in_force, needs_restart })
    }
}
