//! Section `registration_lock`: what it costs to check a lock, and the times that belong to one (contract: registration, §6).
//!
//! The three costs are those of Argon2id. They may be raised at any time: a hash made with others still matches, and is made
//! anew at its next success.

use std::time::Duration;

use serde::Deserialize;

use crate::Profile;
use crate::error::Problems;
use crate::values;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section")]
pub struct RegistrationLock {
    /// Memory of one computation, in KiB; at least 8 per lane.
    #[serde(deserialize_with = "values::whole")]
    pub memory_kib: u64,
    #[serde(deserialize_with = "values::whole")]
    pub iterations: u64,
    #[serde(deserialize_with = "values::whole")]
    pub lanes: u64,
    /// Memory of all computations together, in MiB; room for one at least.
    #[serde(deserialize_with = "values::whole")]
    pub budget_mib: u64,
    /// Computations that may wait for their turn; the next one is refused.
    #[serde(deserialize_with = "values::whole")]
    pub waiting: u64,
    /// After a wrong lock an account's next try is refused for so long.
    #[serde(deserialize_with = "values::duration")]
    pub pause: Duration,
    /// A lock holds for so long after its account was last seen.
    #[serde(deserialize_with = "values::duration")]
    pub expires_after: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The least work that OWASP's password storage cheat sheet lets pass (memory times iterations, memory alone).
const LEAST_WORK: u64 = 7168 * 5;
const LEAST_MEMORY: u64 = 7168;

impl Default for RegistrationLock {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            lanes: 1,
            budget_mib: 128,
            waiting: 32,
            pause: Duration::from_secs(5 * 60),
            expires_after: 7 * DAY,
        }
    }
}

impl RegistrationLock {
    /// The rules of the defaults at a thousandth of their cost.
    pub fn for_testing() -> Self {
        Self { memory_kib: 64, iterations: 1, ..Self::default() }
    }

    pub(crate) fn validate(&self, profile: Profile, problems: &mut Problems) {
        let mut within = |key: &str, value: u64, least: u64, most: u64| {
            if !(least..=most).contains(&value) {
                problems.add(format!("registration_lock.{key}"), format!("must be from {least} to {most}"));
            }
        };
        within("lanes", self.lanes, 1, 64);
        within("memory_kib", self.memory_kib, 8 * self.lanes.clamp(1, 64), 4 * 1024 * 1024);
        within("iterations", self.iterations, 1, 100);
        within("waiting", self.waiting, 0, 10_000);
        within("budget_mib", self.budget_mib, 1, 1024 * 1024);
        if self.budget_mib.saturating_mul(1024) < self.memory_kib {
            problems
                .add("registration_lock.budget_mib", "has no room for one computation of registration_lock.memory_kib");
        }
        if self.pause > DAY {
            problems.add("registration_lock.pause", "must be at most 1 day");
        }
        if !(DAY..=365 * DAY).contains(&self.expires_after) {
            problems.add("registration_lock.expires_after", "must be from 1 day to 365 days");
        }
        let work = self.memory_kib.saturating_mul(self.iterations);
        if profile == Profile::Production && (self.memory_kib < LEAST_MEMORY || work < LEAST_WORK) {
            problems.add(
                "registration_lock.memory_kib",
                "with registration_lock.iterations this is cheaper to guess than production allows; keep the defaults",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn what_cannot_work_is_refused() {
        for (toml, wrong) in [
            ("budget_mib = 18", "budget_mib: has no room"),
            ("memory_kib = 7", "memory_kib: must be from 8"),
            ("lanes = 2\nmemory_kib = 15", "memory_kib: must be from 16"),
            ("lanes = 0", "lanes: must be from 1"),
            ("iterations = 0", "iterations: must be from 1"),
            ("waiting = 10001", "waiting: must be from 0"),
            ("pause = \"25h\"", "pause: must be at most"),
            ("expires_after = \"23h\"", "expires_after: must be from"),
            ("memory_kib = 4194305", "memory_kib: must be from"),
        ] {
            let error = Config::parse(&format!("[registration_lock]\n{toml}")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("registration_lock.{wrong}")), "{error}");
        }
        Config::parse("[registration_lock]\nbudget_mib = 19\nwaiting = 0\npause = \"0s\"").unwrap();
    }

    #[test]
    fn production_keeps_guessing_dear() {
        for (memory, iterations, fine) in
            [(19_456, 2, true), (7_168, 5, true), (7_168, 4, false), (7_000, 9, false), (64, 100, false)]
        {
            let toml = format!(
                "profile = \"production\"\n[registration_lock]\nmemory_kib = {memory}\niterations = {iterations}"
            );
            let error = Config::parse(&toml).unwrap_err().to_string();
            assert_eq!(!error.contains("registration_lock."), fine, "{memory} {iterations}: {error}");
        }
    }
}
