//! What an account's own devices can do, and what it leaves when it goes (contract registration §11.8, §13.3).

use super::{Answer, Branch, CACHED, Credentials, DAY, Holder, PRIMARY, REMEMBERED, Round};
use super::{State, Who};

const MOST_TOTP_KEYS: usize = 2;

impl Holder {
    pub(super) fn is(&self, name: &str) -> bool {
        self.who == Who::Told(name.to_owned())
    }

    /// The registration that its primary device is of.
    pub fn by(&self) -> u32 {
        self.devices.get(&PRIMARY).map_or(0, |primary| primary.by)
    }

    /// The mark of the registration or move that its identity key for the PNI is of.
    pub fn pni(&self) -> u16 {
        self.devices.get(&PRIMARY).map_or(0, |primary| primary.pni)
    }

    /// Is this the password of one of its devices, and lets it in?
    pub(super) fn lets_in_device(&self, by: &Credentials) -> bool {
        let seat = self.devices.get(&by.device);
        self.is(&by.who) && seat.is_some_and(|seat| seat.by == by.by && !seat.frozen)
    }
}

/// What may come of a password at the door.
pub enum Entry {
    In(State),
    Refused,
    /// Nobody was told anything, but the day was noted.
    Untold(State),
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

    pub(super) fn deleted(&self, round: Round) -> Self {
        let mut after = self.clone();
        after.outdate(round);
        after.gone = after.holder.take().map(|holder| (holder.who, round.now + REMEMBERED));
        after.recovery = None;
        after
    }

    /// What `inside` says to the device with this password; 401 to any other.
    pub(super) fn let_in(&self, by: &Credentials, now: i64, inside: impl Fn(Self) -> Vec<Branch>) -> Vec<Branch> {
        let entry = |entry| match entry {
            Entry::In(state) => inside(state),
            Entry::Refused => vec![self.stays(401)],
            Entry::Untold(state) => vec![Self::untold(state)],
        };
        self.entries(by, now).into_iter().flat_map(entry).collect()
    }

    /// How this password may fare at the door.
    pub(super) fn entries(&self, by: &Credentials, now: i64) -> Vec<Entry> {
        if self.holder.as_ref().is_some_and(|holder| holder.lets_in_device(by)) {
            // Whether a day is noted depends on the hour; the rows will tell.
            let mut seen = self.clone();
            let seat = seen.holder.as_mut().and_then(|holder| holder.devices.get_mut(&by.device));
            seat.into_iter().for_each(|seat| seat.seen = midnight(now));
            return vec![Entry::In(self.clone()), Entry::In(seen.clone()), Entry::Untold(seen)];
        }
        let me = Who::Told(by.who.clone());
        let stale = self.stale.iter().any(|(who, of, until)| *who == me && *of == by.by && now < *until);
        if stale { vec![Entry::Refused, Entry::In(self.clone())] } else { vec![Entry::Refused] }
    }

    /// A key is made, and then confirmed by a code of it.
    pub(super) fn totp(&self, id: u32, by: &Credentials, round: Round) -> Vec<Branch> {
        let inside = |inside: Self| {
            let holder = inside.holder.clone().filter(|holder| holder.lets_in_device(by));
            // Let in by an old copy, and then looked at more closely.
            let Some(mut holder) = holder else { return vec![self.answers(401, inside)] };
            if holder.totp.len() >= MOST_TOTP_KEYS {
                return vec![self.answers(409, inside)];
            }
            holder.totp.insert(id);
            vec![self.answers(200, Self { holder: Some(holder), ..inside })]
        };
        let mut branches = self.let_in(by, round.now, inside);
        if round.crowded {
            // Somebody else's key took this one's place, or was confirmed first; or the account changed hands between the two.
            branches.extend([409, 441, 401].map(|status| self.stays(status)));
        }
        branches
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
