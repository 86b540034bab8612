//! Nothing that is somebody's own stands in logs, metrics, the audit or refusals: no number, code, token, password or name.
//!
//! `search` shows that the search sees; `libraries` what the log is kept from; `flows` plays everybody's life against the real
//! binary at TRACE, with marked values; `suite` looks at what a whole run of these tests left behind (`tests/run` has it).

#![allow(clippy::unwrap_used, reason = "tests")]

mod flows;
mod libraries;
mod people;
mod search;
mod suite;
mod walk;
