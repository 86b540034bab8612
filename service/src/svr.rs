//! Credentials for a secure value recovery service (contract registration §7.3 to §7.5).
//!
//! That service keeps, behind a PIN, what a client needs to come back. The registry and the service share a key: what the
//! registry signs, the service believes. Not here: the service itself.

pub(crate) mod controller;
pub mod credentials;

pub use controller::SvrController;
pub use credentials::{Credentials, SvrCredentials};
