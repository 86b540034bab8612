//! All integration tests, in one binary: it links once.

mod account;
mod audit;
mod authentication;
mod cache;
mod coverage;
mod crash;
mod delivery;
mod devices;
mod existing;
mod faults;
mod grpc;
mod house;
mod limits;
mod prekeys;
mod presence;
mod process;
mod registration;
mod rows_audit;
mod simulation;
mod sms_budget;
mod storage;
mod svr;
mod tls;
mod tunnel;
mod verification;
mod waiting;
