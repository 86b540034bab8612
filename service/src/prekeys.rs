//! `/v2/keys` (contract keys-devices §1): the keys that a device leaves for others, and the bundles that others take.
//!
//! - `controller`: what a device does with its own keys: counts, replaces, compares them.
//! - `access`: who may have somebody's keys. The one decision table, whatever the keys are wanted for.
//! - `fetch`: bundles, and what is told of pools that run low.
//! - `identity_check`: which of many identity keys have changed.
//! - `census`: how full the pools of all devices are.
//!
//! Not here: which key is next and that it is next only once (`signet-keys`).

mod access;
mod census;
mod controller;
mod fetch;
mod identity_check;
mod request;
mod response;
pub mod target;

pub use census::Census;
pub use controller::PrekeysController;
