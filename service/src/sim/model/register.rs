//! A registration: proof, transfer, lock, one-time password, and then the number is theirs (contract registration §3.4, §3.5, §6).

use super::account::midnight;
use std::collections::BTreeMap;

use super::{
    Answer, Branch, DAY, Holder, LOCK_HOLDS, LockGuesses, MINUTE, PRIMARY, Proof, RECOVERY_LIVES, Registration,
};
use super::{Round, Seat, State, Who};

const GUESSES: i64 = 10;
const PAUSE: i64 = 5 * MINUTE;
/// A guess that nobody heard the end of keeps others out for so long.
const JUDGED_WITHIN: i64 = MINUTE / 4;

impl LockGuesses {
    fn left(&self, form: usize, now: i64) -> i64 {
        let left = |(taken, last): (i64, i64)| (GUESSES - taken + (now - last) / DAY).min(GUESSES);
        self.taken[form].map_or(GUESSES, left)
    }

    const fn paused(&self, now: i64) -> bool {
        matches!(self.paused_until, Some(until) if now < until)
    }

    fn counted(&self, form: usize, now: i64) -> Self {
        let mut taken = self.taken;
        taken[form] = Some((GUESSES - self.left(form, now) + 1, now));
        Self { taken, paused_until: Some(now + PAUSE) }
    }

    fn cleared(&self, form: usize) -> Self {
        let mut taken = self.taken;
        taken[form] = None;
        Self { taken, paused_until: None }
    }
}

impl Holder {
    pub fn is_locked(&self, now: i64) -> bool {
        let seen = self.devices.values().map(|seat| seat.seen).max().unwrap_or_default();
        self.lock.is_some() && now < seen + LOCK_HOLDS
    }

    const fn lets_in(&self, wish: &Registration) -> bool {
        match wish.totp {
            None => !self.totp,
            Some(right) => self.totp && right,
        }
    }
}

impl State {
    pub(super) fn register(&self, id: u32, wish: &Registration, round: Round) -> Vec<Branch> {
        match &wish.proof {
            Proof::Session(session) => self.with_session(*session, round.now, 401, |session| {
                match (wish.old_form, session.verified) {
                    // Sessions are begun for new forms only, so this one is of another number.
                    (true, _) => vec![self.stays(400)],
                    (false, false) => vec![self.stays(401)],
                    (false, true) => self.proved(id, wish, round),
                }
            }),
            Proof::Recovery(whose) => match self.recovery {
                Some((of, until)) if of == *whose && round.now < until => self.proved(id, wish, round),
                // It was looked at before somebody else took it away.
                _ if round.crowded => self.proved(id, wish, round).into_iter().chain([self.stays(403)]).collect(),
                _ => vec![self.stays(403)],
            },
            Proof::Aci { .. } if wish.leaves.is_none() => vec![self.stays(400)],
            Proof::Aci { who, recovery } => {
                let named = |holder: &&Holder| holder.is(who) && holder.recovery == Some(*recovery);
                match self.holder.as_ref().filter(named) {
                    Some(holder) => self.recovered(id, holder, wish, round),
                    None => vec![self.stays(403)],
                }
            }
        }
    }

    /// Recovery by ACI: the one-time password comes first, and the number stays as it is written.
    fn recovered(&self, id: u32, holder: &Holder, wish: &Registration, round: Round) -> Vec<Branch> {
        if !holder.lets_in(wish) {
            return vec![self.stays(441)];
        }
        self.proved(id, &Registration { old_form: holder.old_form, ..wish.clone() }, round)
    }

    fn proved(&self, id: u32, wish: &Registration, round: Round) -> Vec<Branch> {
        let mut branches = self.settled(id, wish, round);
        if round.crowded && wish.lock.is_some() {
            // A guess at the lock of an account that was taken or deleted before it could be frozen stays counted.
            let form = self.holder.as_ref().map_or(0, |holder| usize::from(holder.old_form));
            let counted = Self { lock: self.lock.counted(form, round.now), ..self.clone() };
            branches.extend(counted.settled(id, wish, round));
        }
        // Whether there is something to transfer was looked at before somebody else registered; or the lock was.
        if round.crowded && !wish.skips_transfer && self.holder.as_ref().is_some_and(|holder| holder.can_transfer) {
            branches.push(self.stays(409));
        }
        branches
    }

    fn settled(&self, id: u32, wish: &Registration, round: Round) -> Vec<Branch> {
        let Some(holder) = &self.holder else {
            let remembered = self.gone.as_ref().filter(|(_, until)| round.now < *until);
            let who = remembered.map_or(Who::Untold(id), |(who, _)| who.clone());
            return self.taken_by(id, who, wish, 201, round);
        };
        if holder.can_transfer && !wish.skips_transfer && !round.crowded {
            return vec![self.stays(409)];
        }
        if !holder.is_locked(round.now) {
            return self.unlocked(id, wish, round);
        }
        self.locked(id, holder, wish, round)
    }

    fn locked(&self, id: u32, holder: &Holder, wish: &Registration, round: Round) -> Vec<Branch> {
        let Some(sent) = wish.lock else { return self.shut(holder, wish, round) };
        let (form, now) = (usize::from(holder.old_form), round.now);
        let with = |lock| Self { lock, ..self.clone() };
        if self.lock.paused(now) || self.lock.left(form, now) < 1 {
            // The right lock was judged before the wrong one of this round, and written after it.
            let judged_before =
                round.crowded && self.lock.paused_until == Some(now + PAUSE) && holder.lock == Some(sent);
            let written = if judged_before { self.unlocked(id, wish, round) } else { Vec::new() };
            return written.into_iter().chain([self.stays(429)]).collect();
        }
        let counted = self.lock.counted(form, now);
        let mut branches = if holder.lock == Some(sent) {
            let cleared = with(self.lock.cleared(form));
            let mut branches = cleared.unlocked(id, wish, round);
            branches.push(Self::untold(cleared));
            branches
        } else {
            with(counted).shut(holder, wish, round)
        };
        // Cut off before the end: counted, or only kept the next one waiting for some seconds.
        branches.push(Self::untold(with(counted)));
        branches.push(Self::untold(with(LockGuesses { paused_until: Some(now + JUDGED_WITHIN), ..self.lock })));
        branches
    }

    /// The lock was not opened: nobody uses the account any more, and its recovery passwords go.
    fn shut(&self, holder: &Holder, wish: &Registration, round: Round) -> Vec<Branch> {
        let mut after = self.clone();
        after.outdate(round);
        let devices = holder.devices.iter().map(|(id, seat)| (*id, Seat { frozen: true, ..*seat })).collect();
        after.holder = Some(Holder { devices, recovery: None, ..holder.clone() });
        let asks_first = !matches!(wish.proof, Proof::Session(_)) && wish.lock.is_none();
        if !asks_first {
            after.recovery = None;
        }
        vec![self.answers(423, after)]
    }

    fn unlocked(&self, id: u32, wish: &Registration, round: Round) -> Vec<Branch> {
        let Some(holder) = &self.holder else { return Vec::new() };
        if !holder.lets_in(wish) {
            return vec![self.stays(441)];
        }
        self.taken_by(id, holder.who.clone(), wish, 200, round)
    }

    fn taken_by(&self, id: u32, who: Who, wish: &Registration, status: u16, round: Round) -> Vec<Branch> {
        let mut after = self.clone();
        after.outdate(round);
        after.holder = Some(Holder {
            who: who.clone(),
            devices: BTreeMap::from([(PRIMARY, Seat { by: id, seen: midnight(round.now), frozen: false })]),
            lock: wish.lock,
            recovery: wish.leaves,
            totp: false,
            can_transfer: wish.can_transfer,
            old_form: wish.old_form,
        });
        after.gone = None;
        if let Some(whose) = wish.leaves {
            after.recovery = Some((whose, round.now + RECOVERY_LIVES));
        }
        let taken = |after| Branch {
            told: Some(Answer { status, verified: None, who: Some(who.clone()), device: None }),
            after,
        };
        // The right guess that verified the session may only then get to closing the older way in, which is now the new one.
        let closed = round.crowded.then(|| taken(Self { recovery: None, ..after.clone() }));
        closed.into_iter().chain([taken(after)]).collect()
    }
}
