//! What may be true after a round: it explains every answer, and the rows agree. Numbers between which somebody moves are judged
//! together, all others alone.

use std::collections::{BTreeMap, BTreeSet};

use sha2::Digest as _;

use super::{MOST_TRUTHS, Play};
use crate::sim::act::Done;
use crate::sim::explain::{self, Heard, Seen};
use crate::sim::history::PERSONS;
use crate::sim::model::{Joint, PRIMARY, Round, RowHolder, Rows, State};
use crate::sim::stored;

impl Play<'_> {
    pub(super) async fn explain(&mut self, done: &[Done], hangs_up: bool) -> Result<(), (&'static str, String)> {
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

    pub(super) async fn settle_group(
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
