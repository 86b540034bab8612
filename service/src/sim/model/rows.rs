//! What the store holds of a number, in the model's words: one more thing that has to fit.

use std::collections::BTreeMap;

use super::{Holder, Seat, State, Who};

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
    pub totp: bool,
    pub can_transfer: bool,
    pub old_form: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSeat {
    /// The number that the registration or link gave itself; see [`mark`].
    pub mark: u16,
    pub seen: i64,
    pub frozen: bool,
}

/// The registration id by which a registration or link is recognised: 14 bits, so it repeats after sixteen thousand.
pub fn mark(id: u32) -> u16 {
    u16::try_from(1 + id % 16_383).expect("14 bits")
}

impl State {
    /// This truth, with a name for an account that had none, if the rows do not contradict it.
    pub fn agreeing_with(&self, rows: &Rows, now: i64) -> Option<Self> {
        let mut state = self.clone();
        match (&mut state.holder, &rows.holder) {
            (None, None) => {}
            (Some(holder), Some(row)) if holder.agrees(row) => {
                if let Who::Untold(id) = holder.who {
                    state.name(id, &row.who);
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
            state.name(*id, gone);
        }
        let recovers = self.recovery.is_some_and(|(_, until)| now < until);
        (!forgets && recovers == rows.recovery).then_some(state)
    }
}

impl Holder {
    fn seats(&self) -> BTreeMap<u8, RowSeat> {
        let seat = |seat: &Seat| RowSeat { mark: mark(seat.by), seen: seat.seen, frozen: seat.frozen };
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
            && self.totp == row.totp
            && self.can_transfer == row.can_transfer
            && self.old_form == row.old_form
    }
}
