//! Further devices of an account (contract keys-devices §3): who they are, how one is let in, and how one goes.

pub mod attributes;
mod controller;
mod link;
mod own;
mod push;
mod request;
pub(crate) mod response;

pub use controller::DevicesController;
