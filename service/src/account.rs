//! `/v1/accounts` (contract registration §9): what an account's own devices ask and change.

mod controller;
mod discoverability;
mod existence;
pub mod number;
mod usernames;

pub use controller::AccountController;
pub use number::NumberController;
