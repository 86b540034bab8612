//! The real binary: what it says, what it keeps, and how it starts and stops.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests, some of which measure")]

mod commands;
mod configuration;
mod management;
mod serve;

use std::process::{Command, Output};

/// Runs a command to its end; returns its exit code, what it said, and what it complained of.
fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("signet runs");
    let text = |bytes| String::from_utf8(bytes).expect("signet speaks UTF-8");
    (status.code().expect("signet ends by itself"), text(stdout), text(stderr))
}

fn say<const N: usize>(words: [&str; N]) -> (i32, String, String) {
    run(signet_tests::process::signet().args(words))
}
