//! All integration tests, in one binary: it links once.

mod cache;
mod coverage;
mod crash;
mod existing;
mod faults;
mod house;
mod limits;
mod process;
mod registration;
mod storage;
mod verification;
