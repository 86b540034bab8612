//! The registry simulated by seed (`signet::sim`): a thousand short histories, a few with 64 clients at once, and the bugs that
//! the simulation has to find.
//!
//! `SIGNET_SIM_SEEDS` says how many short histories are played. A seed that breaks a rule is printed with the shortest history
//! that does, and `signet sim --seed N --steps M --clients K` plays it again.

#![allow(clippy::print_stdout, reason = "what was exercised is worth reading")]

mod planted;

use std::sync::atomic::{AtomicU64, Ordering};

use signet::sim::{self, Counts, history};

const SEEDS: u64 = 1_000;
const STEPS: u32 = 60;
const CLIENTS: u32 = 6;
/// Histories after each round of which all rows are read.
const CUT_SEEDS: u64 = 60;

#[test]
fn no_seed_breaks_a_rule() {
    let seeds = std::env::var("SIGNET_SIM_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("a number"));
    let counts = play_all(seeds, STEPS, CLIENTS);
    println!("{seeds} seeds of {STEPS} events:\n{counts}");
}

#[test]
fn the_rows_fit_together_at_every_cut() {
    let audits = (1..=CUT_SEEDS).map(|seed| {
        let played = sim::run_audited(10_000 + seed, &history::draw(10_000 + seed, STEPS, CLIENTS), 1, |_| {});
        assert_eq!(played.violation, None, "seed {seed}");
        played.counts.audits
    });
    println!("{CUT_SEEDS} seeds of {STEPS} events, {} audits", audits.sum::<u32>());
}

#[test]
fn sixty_four_at_once_break_no_rule() {
    let counts = play_all(8, 600, 64);
    println!("8 seeds of 600 events, 64 clients:\n{counts}");
}

#[test]
fn the_same_seed_plays_the_same() {
    let history = history::draw(7, 400, 8);
    let play = || {
        let played = sim::run(7, &history, |_| {});
        (played.digest, played.counts.to_string())
    };
    let here = play();
    assert_eq!(here, play());
    assert_eq!(
        here,
        std::thread::spawn(move || {
            let played = sim::run(7, &history::draw(7, 400, 8), |_| {});
            (played.digest, played.counts.to_string())
        })
        .join()
        .expect("no panic")
    );
    assert_ne!(here.0, sim::run(8, &history, |_| {}).digest, "chance is not the seed's");
}

/// Plays these seeds on both cores.
///
/// # Panics
/// If one breaks a rule; says which, and how.
fn play_all(seeds: u64, steps: u32, clients: u32) -> Counts {
    let next = AtomicU64::new(1);
    let work = || {
        let mut counts = Counts::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds {
                return counts;
            }
            counts.add(&play(seed, steps, clients));
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut counts = work();
        counts.add(&other.join().unwrap_or_else(|died| std::panic::resume_unwind(died)));
        counts
    })
}

fn play(seed: u64, steps: u32, clients: u32) -> Counts {
    let history = history::draw(seed, steps, clients);
    let played = sim::run(seed, &history, |_| {});
    let Some(violation) = played.violation else { return played.counts };
    let (shortest, violation) = sim::shrink(seed, &history, violation);
    let shown: String = shortest.iter().map(|event| format!("  {} {:?}\n", event.round, event.what)).collect();
    panic!(
        "signet sim --seed {seed} --steps {steps} --clients {clients}: {}\n{shown}{}",
        violation.rule, violation.text
    );
}
