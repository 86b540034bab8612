//! All integration tests, in one binary: it links once.

mod coverage;
mod house;
mod limits;
mod registration;
mod verification;
