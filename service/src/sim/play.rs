//! A history played against a registry, with the reference model looking on. What has to hold:
//!
//! - every answer, and the rows after every round, fit at least one truth (`model.rs`, `explain.rs`);
//! - a number's PNI never changes, and no ACI is ever of two numbers;
//! - a request fails only when something was wrong, and never with 500;
//! - the keys of an account are all of the registration that made it (`stored.rs`), and no one-time key is served twice (`ledger.rs`);
//! - every row of every table fits every other (`audit.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::act::{self, Done};
use super::audit::Audit;
use super::explain::{self, Heard, Seen};
use super::history::{Event, Step, What};
use super::ledger::Ledger;
use super::model::{Act, Round, State};
use super::people::Memory;
use super::report::Counts;
use super::stored;
use super::town::Town;

/// So many possible truths of one number are more than can be told apart by and by; its sessions are then given up.
const MOST_TRUTHS: usize = 96;
const AUDIT_EVERY: u32 = 40;

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
    /// What may be true of each number.
    truths: BTreeMap<u32, BTreeSet<State>>,
    memories: BTreeMap<(u32, u32), Memory>,
    pnis: BTreeMap<u32, String>,
    /// Whose number each account was.
    accounts: BTreeMap<String, u32>,
    ledger: Ledger,
    percent: u32,
    cache_away: bool,
    rounds: u32,
    counts: Counts,
    trace: Sha256,
}

impl<'a> Play<'a> {
    pub fn new(town: &'a Town, seed: u64) -> Self {
        Self {
            town,
            seed,
            truths: BTreeMap::new(),
            memories: BTreeMap::new(),
            pnis: BTreeMap::new(),
            accounts: BTreeMap::new(),
            ledger: Ledger::default(),
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
            What::Sweep => self.town.registry.sweep().await,
            What::Step(_) => return self.round(events).await,
        }
        self.counts.weather(&events[0].what);
        Ok(())
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
        let steps: Vec<(u32, &Step, Memory)> = steps.map(|(id, step)| (id, step, self.memory(step))).collect();
        let seed = self.seed ^ u64::from(events[0].id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hangs_up = steps.iter().any(|(_, step, _)| step.hangs_up.is_some());
        self.counts.requests(&self.town.faults.take_seen());
        // Two link tokens of one moment would be the same.
        self.town.clock.advance(Duration::from_millis(1));
        self.town.begin(seed, self.percent, steps.len() > 1 || hangs_up);
        let work = steps.iter().map(|(id, step, memory)| act::act(self.town, *id, step, memory));
        let done: Vec<Done> = futures::future::join_all(work).await.into_iter().flatten().collect();
        self.counts.requests(&self.town.faults.take_seen());
        self.town.settle(self.percent > 0 || hangs_up).await;
        self.rounds += 1;
        self.learn(&done)?;
        self.explain(&done, hangs_up).await?;
        if self.rounds.is_multiple_of(AUDIT_EVERY) { self.audit().await } else { Ok(()) }
    }

    fn memory(&self, step: &Step) -> Memory {
        self.memories.get(&(step.number, step.person)).cloned().unwrap_or_default()
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
            if let Seen::Told(told) = &heard.seen {
                if told.status == 500 {
                    return Err(("a request failed in itself", format!("{} {:?}", heard.op.id, heard.op.act)));
                }
                if let Some(who) = &told.who {
                    self.belongs(who, step.number)?;
                }
            }
            if let Some(pni) = pni {
                self.has_pni(step.number, pni)?;
            }
            if let Some(bundle) = bundle {
                let fetched = self.ledger.fetched(bundle, done.len() > 1);
                fetched.map_err(|rule| (rule, format!("{} {:?}: {bundle}", heard.op.id, heard.op.act)))?;
            }
        }
        Ok(())
    }

    fn belongs(&mut self, who: &str, number: u32) -> Result<(), (&'static str, String)> {
        let owner = *self.accounts.entry(who.to_owned()).or_insert(number);
        if owner == number {
            Ok(())
        } else {
            Err(("an ACI is of two numbers", format!("numbers {owner} and {number}")))
        }
    }

    fn has_pni(&mut self, number: u32, pni: &str) -> Result<(), (&'static str, String)> {
        let known = self.pnis.entry(number).or_insert_with(|| pni.to_owned());
        if known == pni { Ok(()) } else { Err(("a PNI changed", format!("number {number}"))) }
    }

    async fn explain(&mut self, done: &[Done], hangs_up: bool) -> Result<(), (&'static str, String)> {
        let numbers: BTreeSet<u32> = done.iter().map(|done| done.step.number).collect();
        for number in numbers {
            let heard: Vec<Heard> =
                done.iter().filter(|done| done.step.number == number).map(|done| done.heard.clone()).collect();
            let round = Round {
                now: self.town.now(),
                crowded: heard.len() > 1,
                cache_away: self.cache_away,
                faulty: self.percent > 0 || hangs_up,
            };
            if !(round.faulty || round.crowded || round.cache_away)
                && let Some(lost) = heard.iter().find(|one| one.seen == Seen::Lost)
            {
                return Err(("a request failed for no reason", format!("{:?}", lost.op)));
            }
            let before = self.truths.remove(&number).unwrap_or_else(|| BTreeSet::from([State::default()]));
            let after = self.judge(number, &before, &heard, round).await?;
            self.truths.insert(number, after);
        }
        Ok(())
    }

    /// What may be true of a number after a round: it explains the answers, and the rows agree.
    async fn judge(
        &mut self,
        number: u32,
        before: &BTreeSet<State>,
        heard: &[Heard],
        round: Round,
    ) -> Result<BTreeSet<State>, (&'static str, String)> {
        let after = explain::explain(before, heard, round);
        let result = if after.is_empty() {
            Err((explain::charge(before, heard, round), told(number, before, heard, round)))
        } else {
            self.compare(number, after, heard, round).await
        };
        if result.is_ok() || !(round.crowded && round.faulty) {
            return result;
        }
        let after = explain::explain_twice(before, heard, round);
        let excused = self.compare(number, after, heard, round).await;
        self.counts.twice += u32::from(excused.is_ok());
        excused.or(result)
    }

    /// Keeps the truths that the rows agree with.
    async fn compare(
        &mut self,
        number: u32,
        truths: BTreeSet<State>,
        heard: &[Heard],
        round: Round,
    ) -> Result<BTreeSet<State>, (&'static str, String)> {
        let found = stored::look(&self.town.registry.storage, number).await;
        let found = found.map_err(|e| ("the store cannot be read", format!("number {number}: {e}")))?;
        self.trace.update(format!("{number} {:?}\n", found.rows));
        if let Some(wrong) = found.wrong {
            return Err((wrong, told(number, &truths, heard, round)));
        }
        if let Some(pni) = &found.pni {
            self.has_pni(number, pni)?;
        }
        if let Some(holder) = &found.rows.holder {
            self.belongs(&holder.who, number)?;
        }
        let mut agreeing: BTreeSet<State> =
            truths.iter().filter_map(|truth| truth.agreeing_with(&found.rows, round.now)).collect();
        if agreeing.is_empty() {
            let text = format!("{}the rows say {:#?}\n", told(number, &truths, heard, round), found.rows);
            return Err(("the rows are not what the answers say", text));
        }
        if agreeing.len() > MOST_TRUTHS {
            agreeing = self.give_sessions_up(number, agreeing);
        }
        self.counts.truths(agreeing.len());
        Ok(agreeing)
    }

    fn give_sessions_up(&mut self, number: u32, truths: BTreeSet<State>) -> BTreeSet<State> {
        self.counts.given_up += 1;
        for ((of, _), memory) in &mut self.memories {
            if *of == number {
                (memory.session, memory.code) = (None, None);
            }
        }
        truths.into_iter().map(|truth| State { sessions: BTreeMap::new(), ..truth }).collect()
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

fn told(number: u32, truths: &BTreeSet<State>, heard: &[Heard], round: Round) -> String {
    let heard: String =
        heard.iter().map(|one| format!("  {} {:?} -> {:?}\n", one.op.id, one.op.act, one.seen)).collect();
    let truths: String = truths.iter().take(3).map(|truth| format!("  {truth:?}\n")).collect();
    format!("number {number}, {round:?}\n{heard} what may have been true:\n{truths}")
}
