//! What the store holds of a number, in the model's words: one more thing that has to fit.

use super::{Holder, State, Who};

#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub holder: Option<RowHolder>,
    pub gone: Option<String>,
    pub recovery: bool,
}

#[derive(Clone, Debug)]
pub struct RowHolder {
    pub who: String,
    /// The number that the registration gave itself; see [`mark`].
    pub mark: u16,
    pub has_lock: bool,
    pub seen: i64,
    pub frozen: bool,
    pub recovery: bool,
    pub totp: bool,
    pub can_transfer: bool,
    pub linked: u32,
    pub old_form: bool,
}

/// The registration id by which a registration is recognised: 14 bits, so it repeats after sixteen thousand.
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
    fn agrees(&self, row: &RowHolder) -> bool {
        let named = match &self.who {
            Who::Told(who) => *who == row.who,
            Who::Untold(_) => true,
        };
        named
            && mark(self.by) == row.mark
            && self.lock.is_some() == row.has_lock
            && self.seen == row.seen
            && self.frozen == row.frozen
            && self.recovery.is_some() == row.recovery
            && self.totp == row.totp
            && self.can_transfer == row.can_transfer
            && self.linked == row.linked
            && self.old_form == row.old_form
    }
}
