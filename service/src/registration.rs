//! `POST /v1/registration` (contract registration §3): from a proved number and signed keys to an account.

mod attempt;
mod controller;
pub mod lock;
pub mod request;
pub mod response;

pub use controller::RegistrationController;
