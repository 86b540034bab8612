//! What an account's own devices can do, and what it leaves when it goes (contract registration §11.8, §13.3).

use super::{Answer, Branch, CACHED, DAY, Holder, REMEMBERED, Round, State, Who};

impl Holder {
    fn is(&self, name: &str) -> bool {
        self.who == Who::Told(name.to_owned())
    }
}

pub const fn midnight(now: i64) -> i64 {
    now - now.rem_euclid(DAY)
}

impl State {
    pub(super) fn whoami(&self, name: &str, by: u32, now: i64) -> Vec<Branch> {
        let me = Some(Who::Told(name.to_owned()));
        let let_in = |after| Branch { told: Some(Answer { status: 200, verified: None, who: me.clone() }), after };
        let current = self.holder.as_ref().filter(|holder| holder.is(name) && holder.by == by && !holder.frozen);
        let mut branches = match current {
            Some(_) => {
                // Whether a day is noted depends on the hour; the rows will tell.
                let mut seen = self.clone();
                seen.holder.iter_mut().for_each(|holder| holder.seen = midnight(now));
                vec![let_in(self.clone()), let_in(seen)]
            }
            None => vec![self.stays(401)],
        };
        let stale = |(who, of, until): &(Who, u32, i64)| Some(who) == me.as_ref() && *of == by && now < *until;
        if current.is_none() && self.stale.iter().any(stale) {
            branches.push(let_in(self.clone()));
        }
        branches
    }

    /// To an account that is not there, nothing happens.
    pub(super) fn delete(&self, name: &str, round: Round) -> Vec<Branch> {
        let Some(holder) = self.holder.as_ref().filter(|holder| holder.is(name)) else { return vec![self.stays(204)] };
        let mut after = self.clone();
        after.gone = Some((holder.who.clone(), round.now + REMEMBERED));
        after.outdate(round);
        (after.holder, after.recovery) = (None, None);
        vec![self.answers(204, after)]
    }

    pub(super) fn change(&self, name: &str, change: impl Fn(&mut Holder)) -> Vec<Branch> {
        let mut after = self.clone();
        let holder = after.holder.as_mut().filter(|holder| holder.is(name));
        holder.map(change);
        vec![self.answers(204, after)]
    }

    /// The holder's password is about to die. If the cache cannot be told, it is let in until its copy has expired.
    pub(super) fn outdate(&mut self, round: Round) {
        if round.cache_away
            && let Some(holder) = self.holder.as_ref().filter(|holder| !holder.frozen)
        {
            self.stale.push((holder.who.clone(), holder.by, round.now + CACHED));
        }
    }
}
