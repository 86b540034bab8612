//! Is there an order of what was done at the same time in which every answer is true? All actions of a round on one number, or on
//! numbers between which somebody moves, are tried in every order, by sets: what counts of an order is only which actions came before and what they left.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Act, Answer, Joint, Op, Outcome, Round, State, Told, Who};

/// An action and what was heard of it.
#[derive(Clone, Debug)]
pub struct Heard {
    pub op: Op,
    pub seen: Seen,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Told(Told),
    /// No answer, or one that says that it is not known (503).
    Lost,
}

/// All that may be true after it, if any of `truths` was before; nothing if no order explains what was heard.
pub fn explain(truths: &BTreeSet<Joint>, heard: &[Heard], round: Round) -> BTreeSet<Joint> {
    search(truths, heard, 0, round)
}

/// The same if every action may have been done once before the time that was answered: a change whose answer the store lost,
/// and over which somebody else wrote before it was sent again, is not recognised any more and is made once more.
pub fn explain_twice(truths: &BTreeSet<Joint>, heard: &[Heard], round: Round) -> BTreeSet<Joint> {
    let earlier = heard.iter().map(|one| Heard { op: one.op.clone(), seen: Seen::Lost });
    let all: Vec<Heard> = heard.iter().cloned().chain(earlier).collect();
    search(truths, &all, heard.len(), round)
}

/// `earlier`: so many at the end are to come before those at the beginning that they are of.
fn search(truths: &BTreeSet<Joint>, heard: &[Heard], earlier: usize, round: Round) -> BTreeSet<Joint> {
    let mut reached = BTreeMap::from([(0_u32, truths.clone())]);
    for _ in heard {
        let mut next: BTreeMap<u32, BTreeSet<Joint>> = BTreeMap::new();
        for (done, states) in &reached {
            let is_done = |n: usize| done & (1 << n) != 0;
            let free = |n: usize| !is_done(n) && (n >= earlier || is_done(n + earlier));
            for (n, one) in heard.iter().enumerate().filter(|(n, _)| free(*n)) {
                let after = states.iter().flat_map(|state| fitting(state, one, round));
                next.entry(done | 1 << n).or_default().extend(after);
            }
        }
        reached = next;
    }
    reached.into_values().next_back().unwrap_or_default()
}

/// The truths after one action on this one that agree with what was heard of it.
fn fitting(state: &Joint, heard: &Heard, round: Round) -> Vec<Joint> {
    let branches = state.after(&heard.op, round);
    let mut fitting: Vec<Joint> = match &heard.seen {
        Seen::Lost => branches.into_iter().map(|branch| branch.after).chain([state.clone()]).collect(),
        Seen::Told(told) => branches.into_iter().filter_map(|branch| agrees(branch, told)).collect(),
    };
    if let (true, Act::Register(_), Seen::Told(Told { status: 429, .. })) = (round.crowded, &heard.op.act, &heard.seen)
    {
        // Somebody else's guess at the lock was being judged just then.
        fitting.push(state.clone());
    }
    for state in &mut fitting {
        state.tidy(round.now);
    }
    fitting
}

fn agrees(Outcome { told, mut after }: Outcome, heard: &Told) -> Option<Joint> {
    let Answer { status, verified, who, device } = told?;
    if status != heard.status || verified != heard.verified || device != heard.device {
        return None;
    }
    match (who, &heard.who) {
        (Some(Who::Told(expected)), Some(name)) if expected != *name => None,
        (Some(Who::Untold(id)), Some(name)) => {
            after.name(id, name);
            Some(after)
        }
        _ => Some(after),
    }
}

/// In words, which promise was broken, as far as one can say.
pub fn charge(truths: &BTreeSet<Joint>, heard: &[Heard], round: Round) -> &'static str {
    for Heard { op, seen } in heard {
        let Seen::Told(told) = seen else { continue };
        let all = |test: &dyn Fn(&State) -> bool| truths.iter().all(|truth| truth.0.get(&op.number).is_some_and(test));
        let broken = match &op.act {
            Act::Register(wish) if matches!(told.status, 200 | 201) => {
                let shut = |state: &State| {
                    let holder = state.holder.as_ref();
                    holder.is_some_and(|holder| holder.is_locked(round.now) && holder.lock != wish.lock)
                };
                let other = |state: &State| {
                    let holder = state.holder.as_ref().map(|holder| &holder.who);
                    let who = holder.or(state.gone.as_ref().map(|(who, _)| who));
                    matches!((who, &told.who), (Some(Who::Told(who)), Some(name)) if who != name)
                };
                match (all(&shut), all(&other)) {
                    (true, _) => Some("a required lock was passed"),
                    (_, true) => Some("the ACI changed"),
                    _ => None,
                }
            }
            Act::WhoAmI(by) => {
                let seat =
                    |state: &State| state.holder.as_ref().and_then(|holder| holder.devices.get(&by.device).copied());
                let current = |state: &State| seat(state).is_some_and(|seat| seat.by == by.by);
                match told.status {
                    200 if all(&|state| !current(state)) => Some("a dead password works"),
                    401 if all(&current) => Some("an acknowledged registration is gone"),
                    _ => None,
                }
            }
            Act::Guess { .. } if told.status == 200 => Some("a guess was judged wrongly or was not due"),
            Act::Code { sent: Some(_), .. } if told.status != 200 => Some("a code went out although it was refused"),
            Act::Link { who, made, .. } if told.status == 200 => {
                all(&|state| state.used_tokens.contains(&(who.clone(), *made))).then_some("a used token works")
            }
            _ => None,
        };
        if let Some(broken) = broken {
            return broken;
        }
    }
    "no order explains the answers"
}
