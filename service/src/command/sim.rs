//! `signet sim`: a history by seed, what it exercised, what it broke, and its digest.

use std::io::Write as _;

use super::CommandResult;
use crate::sim::{self, Counts, history};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// What decides everything.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events in the history, about.
    #[arg(long, default_value_t = 5_000)]
    steps: u32,
    /// Steps at the same time, at most.
    #[arg(long, default_value_t = 8)]
    clients: u32,
}

const PROGRESS_EVERY: u32 = 1_000;

/// # Errors
/// If a rule was broken.
pub fn run(options: &Options) -> CommandResult {
    let Options { seed, steps, clients } = *options;
    let history = history::draw(seed, steps, clients.max(1));
    let mut out = std::io::stdout().lock();
    writeln!(out, "seed {seed}: {} events, up to {clients} steps at once", history.len())?;
    let mut told = 0;
    let played = sim::run(seed, &history, |counts: &Counts| {
        if counts.steps() / PROGRESS_EVERY > told {
            told = counts.steps() / PROGRESS_EVERY;
            let _ = writeln!(out, "  {} steps", counts.steps());
        }
    });
    write!(out, "exercised\n{}", played.counts)?;
    if let Some(violation) = &played.violation {
        writeln!(out, "VIOLATION after {} steps: {}\n{}", violation.after, violation.rule, violation.text)?;
        writeln!(out, "looking for the shortest history …")?;
        let (shortest, violation) = sim::shrink(seed, &history, violation.clone());
        for event in &shortest {
            writeln!(out, "  {:>6} round {:<5} {:?}", event.id, event.round, event.what)?;
        }
        writeln!(out, "breaks: {}\n{}", violation.rule, violation.text)?;
    }
    writeln!(out, "digest {}", played.digest)?;
    match played.violation {
        Some(violation) => Err(violation.rule.into()),
        None => Ok(()),
    }
}
