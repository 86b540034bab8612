//! All integration tests, in one binary: it links once.

mod audit;
mod cache;
mod coverage;
mod crash;
mod delivery;
mod existing;
mod faults;
mod house;
mod limits;
mod process;
mod registration;
mod simulation;
mod sms_budget;
mod storage;
mod svr;
mod verification;
mod waiting;
