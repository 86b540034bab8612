//! A registration: proof, transfer, lock, one-time password, and then the number is theirs (contract registration §3.4, §3.5, §6).

use std::collections::{BTreeMap, BTreeSet};

use super::account::midnight;
use super::lock::AtLock;
use super::{Answer, Branch, Holder, PRIMARY, Proof, RECOVERY_LIVES, Registration, Round, Seat, State, Who, mark};

impl Holder {
    fn lets_in(&self, wish: &Registration) -> bool {
        match wish.totp {
            None => self.totp.is_empty(),
            Some(of) => of.is_some_and(|of| self.totp.contains(&of)),
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
        let at_lock = |(at, after): (AtLock, Self)| match at {
            AtLock::Opened => after.unlocked(id, wish, round),
            AtLock::Told(status) => vec![self.answers(status, after)],
            AtLock::Untold => vec![Self::untold(after)],
        };
        let by_session = matches!(wish.proof, Proof::Session(_));
        self.at_lock(wish.lock, by_session, round).into_iter().flat_map(at_lock).collect()
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
            devices: BTreeMap::from([(
                PRIMARY,
                Seat { by: id, pni: mark(id), seen: midnight(round.now), frozen: false },
            )]),
            lock: wish.lock,
            recovery: wish.leaves,
            totp: BTreeSet::new(),
            registered: round.now,
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
