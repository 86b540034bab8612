//! What an account's own devices can do, and what it leaves when it goes (contract registration §11.8, §13.3).

use super::{Answer, Branch, CACHED, DAY, Holder, REMEMBERED, Round};
use super::{State, Who};

impl Holder {
    pub(super) fn is(&self, name: &str) -> bool {
        self.who == Who::Told(name.to_owned())
    }
}

pub const fn midnight(now: i64) -> i64 {
    now - now.rem_euclid(DAY)
}

impl State {
    pub(super) fn whoami(&self, name: &str, by: u32, now: i64) -> Vec<Branch> {
        let me = Who::Told(name.to_owned());
        self.let_in(&me, by, now, |after| {
            vec![Branch { told: Some(Answer { status: 200, verified: None, who: Some(me.clone()) }), after }]
        })
    }

    /// An account that is gone already is removed.
    pub(super) fn delete(&self, name: &str, by: u32, round: Round) -> Vec<Branch> {
        let me = Who::Told(name.to_owned());
        let mut branches = self.let_in(&me, by, round.now, |inside| {
            match &inside.holder {
                // Let in by an old copy, and then looked at more closely.
                Some(holder) if holder.is(name) && (holder.by != by || holder.frozen) => Vec::new(),
                Some(holder) if holder.is(name) => vec![self.answers(204, inside.deleted(round))],
                _ => vec![self.answers(204, inside)],
            }
        });
        // They were let in, and then somebody else deleted the account.
        match &self.holder {
            Some(holder) if holder.is(name) => {}
            _ if round.crowded => branches.push(self.stays(204)),
            _ => {}
        }
        branches
    }

    fn deleted(&self, round: Round) -> Self {
        let mut after = self.clone();
        after.outdate(round);
        after.gone = after.holder.take().map(|holder| (holder.who, round.now + REMEMBERED));
        after.recovery = None;
        after
    }

    /// What `inside` says to the device with this password; 401 to any other.
    fn let_in(&self, me: &Who, by: u32, now: i64, inside: impl Fn(Self) -> Vec<Branch>) -> Vec<Branch> {
        let current = self.holder.as_ref().is_some_and(|holder| holder.who == *me && holder.by == by && !holder.frozen);
        if current {
            // Whether a day is noted depends on the hour; the rows will tell.
            let mut seen = self.clone();
            seen.holder.iter_mut().for_each(|holder| holder.seen = midnight(now));
            return [inside(self.clone()), inside(seen.clone()), vec![Self::untold(seen)]]
                .into_iter()
                .flatten()
                .collect();
        }
        let stale = self.stale.iter().any(|(who, of, until)| who == me && *of == by && now < *until);
        let mut branches = vec![self.stays(401)];
        if stale {
            branches.extend(inside(self.clone()));
        }
        branches
    }

    pub(super) fn change(&self, name: &str, change: impl Fn(&mut Holder)) -> Vec<Branch> {
        let mut after = self.clone();
        let holder = after.holder.as_mut().filter(|holder| holder.is(name));
        holder.map(change);
        vec![self.answers(204, after)]
    }

    /// The holder's password is about to die. If the cache cannot be told, it is let in until its copy is too old.
    pub(super) fn outdate(&mut self, round: Round) {
        if round.cache_away
            && let Some(holder) = self.holder.as_ref().filter(|holder| !holder.frozen)
        {
            self.stale.push((holder.who.clone(), holder.by, round.now + CACHED));
        }
    }
}
