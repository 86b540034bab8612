//! A test of the test: bugs that registries really have, planted one at a time. The simulation finds each.

use signet::sim::{self, history};
use signet_storage::planted::{Bug, plant};

const BUGS: [Bug; 9] = [
    Bug::WriteWithoutVersion,
    Bug::ConstraintWithoutMine,
    Bug::GuessCountedAfterwards,
    Bug::ResendOverwrites,
    Bug::LockOpenOnCacheMiss,
    Bug::DoubleTake,
    Bug::TokenLookedUpBefore,
    Bug::CacheKeptOnUnlink,
    Bug::LeftNumberStaysProved,
];
/// Events after which a bug counts as not found.
const PATIENCE: u32 = 10_000;
const EVENTS: u32 = 200;

#[test]
fn each_is_found_in_ten_thousand_steps() {
    let mut missed = Vec::new();
    println!("{:<24} {:>5} {:>7} {:>9}  broken rule", "bug", "seed", "steps", "shortest");
    for bug in BUGS {
        match find(bug) {
            Some(line) => println!("{line}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

fn find(bug: Bug) -> Option<String> {
    let mut steps = 0;
    for seed in 1.. {
        let history = history::draw(seed, EVENTS, 8);
        plant(Some(bug));
        let played = sim::run(seed, &history, |_| {});
        steps += played.counts.steps();
        if steps > PATIENCE {
            plant(None);
            return None;
        }
        let Some(violation) = played.violation else { continue };
        let (shortest, violation) = sim::shrink(seed, &history, violation);
        plant(None);
        assert!(sim::run(seed, &history, |_| {}).violation.is_none(), "seed {seed} breaks a rule without {bug:?}");
        return Some(format!(
            "{:<24} {seed:>5} {steps:>7} {:>9}  {}",
            format!("{bug:?}"),
            shortest.len(),
            violation.rule
        ));
    }
    None
}
