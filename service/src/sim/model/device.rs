//! Further devices and their keys (contract keys-devices §1, §3).
//!
//! Which one-time keys are left is not modelled; that none is served twice, and none for another registration, is watched by the
//! ledger (`ledger.rs`).

use super::account::midnight;
use super::{Answer, Branch, Credentials, MINUTE, MOST_DEVICES, PRIMARY, Round, Seat, State, mark};
use crate::sim::people;

pub const TOKEN_LIVES: i64 = 10 * MINUTE;

impl State {
    pub(super) fn token(&self, by: &Credentials, now: i64) -> Vec<Branch> {
        self.let_in(by, now, |inside| {
            let devices = inside.holder.as_ref().map_or(0, |holder| holder.devices.len());
            let status = match devices >= MOST_DEVICES {
                true => 411,
                false if by.device != PRIMARY => 401,
                false => 200,
            };
            let is_current = inside.holder.as_ref().is_some_and(|holder| holder.lets_in_device(by));
            // Let in by an old copy, one is answered by it.
            let statuses = if is_current { vec![status] } else { vec![200, 411] };
            statuses.into_iter().map(|status| self.answers(status, inside.clone())).collect()
        })
    }

    /// The order of contract §3.4, as far as more than one thing can be wrong here.
    pub(super) fn link(&self, id: u32, who: &str, made: i64, keys: (u32, u16), round: Round) -> Vec<Branch> {
        let Some(holder) = self.holder.as_ref().filter(|holder| holder.is(who)) else { return vec![self.stays(403)] };
        // Nobody uses an account whose lock somebody failed to open.
        let frozen = holder.devices.get(&PRIMARY).is_none_or(|primary| primary.frozen);
        if frozen || made + TOKEN_LIVES < round.now {
            return vec![self.stays(403)];
        }
        let signers = (mark(holder.by()), holder.pni());
        if !people::same_keys((mark(keys.0), keys.1), signers) {
            return vec![self.stays(422)];
        }
        if holder.devices.len() >= MOST_DEVICES {
            return vec![self.stays(411)];
        }
        if self.used_tokens.contains(&(who.to_owned(), made)) {
            return vec![self.stays(403)];
        }
        let mut after = self.clone();
        let free = (PRIMARY + 1..).find(|device| !holder.devices.contains_key(device));
        let device = free.expect("there are few devices");
        let seat = Seat { by: id, pni: mark(id), seen: midnight(round.now), frozen: false };
        if let Some(holder) = &mut after.holder {
            holder.devices.insert(device, seat);
        }
        after.used_tokens.insert((who.to_owned(), made));
        vec![Branch { told: Some(Answer { device: Some(device), ..answer(200) }), after }]
    }

    /// A device that is not there is removed.
    pub(super) fn unlink(&self, by: &Credentials, device: u8, round: Round) -> Vec<Branch> {
        let mut branches = self.let_in(by, round.now, |inside| {
            let Some(holder) = &inside.holder else { return Vec::new() };
            if !holder.lets_in_device(by) {
                // By an old copy, and then looked at more closely.
                return Vec::new();
            }
            let mut after = inside.clone();
            after.outdate_device(device, round);
            if let Some(holder) = &mut after.holder {
                holder.devices.remove(&device);
            }
            vec![self.answers(204, after)]
        });
        // They were let in, and then somebody else removed the device, or the account.
        let current = self.holder.as_ref().is_some_and(|holder| holder.lets_in_device(by));
        if !current && round.crowded {
            branches.push(self.stays(204));
        }
        branches
    }

    pub(super) fn upload(&self, by: &Credentials, round: Round) -> Vec<Branch> {
        self.let_in(by, round.now, |inside| {
            let current = inside.holder.as_ref().is_some_and(|holder| holder.lets_in_device(by));
            // By an old copy: the keys are of another installation by now.
            vec![self.answers(if current { 204 } else { 401 }, inside)]
        })
    }

    /// By somebody without an account, who knows the access key.
    pub(super) fn fetch(&self, who: &str) -> Vec<Branch> {
        match &self.holder {
            Some(holder) if holder.is(who) => vec![self.stays(200)],
            // An old copy may know the account still; its keys are gone.
            _ => vec![self.stays(401), self.stays(404)],
        }
    }
}

const fn answer(status: u16) -> Answer {
    Answer { status, verified: None, who: None, device: None }
}
