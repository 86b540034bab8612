//! An account gets another number, and whoever has that number loses it (contract registration §10, §11.7).

use std::collections::BTreeSet;

use super::account::Entry;
use super::joint::{Joint, Outcome};
use super::lock::AtLock;
use super::{Answer, Holder, KEEPS_NUMBER, Move, Op, PRIMARY, Proof, REMEMBERED, Round, Seat, State, Who, mark};

impl Joint {
    pub(super) fn move_account(&self, op: &Op, wish: &Move, round: Round) -> Vec<Outcome> {
        let from = self.home(&wish.by.who).unwrap_or(op.number);
        let entry = |entry| match entry {
            Entry::In(state) => self.with(from, state).moved_by(op.id, from, wish, round),
            Entry::Refused => vec![self.told(401)],
            Entry::Untold(state) => vec![Outcome { told: None, after: self.with(from, state) }],
        };
        self.0[&from].entries(&wish.by, round.now).into_iter().flat_map(entry).collect()
    }

    /// In the order of contract §10.2.
    fn moved_by(&self, id: u32, from: u32, wish: &Move, round: Round) -> Vec<Outcome> {
        let holder = self.0[&from].holder.as_ref().filter(|holder| holder.lets_in_device(&wish.by));
        if wish.by.device != PRIMARY {
            return vec![self.told(403)];
        }
        // Let in by an old copy, and then looked at more closely.
        let Some(holder) = holder else { return vec![self.told(401)] };
        if from == wish.to && holder.old_form == wish.old_form {
            // So a client repeats itself.
            return self.executed(id, from, wish, round);
        }
        if round.now < holder.registered + KEEPS_NUMBER {
            return vec![self.told(429)];
        }
        let proved = |status| match status {
            None if from == wish.to => self.executed(id, from, wish, round),
            None => self.at_the_lock(id, from, wish, round),
            Some(status) => vec![self.told(status)],
        };
        self.proofs(wish, round).into_iter().flat_map(proved).collect()
    }

    /// How the proof of the new number may be judged: by a status that refuses it, or not.
    fn proofs(&self, wish: &Move, round: Round) -> BTreeSet<Option<u16>> {
        let target = &self.0[&wish.to];
        match wish.proof {
            Proof::Session(session) => {
                let judged = target.session(session, round.now).into_iter().map(|session| match session {
                    Some(_) if wish.old_form => Some(400),
                    Some(session) if session.verified => None,
                    _ => Some(401),
                });
                judged.collect()
            }
            Proof::Recovery(whose) => match target.recovery {
                Some((of, until)) if of == whose && round.now < until => BTreeSet::from([None]),
                // It was looked at before somebody else took it away.
                _ if round.crowded => BTreeSet::from([None, Some(403)]),
                _ => BTreeSet::from([Some(403)]),
            },
            Proof::Aci { .. } => unreachable!("a move is not proved by an ACI"),
        }
    }

    fn at_the_lock(&self, id: u32, from: u32, wish: &Move, round: Round) -> Vec<Outcome> {
        let by_session = matches!(wish.proof, Proof::Session(_));
        let at_lock = |(at, state)| {
            let after = self.with(wish.to, state);
            match at {
                AtLock::Opened => after.executed(id, from, wish, round),
                AtLock::Told(status) => vec![Outcome { told: Some(answer(status, None)), after }],
                AtLock::Untold => vec![Outcome { told: None, after }],
            }
        };
        self.0[&wish.to].at_lock(wish.lock, by_session, round).into_iter().flat_map(at_lock).collect()
    }

    fn executed(&self, id: u32, from: u32, wish: &Move, round: Round) -> Vec<Outcome> {
        let mut after = self.clone();
        let Some(mover) = after.0.get_mut(&from).and_then(|state| state.holder.take()) else { return Vec::new() };
        if mover.devices.keys().copied().collect::<BTreeSet<u8>>() != wish.devices {
            return vec![self.told(409)];
        }
        let who = mover.who.clone();
        if from != wish.to {
            after.hand_over(from, wish.to, &who, round);
        }
        let devices = mover.devices.iter().map(|(device, seat)| (*device, Seat { pni: mark(id), ..*seat })).collect();
        if let Some(target) = after.0.get_mut(&wish.to) {
            target.holder = Some(Holder { devices, old_form: wish.old_form, ..mover });
        }
        vec![Outcome { told: Some(answer(200, Some(who))), after }]
    }

    /// Whoever has the new number loses it, and is remembered by the old one. What belongs to an account goes where it goes.
    fn hand_over(&mut self, from: u32, to: u32, mover: &Who, round: Round) {
        let (Some(mut old), Some(mut new)) = (self.0.remove(&from), self.0.remove(&to)) else { return };
        new.outdate(round);
        let remembered = new.gone.take().filter(|(_, until)| round.now < *until).map(|(who, _)| who);
        let displaced = new.holder.take().map(|holder| holder.who).or(remembered);
        old.gone = displaced.clone().map(|who| (who, round.now + REMEMBERED));
        (old.recovery, new.recovery) = (None, None);
        std::mem::swap(&mut old.lock.paused_until, &mut new.lock.paused_until);
        let (stale, tokens): (Vec<_>, BTreeSet<_>) = (
            old.stale.drain(..).chain(new.stale.drain(..)).collect(),
            std::mem::take(&mut old.used_tokens).into_iter().chain(std::mem::take(&mut new.used_tokens)).collect(),
        );
        (new.stale, old.stale) = stale.into_iter().partition(|(who, _, _)| who == mover);
        (new.used_tokens, old.used_tokens) = tokens.into_iter().partition(|(who, _)| Who::Told(who.clone()) == *mover);
        self.0.extend([(from, old), (to, new)]);
    }

    fn with(&self, number: u32, state: State) -> Self {
        let mut joint = self.clone();
        joint.0.insert(number, state);
        joint
    }

    fn told(&self, status: u16) -> Outcome {
        Outcome { told: Some(answer(status, None)), after: self.clone() }
    }
}

const fn answer(status: u16, who: Option<Who>) -> Answer {
    Answer { status, verified: None, who, device: None }
}
