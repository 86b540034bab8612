//! Signet, an account registry for secure messengers: who may ask what, in which order, over which wire.
//!
//! `service/docs/architecture.md` walks one registration through these modules.

pub mod account;
pub mod application;
mod audit;
mod authenticate;
pub mod call;
mod client_address;
pub mod command;
pub mod demo;
pub mod devices;
pub mod entrance;
mod error;
pub mod events;
pub mod grpc;
mod inlet;
pub mod inspection;
mod limits;
pub mod log;
pub mod mailbox;
mod management;
mod metrics;
pub mod prekeys;
pub mod presence;
pub mod provisioning;
pub mod registration;
mod registry;
mod reload;
mod rest;
pub mod routes;
mod shield;
#[cfg(feature = "sim")]
pub mod sim;
pub mod stopping;
pub mod svr;
pub mod sweep;
pub mod tls;
pub mod tunnel;
pub mod verification;
pub mod waiting;
mod wire;

pub use application::{Application, BuildError};
pub use registry::Registry;
