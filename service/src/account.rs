//! `/v1/accounts` (contract registration §9): what an account's own devices ask and change.

pub mod access;
mod attributes;
mod capabilities;
mod controller;
mod discoverability;
mod existence;
mod lock;
pub mod number;
mod recovery;
pub mod report;
pub mod totp;
mod usernames;

pub use controller::AccountController;
pub use number::NumberController;
