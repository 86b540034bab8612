//! The real binary: what it says, what it keeps, and how it starts and stops.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests, some of which measure")]

mod commands;
mod configuration;
mod limits;
mod management;
mod nodes;
mod restarts;
mod serve;
mod tls;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Runs a command to its end, which has to come soon; returns its exit code, what it said, and what it complained of.
fn run(command: &mut Command) -> (i32, String, String) {
    let mut running = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // What should be refused might serve instead, and then never end.
    for _ in 0..2_000 {
        if running.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = running.kill();
    let Output { status, stdout, stderr } = running.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("signet speaks UTF-8");
    (status.code().expect("signet should have ended by itself"), text(stdout), text(stderr))
}

fn say<const N: usize>(words: [&str; N]) -> (i32, String, String) {
    run(signet_tests::process::signet().args(words))
}
