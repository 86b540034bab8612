//! What the fuzz targets share: a registry in this process with somebody in it, what they may say to it, and what it may answer.
//!
//! Everything happens on one thread, with a store in memory, and in time that passes as soon as nothing else can happen: an
//! input does the same each time. A panic ends the process, also one that the registry would have caught.

// Requests to the store are deep futures.
#![recursion_limit = "256"]

pub mod answers;
pub mod good;
pub mod said;
pub mod socket;
pub mod world;

pub use answers::judge;
pub use world::{World, with_world};
