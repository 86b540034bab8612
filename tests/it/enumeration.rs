//! Whether there is somebody shows only where the contract says so, and only as often as it says (design/field.md E1, E3).
//!
//! Every route and every method stands in a table here: what of somebody its request names, and whether the answers about a known
//! and an unknown one are equal. A new route that stands in none fails. How long answers take is measured, not tested: the bench
//! section `enumeration`; service/docs/enumeration.md tells what came of it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod answers;
mod credentials;
mod grpc;
mod look_ups;
mod rest;
mod scene;
