//! The shortest history found that still breaks the same rule: parts are left out, larger ones first, as long as it does.

use super::history::Event;
use super::play::Violation;

/// Events played in search of a shorter history, at most.
const EFFORT: usize = 400_000;

/// `fails` plays a history and says what it breaks.
pub fn shrink(
    history: &[Event],
    violation: Violation,
    fails: impl Fn(&[Event]) -> Option<Violation>,
) -> (Vec<Event>, Violation) {
    let mut shortest = (history.to_vec(), violation);
    let mut effort = EFFORT;
    let mut part = shortest.0.len().div_ceil(2);
    loop {
        let mut from = 0;
        let mut helped = false;
        while from < shortest.0.len() && effort > 0 {
            let until = (from + part).min(shortest.0.len());
            let without: Vec<Event> = [&shortest.0[..from], &shortest.0[until..]].concat();
            effort = effort.saturating_sub(without.len() + 20);
            match fails(&without).filter(|other| other.rule == shortest.1.rule) {
                Some(violation) => {
                    shortest = (without, violation);
                    helped = true;
                }
                None => from = until,
            }
        }
        if effort == 0 || part == 1 && !helped {
            return shortest;
        }
        part = if part == 1 { 1 } else { part.div_ceil(2) };
    }
}
