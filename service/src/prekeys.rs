//! Pre-keys (contract keys-devices §1, §8.2): the keys that a device leaves for others, and the bundles that others take. Each file
//! has what is decided as typed methods, which gRPC asks too, and beside it the REST routes of `/v2/keys`.
//!
//! - `controller`: what a device does with its own keys: counts, replaces, compares them.
//! - `access`: who may have somebody's keys. The one decision table, whatever the keys are wanted for.
//! - `fetch`: bundles, and what is told of pools that run low.
//! - `identity_check`: which of many identity keys have changed.
//! - `census`: how full the pools of all devices are.
//!
//! Not here: which key is next and that it is next only once (`signet-keys`).

pub(crate) mod access;
mod census;
mod controller;
pub(crate) mod fetch;
pub(crate) mod identity_check;
mod request;
mod response;
pub mod target;

pub use census::Census;
pub use controller::PrekeysController;
pub use request::IdentityType;
