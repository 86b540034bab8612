//! A history played against a registry, with the reference model looking on. What has to hold:
//!
//! - every answer, and the rows after every round, fit at least one truth (`model.rs`, `explain.rs`);
//! - a number's PNI never changes, and no ACI is ever of two numbers;
//! - a request fails only when something was wrong, and never with 500;
//! - the keys of an account are all of the registration that made it (`stored.rs`), and no one-time key is served twice (`ledger.rs`);
//! - every row of every table fits every other (`audit.rs`).

mod judge;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::act::{self, Done};
use super::audit::Audit;
use super::explain::{Heard, Seen};
use super::history::{Action, Event, Step, What};
use super::ledger::Ledger;
use super::model::{Act, Op, Round, State, Told};
use super::names::{Between, Names};
use super::people::Memory;
use super::report::Counts;
use super::town::Town;

/// So many possible truths of one number are more than can be told apart by and by; its sessions are then given up.
const MOST_TRUTHS: usize = 96;

/// What was broken, where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: &'static str,
    /// How many steps had been taken.
    pub after: u32,
    pub text: String,
}

pub struct Played {
    pub violation: Option<Violation>,
    pub counts: Counts,
    pub digest: String,
}

pub struct Play<'a> {
    town: &'a Town,
    seed: u64,
    audit_every: u32,
    /// What may be true of each number.
    truths: BTreeMap<u32, BTreeSet<State>>,
    memories: BTreeMap<(u32, u32), Memory>,
    pnis: BTreeMap<u32, String>,
    /// Whose number each account was.
    accounts: BTreeMap<String, u32>,
    ledger: Ledger,
    names: Names,
    percent: u32,
    cache_away: bool,
    rounds: u32,
    counts: Counts,
    trace: Sha256,
}

impl<'a> Play<'a> {
    /// All rows are audited after every so many rounds.
    pub fn new(town: &'a Town, seed: u64, audit_every: u32) -> Self {
        Self {
            town,
            seed,
            audit_every,
            truths: BTreeMap::new(),
            memories: BTreeMap::new(),
            pnis: BTreeMap::new(),
            accounts: BTreeMap::new(),
            ledger: Ledger::default(),
            names: Names::default(),
            percent: 0,
            cache_away: false,
            rounds: 0,
            counts: Counts::default(),
            trace: Sha256::new(),
        }
    }

    pub async fn run(mut self, history: &[Event], mut progress: impl FnMut(&Counts)) -> Played {
        let mut result = Ok(());
        for events in history.chunk_by(|a, b| together(a) && together(b) && a.round == b.round) {
            result = self.events(events).await;
            progress(&self.counts);
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() {
            self.heal();
            result = self.audit().await;
        }
        self.counts.requests(&self.town.faults.take_seen());
        Played {
            violation: result.err().map(|(rule, text)| Violation { rule, after: self.counts.steps(), text }),
            digest: hex::encode(self.trace.finalize()),
            counts: self.counts,
        }
    }

    async fn events(&mut self, events: &[Event]) -> Result<(), (&'static str, String)> {
        match &events[0].what {
            What::Wait(time) => self.town.clock.advance(*time),
            What::Faults(percent) => self.percent = *percent,
            What::Cache(away) => self.set_cache_away(*away),
            What::Sweep { cut } => return self.sweep(events[0].id, *cut).await,
            What::Step(_) => return self.round(events).await,
        }
        self.counts.weather(&events[0].what);
        Ok(())
    }

    /// A sweep of all tables, and what it may have done to each number.
    async fn sweep(&mut self, id: u32, cut: Option<u32>) -> Result<(), (&'static str, String)> {
        self.counts.weather(&What::Sweep { cut });
        self.town.begin(self.seed ^ u64::from(id), self.percent, cut.is_some());
        let finished = self.town.sweep(cut).await;
        self.town.settle(true).await;
        let round = Round { now: self.town.now(), crowded: false, cache_away: self.cache_away, faulty: !finished };
        let numbers: Vec<u32> = self.truths.keys().copied().collect();
        for number in numbers {
            let told = Seen::Told(Told { status: 204, ..Told::default() });
            let seen = if finished { told } else { Seen::Lost };
            let heard = [Heard { op: Op { id, number, act: Act::Sweep }, seen }];
            self.settle_group(&BTreeSet::from([number]), &heard, round).await?;
        }
        let upset = self.names.owners_gone(&self.town.registry.storage).await;
        let upset = upset.map_err(|e| ("the store cannot be read", e.to_string()))?;
        self.names(Between { done: &[], now: round.now, quiet: false, upset }).await
    }

    fn set_cache_away(&mut self, away: bool) {
        self.cache_away = away;
        self.town.registry.storage.cache.set_away(away);
    }

    fn heal(&mut self) {
        self.set_cache_away(false);
        self.town.faults.heal();
    }

    async fn round(&mut self, events: &[Event]) -> Result<(), (&'static str, String)> {
        let steps = events.iter().filter_map(|event| match &event.what {
            What::Step(step) => Some((event.id, step)),
            _ => None,
        });
        let steps: Vec<(u32, &Step, [Memory; 2])> = steps.map(|(id, step)| (id, step, self.memories(step))).collect();
        let seed = self.seed ^ u64::from(events[0].id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hangs_up = steps.iter().any(|(_, step, _)| step.hangs_up.is_some());
        self.counts.requests(&self.town.faults.take_seen());
        // Two link tokens of one moment would be the same.
        self.town.clock.advance(Duration::from_millis(1));
        self.town.begin(seed, self.percent, steps.len() > 1 || hangs_up);
        let work = steps.iter().map(|(id, step, [here, there])| act::act(self.town, *id, step, here, there));
        let done: Vec<Done> = futures::future::join_all(work).await.into_iter().flatten().collect();
        self.counts.requests(&self.town.faults.take_seen());
        self.town.settle(self.percent > 0 || hangs_up).await;
        self.rounds += 1;
        let upset = self.upset(&done);
        self.learn(&done)?;
        self.explain(&done, hangs_up).await?;
        let quiet = done.len() == 1 && self.percent == 0 && !hangs_up && !self.cache_away;
        self.names(Between { done: &done, now: self.town.now(), quiet, upset }).await?;
        if self.rounds.is_multiple_of(self.audit_every) { self.audit().await } else { Ok(()) }
    }

    /// What the person remembers of the number, and of the other one that the step is about.
    fn memories(&self, step: &Step) -> [Memory; 2] {
        let other = match step.action {
            Action::Move(wish) => wish.to,
            _ => step.number,
        };
        [step.number, other].map(|number| self.memories.get(&(number, step.person)).cloned().unwrap_or_default())
    }

    /// Accounts that may be gone or have other devices by this.
    fn upset(&self, done: &[Done]) -> Vec<String> {
        let numbers: BTreeSet<u32> = done.iter().filter_map(|done| done.heard.op.upsets()).collect();
        let upset = self.accounts.iter().filter(|(_, home)| numbers.contains(home));
        upset.map(|(who, _)| who.clone()).collect()
    }

    async fn names(&mut self, between: Between<'_>) -> Result<(), (&'static str, String)> {
        let after = Names::look(&self.town.registry.storage).await;
        let after = after.map_err(|e| ("the store cannot be read", e.to_string()))?;
        self.names.became(&after, &between)?;
        self.names = after;
        Ok(())
    }

    /// What people now know, and what must be true of each answer by itself.
    fn learn(&mut self, done: &[Done]) -> Result<(), (&'static str, String)> {
        for Done { heard, .. } in done {
            if let Act::Upload { by, set } = &heard.op.act {
                self.ledger.uploaded(by.by, *set);
            }
        }
        for Done { step, heard, memory, pni, bundle } in done {
            self.counts.step(step, &heard.seen);
            self.trace.update(format!("{} {:?} {:?}\n", heard.op.id, heard.op.act, heard.seen));
            let mine = self.memories.entry((step.number, step.person)).or_default();
            mine.merge(memory);
            if matches!(&heard.seen, Seen::Told(told) if told.status == 500) {
                return Err(("a request failed in itself", format!("{} {:?}", heard.op.id, heard.op.act)));
            }
            if let (Some(pni), Act::Register(_) | Act::Move(_)) = (pni, &heard.op.act) {
                self.has_pni(heard.op.act.other_number().unwrap_or(step.number), pni)?;
            }
            if let Some(bundle) = bundle {
                let fetched = self.ledger.fetched(bundle, done.len() > 1);
                fetched.map_err(|rule| (rule, format!("{} {:?}: {bundle}", heard.op.id, heard.op.act)))?;
            }
        }
        Ok(())
    }

    fn has_pni(&mut self, number: u32, pni: &str) -> Result<(), (&'static str, String)> {
        let known = self.pnis.entry(number).or_insert_with(|| pni.to_owned());
        if known == pni { Ok(()) } else { Err(("a PNI changed", format!("number {number}"))) }
    }

    async fn audit(&mut self) -> Result<(), (&'static str, String)> {
        let audit = Audit::of(&self.town.registry.storage).await;
        self.counts.audits += 1;
        match audit.problems.first() {
            None => Ok(()),
            Some(_) => Err(("the rows do not fit together", audit.problems.join("\n"))),
        }
    }
}

const fn together(event: &Event) -> bool {
    matches!(event.what, What::Step(_))
}
