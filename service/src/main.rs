//! The binary: command line → configuration → the command.

use std::process::ExitCode;

use clap::Parser as _;
use signet::command::Arguments;

/// Registrations are many small allocations on two threads; this allocator is a tenth faster at them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signet: {error}");
            ExitCode::FAILURE
        }
    }
}
