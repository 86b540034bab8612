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
use super::history::{Action, Event, PERSONS, Step, What};
use super::ledger::Ledger;
use super::model::{Act, Joint, Op, PRIMARY, Round, RowHolder, Rows, State, Told};
use super::names::{Between, Names};
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
    names: Names,
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
        if self.rounds.is_multiple_of(AUDIT_EVERY) { self.audit().await } else { Ok(()) }
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

    async fn explain(&mut self, done: &[Done], hangs_up: bool) -> Result<(), (&'static str, String)> {
        for numbers in groups(done) {
            let of_group = done.iter().filter(|done| numbers.contains(&done.heard.op.number));
            let heard: Vec<Heard> = of_group.map(|done| done.heard.clone()).collect();
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
            self.settle_group(&numbers, &heard, round).await?;
        }
        Ok(())
    }

    async fn settle_group(
        &mut self,
        numbers: &BTreeSet<u32>,
        heard: &[Heard],
        round: Round,
    ) -> Result<(), (&'static str, String)> {
        let before = self.before(numbers);
        let after = self.judge(&before, heard, round).await?;
        for number in numbers {
            let truths = after.iter().filter_map(|truth| truth.0.get(number).cloned()).collect();
            self.truths.insert(*number, truths);
        }
        Ok(())
    }

    /// What may be true of these numbers together: anything that may be true of each, since the rows have told who has which.
    fn before(&mut self, numbers: &BTreeSet<u32>) -> BTreeSet<Joint> {
        let mut together = BTreeSet::from([Joint::default()]);
        for number in numbers {
            let mut truths = self.truths.remove(number).unwrap_or_else(|| BTreeSet::from([State::default()]));
            if together.len() * truths.len() > MOST_TRUTHS {
                truths = self.give_sessions_up(*number, truths);
            }
            let with = |truth: &Joint, state: &State| {
                let mut truth = truth.clone();
                truth.0.insert(*number, state.clone());
                truth
            };
            together = together.iter().flat_map(|truth| truths.iter().map(move |state| with(truth, state))).collect();
        }
        together
    }

    /// What may be true after a round: it explains the answers, and the rows agree.
    async fn judge(
        &mut self,
        before: &BTreeSet<Joint>,
        heard: &[Heard],
        round: Round,
    ) -> Result<BTreeSet<Joint>, (&'static str, String)> {
        let after = explain::explain(before, heard, round);
        let result = if after.is_empty() {
            Err((explain::charge(before, heard, round), told(before, heard, round)))
        } else {
            self.compare(after, heard, round).await
        };
        if result.is_ok() || !(round.crowded && round.faulty) {
            return result;
        }
        let after = explain::explain_twice(before, heard, round);
        let excused = if after.is_empty() { result.clone() } else { self.compare(after, heard, round).await };
        self.counts.twice += u32::from(excused.is_ok());
        excused.or(result)
    }

    /// Keeps the truths that the rows agree with.
    async fn compare(
        &mut self,
        truths: BTreeSet<Joint>,
        heard: &[Heard],
        round: Round,
    ) -> Result<BTreeSet<Joint>, (&'static str, String)> {
        let numbers: Vec<u32> = truths.first().map(|truth| truth.0.keys().copied().collect()).unwrap_or_default();
        let mut rows = BTreeMap::new();
        for number in &numbers {
            let found = stored::look(&self.town.registry.storage, *number).await;
            let found = found.map_err(|e| ("the store cannot be read", format!("number {number}: {e}")))?;
            self.trace.update(format!("{number} {:?}\n", found.rows));
            if let Some(wrong) = found.wrong {
                return Err((wrong, told(&truths, heard, round)));
            }
            if let Some(pni) = &found.pni {
                self.has_pni(*number, pni)?;
            }
            rows.insert(*number, found.rows);
        }
        let agreeing: BTreeSet<Joint> =
            truths.iter().filter_map(|truth| truth.agreeing_with(&rows, round.now)).collect();
        if agreeing.is_empty() {
            let text = format!("{}the rows say {rows:#?}\n", told(&truths, heard, round));
            return Err(("the rows are not what the answers say", text));
        }
        self.homes(&rows)?;
        self.counts.truths(agreeing.len());
        if agreeing.len() <= MOST_TRUTHS {
            return Ok(agreeing);
        }
        let mut fewer = agreeing;
        for number in numbers {
            self.forget_sessions(number);
            fewer = fewer.into_iter().map(|truth| truth.without_sessions(number)).collect();
        }
        Ok(fewer)
    }

    /// Where each account is now. It may have moved between the numbers of one round, and nowhere else; what people remember of it
    /// goes with it.
    fn homes(&mut self, rows: &BTreeMap<u32, Rows>) -> Result<(), (&'static str, String)> {
        for (&number, found) in rows {
            let holder = found.holder.as_ref().map(|holder| &holder.who);
            for who in holder.into_iter().chain(&found.gone) {
                let home = self.accounts.insert(who.clone(), number).unwrap_or(number);
                if !rows.contains_key(&home) {
                    return Err(("an ACI is of two numbers", format!("numbers {home} and {number}")));
                }
                if home != number {
                    self.carry(who, home, number);
                }
            }
            if let Some(holder) = &found.holder {
                self.tell_keys(number, holder);
            }
        }
        Ok(())
    }

    fn carry(&mut self, who: &str, from: u32, to: u32) {
        for person in 0..PERSONS {
            let carried = self.memories.get_mut(&(from, person)).map(|memory| memory.give_up(who));
            self.memories.entry((to, person)).or_default().merge(&carried.unwrap_or_default());
        }
    }

    /// Whoever moved and was not told so knows by which keys the account goes now: its devices tell each other.
    fn tell_keys(&mut self, number: u32, holder: &RowHolder) {
        let pni = holder.devices.get(&PRIMARY).map_or(0, |primary| primary.pni);
        for person in 0..PERSONS {
            let memory = self.memories.entry((number, person)).or_default();
            memory.accounts.iter_mut().filter(|owned| owned.who == holder.who).for_each(|owned| owned.pni = pni);
        }
    }

    fn give_sessions_up(&mut self, number: u32, truths: BTreeSet<State>) -> BTreeSet<State> {
        self.forget_sessions(number);
        truths.into_iter().map(State::without_sessions).collect()
    }

    fn forget_sessions(&mut self, number: u32) {
        self.counts.given_up += 1;
        for ((of, _), memory) in &mut self.memories {
            if *of == number {
                (memory.session, memory.code) = (None, None);
            }
        }
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

/// The numbers of a round, and which of them are to be judged together.
fn groups(done: &[Done]) -> Vec<BTreeSet<u32>> {
    let mut groups: Vec<BTreeSet<u32>> = Vec::new();
    for op in done.iter().map(|done| &done.heard.op) {
        let mut group = BTreeSet::from([op.number]);
        group.extend(op.act.other_number());
        let (touched, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(|other| !other.is_disjoint(&group));
        group.extend(touched.into_iter().flatten());
        groups = apart;
        groups.push(group);
    }
    groups.sort();
    groups
}

fn told(truths: &BTreeSet<Joint>, heard: &[Heard], round: Round) -> String {
    let heard: String =
        heard.iter().map(|one| format!("  {} {:?} -> {:?}\n", one.op.id, one.op.act, one.seen)).collect();
    let truths: String = truths.iter().take(3).map(|truth| format!("  {truth:?}\n")).collect();
    format!("{round:?}\n{heard} what may have been true:\n{truths}")
}
