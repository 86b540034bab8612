//! All integration tests, in one binary: it links once.

mod cache;
mod registration;
