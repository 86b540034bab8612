//! What the store holds of a number, in the model's words: one more thing that has to fit.

use std::collections::BTreeMap;

use super::{Holder, Joint, Seat, State, Who};

#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub holder: Option<RowHolder>,
    pub gone: Option<String>,
    pub recovery: bool,
}

#[derive(Clone, Debug)]
pub struct RowHolder {
    pub who: String,
    pub devices: BTreeMap<u8, RowSeat>,
    pub has_lock: bool,
    pub recovery: bool,
    /// How many keys for one-time passwords.
    pub totp: usize,
    pub registered: i64,
    pub can_transfer: bool,
    pub old_form: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSeat {
    /// The number that the registration or link gave itself; see [`mark`].
    pub mark: u16,
    /// The same of what gave it its id for the PNI.
    pub pni: u16,
    pub seen: i64,
    pub frozen: bool,
}

/// The registration id by which a registration or link is recognised: 14 bits, so it repeats after sixteen thousand.
pub fn mark(id: u32) -> u16 {
    u16::try_from(1 + id % 16_383).expect("14 bits")
}

impl State {
    /// If the rows do not contradict this truth: the names of accounts that had none.
    fn names_by(&self, rows: &Rows, now: i64) -> Option<Vec<(u32, String)>> {
        let mut names = Vec::new();
        match (&self.holder, &rows.holder) {
            (None, None) => {}
            (Some(holder), Some(row)) if holder.agrees(row) => {
                if let Who::Untold(id) = holder.who {
                    names.push((id, row.who.clone()));
                }
            }
            _ => return None,
        }
        let remembered = self.gone.as_ref().filter(|(_, until)| now < *until);
        let forgets = match (remembered, &rows.gone) {
            (Some((Who::Told(who), _)), Some(gone)) => who != gone,
            (Some(_), None) => true,
            _ => false,
        };
        if let (Some((Who::Untold(id), _)), Some(gone)) = (remembered, &rows.gone) {
            names.push((*id, gone.clone()));
        }
        let recovers = self.recovery.is_some_and(|(_, until)| now < until);
        (!forgets && recovers == rows.recovery).then_some(names)
    }
}

impl Joint {
    /// This truth, with names for accounts that had none, if the rows of all its numbers do not contradict it.
    pub fn agreeing_with(&self, rows: &BTreeMap<u32, Rows>, now: i64) -> Option<Self> {
        let mut agreeing = self.clone();
        for (number, state) in &self.0 {
            for (untold, name) in state.names_by(rows.get(number)?, now)? {
                agreeing.name(untold, &name);
            }
        }
        Some(agreeing)
    }
}

impl Holder {
    fn seats(&self) -> BTreeMap<u8, RowSeat> {
        let seat = |seat: &Seat| RowSeat { mark: mark(seat.by), pni: seat.pni, seen: seat.seen, frozen: seat.frozen };
        self.devices.iter().map(|(id, of)| (*id, seat(of))).collect()
    }

    fn agrees(&self, row: &RowHolder) -> bool {
        let named = match &self.who {
            Who::Told(who) => *who == row.who,
            Who::Untold(_) => true,
        };
        named
            && self.seats() == row.devices
            && self.lock.is_some() == row.has_lock
            && self.recovery.is_some() == row.recovery
            && self.totp.len() == row.totp
            && self.registered == row.registered
            && self.can_transfer == row.can_transfer
            && self.old_form == row.old_form
    }
}
