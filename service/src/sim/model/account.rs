//! What an account's own devices can do, and what it leaves when it goes (contract registration §11.8, §13.3).

use super::{Answer, Branch, CACHED, Credentials, DAY, Holder, PRIMARY, REMEMBERED, Round};
use super::{State, Who};

impl Holder {
    pub(super) fn is(&self, name: &str) -> bool {
        self.who == Who::Told(name.to_owned())
    }

    /// The registration that its primary device is of.
    pub fn by(&self) -> u32 {
        self.devices.get(&PRIMARY).map_or(0, |primary| primary.by)
    }

    /// Is this the password of one of its devices, and lets it in?
    pub(super) fn lets_in_device(&self, by: &Credentials) -> bool {
        let seat = self.devices.get(&by.device);
        self.is(&by.who) && seat.is_some_and(|seat| seat.by == by.by && !seat.frozen)
    }
}

pub const fn midnight(now: i64) -> i64 {
    now - now.rem_euclid(DAY)
}

impl State {
    pub(super) fn whoami(&self, by: &Credentials, now: i64) -> Vec<Branch> {
        let me = Who::Told(by.who.clone());
        self.let_in(by, now, |after| {
            let told = Answer { status: 200, verified: None, who: Some(me.clone()), device: None };
            vec![Branch { told: Some(told), after }]
        })
    }

    /// An account that is gone already is removed.
    pub(super) fn delete(&self, by: &Credentials, round: Round) -> Vec<Branch> {
        let mut branches = self.let_in(by, round.now, |inside| {
            match &inside.holder {
                // Let in by an old copy, and then looked at more closely.
                Some(holder) if holder.is(&by.who) && !holder.lets_in_device(by) => Vec::new(),
                Some(holder) if holder.is(&by.who) => vec![self.answers(204, inside.deleted(round))],
                _ => vec![self.answers(204, inside)],
            }
        });
        // They were let in, and then somebody else deleted the account.
        match &self.holder {
            Some(holder) if holder.is(&by.who) => {}
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
    pub(super) fn let_in(&self, by: &Credentials, now: i64, inside: impl Fn(Self) -> Vec<Branch>) -> Vec<Branch> {
        if self.holder.as_ref().is_some_and(|holder| holder.lets_in_device(by)) {
            // Whether a day is noted depends on the hour; the rows will tell.
            let mut seen = self.clone();
            let seat = seen.holder.as_mut().and_then(|holder| holder.devices.get_mut(&by.device));
            seat.into_iter().for_each(|seat| seat.seen = midnight(now));
            return [inside(self.clone()), inside(seen.clone()), vec![Self::untold(seen)]]
                .into_iter()
                .flatten()
                .collect();
        }
        let me = Who::Told(by.who.clone());
        let stale = self.stale.iter().any(|(who, of, until)| *who == me && *of == by.by && now < *until);
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

    /// The passwords of all devices are about to die. If the cache cannot be told, they are let in until its copy is too old.
    pub(super) fn outdate(&mut self, round: Round) {
        let devices = self.holder.iter().flat_map(|holder| holder.devices.keys().copied()).collect::<Vec<_>>();
        devices.into_iter().for_each(|device| self.outdate_device(device, round));
    }

    /// The same of one device.
    pub(super) fn outdate_device(&mut self, device: u8, round: Round) {
        let Some(holder) = self.holder.as_ref().filter(|_| round.cache_away) else { return };
        if let Some(seat) = holder.devices.get(&device).filter(|seat| !seat.frozen) {
            self.stale.push((holder.who.clone(), seat.by, round.now + CACHED));
        }
    }
}
