//! All integration tests, in one binary: it links once.

mod cache;
mod coverage;
mod crash;
mod faults;
mod house;
mod limits;
mod process;
mod registration;
mod sms_budget;
mod storage;
mod verification;
