//! What nobody used for long goes when the registry is swept (contract registration §13.3). The ages are short, so that it comes to
//! that.

use super::{Branch, DAY, PRIMARY, Round, State};

pub const IDLE_LINKED: i64 = 10 * DAY;
pub const IDLE_ACCOUNT: i64 = 16 * DAY;
pub const IDLE_PRIMARY: i64 = 40 * DAY;

impl State {
    /// A sweep that nobody heard the end of may have taken some of it away.
    pub(super) fn sweep(&self, round: Round) -> Vec<Branch> {
        let Some(holder) = &self.holder else { return vec![self.stays(204)] };
        let unseen_for = |seen: i64, age: i64| seen + age < round.now;
        let last_seen = holder.devices.values().map(|seat| seat.seen).max().unwrap_or_default();
        let primary_seen = holder.devices.get(&PRIMARY).map_or(0, |primary| primary.seen);
        if unseen_for(last_seen, IDLE_ACCOUNT) || unseen_for(primary_seen, IDLE_PRIMARY) {
            return vec![self.answers(204, self.deleted(round))];
        }
        let is_idle = |id: u8, seen: i64| id != PRIMARY && unseen_for(seen, IDLE_LINKED);
        let idle = holder.devices.iter().filter(|(id, seat)| is_idle(**id, seat.seen)).map(|(id, _)| *id);
        let mut some = vec![self.clone()];
        for device in idle {
            let without: Vec<Self> = some.iter().map(|state| state.without_device(device, round)).collect();
            some.extend(without);
        }
        let all = some.pop().unwrap_or_default();
        some.into_iter().map(Self::untold).chain([self.answers(204, all)]).collect()
    }

    fn without_device(&self, device: u8, round: Round) -> Self {
        let mut after = self.clone();
        after.outdate_device(device, round);
        if let Some(holder) = &mut after.holder {
            holder.devices.remove(&device);
        }
        after
    }
}
