//! Verification sessions: how a client proves a phone number (contract registration §4, §5).
//!
//! The rules of time and number are pure and lie in `signet_storage::model::session`; here stand the five routes, the order of
//! their checks, the challenge and the sending of codes.

pub mod budget;
pub mod captcha;
mod controller;
pub mod request;
pub mod response;
pub mod sender;
mod sending;
pub mod test_numbers;
mod token_manager;

pub use controller::VerificationController;
pub use token_manager::PhoneVerificationTokenManager;
