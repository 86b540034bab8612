//! The engine in memory, on the calling task, told the time by our clock.

use std::sync::Arc;

use dynoxide::Database;
use dynoxide::storage_backend;

use super::{Embedded, OpenError};
use crate::clock::Clock;

struct EngineClock(Clock);

impl storage_backend::Clock for EngineClock {
    fn now_unix_secs(&self) -> u64 {
        self.0.now().seconds().unsigned_abs()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now().seconds() as f64
    }
}

impl Embedded {
    /// Empty, gone with its last clone.
    pub fn inline(clock: &Clock) -> Result<Self, OpenError> {
        let engine = Database::memory_with_clock(Arc::new(EngineClock(clock.clone())));
        let failed = |e: dynoxide::DynoxideError| OpenError::Engine { path: "memory".into(), reason: e.to_string() };
        engine.map(Self::Inline).map_err(failed)
    }
}

pub fn sweep(database: &Database) {
    if let Err(e) = database.sweep_ttl() {
        tracing::warn!(error = %e, "expired rows could not be swept");
    }
}
