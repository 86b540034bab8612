//! A deterministic simulation: people who fight for a few numbers, a registry with a bad day, and a model that has to be able to
//! explain every answer. The same seed plays the same history, always; what it found is printed with the shortest history that
//! shows it. `service/docs/simulation.md` says how to use it.
//!
//! It is the real registry, called through its table of routes as every inlet does, on the embedded engine in memory. One
//! thread, virtual time: nothing depends on the machine. Not here: sockets, the web framework, Redis, files.

mod act;
pub mod audit;
mod explain;
pub mod history;
mod ledger;
mod model;
mod names;
mod people;
mod play;
mod report;
mod shrink;
mod stored;
mod town;
mod usernames;

use history::Event;
pub use play::{Played, Violation};
pub use report::Counts;

/// Plays the history of a seed.
///
/// # Panics
/// If the registry cannot be built.
pub fn run(seed: u64, history: &[Event], progress: impl FnMut(&Counts)) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime on this thread").block_on(async {
        let town = town::Town::build(seed).await.expect("the registry can be built in memory");
        play::Play::new(&town, seed).run(history, progress).await
    })
}

/// A history that breaks a rule, made as short as it can be found to be.
pub fn shrink(seed: u64, history: &[Event], violation: Violation) -> (Vec<Event>, Violation) {
    shrink::shrink(history, violation, |shorter| run(seed, shorter, |_| {}).violation)
}
