//! The registry seen from outside: a harness that starts a real one and speaks to it over HTTP, in verbs.
//!
//! Nothing of ours is mocked. The store is the embedded engine on a directory of its own (or whatever a test chooses), time is
//! a clock that the test moves, and faults are made at the seam where the SDK sends its requests.

pub mod canary;
pub mod client;
pub mod engine;
pub mod grpc;
pub mod http_engine;
pub mod names;
pub mod process;
pub mod receiver;
pub mod redis;
pub mod registrant;
pub mod registry;
pub mod socket;
pub mod table;

pub use client::{Answer, Client, SignalClient};
pub use engine::{Engine, Store};
pub use receiver::{Reaction, Receiver};
pub use registrant::Registrant;
pub use registry::TestRegistry;
pub use signet::sim::audit::{self, Audit};
pub use socket::Socket;
pub use table::Table;
