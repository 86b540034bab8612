//! All integration tests, in one binary: it links once.

mod audit;
mod authentication;
mod cache;
mod coverage;
mod crash;
mod delivery;
mod devices;
mod existing;
mod faults;
mod house;
mod limits;
mod prekeys;
mod process;
mod registration;
mod simulation;
mod sms_budget;
mod storage;
mod svr;
mod tunnel;
mod verification;
mod waiting;
