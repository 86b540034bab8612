//! Reading the configuration again while the registry runs, on SIGHUP and on `POST /reload` of the management port: file,
//! environment and flags as at the start. Its limits are in force at once, and so is what the files of the certificate hold; of
//! everything else only the keys are told that need a restart.
//!
//! A configuration that does not check is refused whole, and the one before stays. So is a certificate without its key.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use signet_config::{Config, ConfigError};

use crate::registry::Registry;
use crate::tls::{Look, Tls, Told};

/// Where the configuration comes from.
pub type Source = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

pub struct Reload {
    source: Source,
    running: Mutex<Config>,
    registry: Arc<Registry>,
    tls: Option<Arc<Tls>>,
}

/// What reading it again came to, as keys such as `limits.pin.size`. A changed secret is not noticed.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reloaded {
    in_force: Vec<String>,
    needs_restart: Vec<String>,
    /// Why the certificate in the files is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_refused: Option<String>,
}

impl Reload {
    pub fn new(source: Source, running: Config, registry: Arc<Registry>, tls: Option<Arc<Tls>>) -> Self {
        Self { source, running: Mutex::new(running), registry, tls }
    }

    /// Says in the log, too, what it came to.
    pub fn reload(&self) -> Result<Reloaded, ConfigError> {
        // Held throughout: of two at once the later one reads later.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let new = (self.source)().inspect_err(|error| {
            let problems = error.to_string().replace('\n', "; ");
            tracing::error!(problems, "the configuration is refused, the one before stays in force");
        })?;
        let (mut in_force, needs_restart): (Vec<_>, Vec<_>) =
            running.differences(&new).into_iter().partition(|key| key.starts_with("limits."));
        self.registry.update_limits(&new.limits);
        running.limits = new.limits;
        let certificate_refused = match self.tls.as_ref().map(|tls| tls.look(Told::AtOnce)) {
            Some(Look::Replaced) => {
                in_force.push("server.certificate".to_owned());
                None
            }
            Some(Look::Refused(error)) => Some(error.to_string()),
            Some(Look::Same | Look::Unsettled) | None => None,
        };
        let (changed, waiting) = (in_force.join(" "), needs_restart.join(" "));
        tracing::info!(changed, needs_restart = waiting, "the configuration was read again");
        Ok(Reloaded { in_force, needs_restart, certificate_refused })
    }
}
