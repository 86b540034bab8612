//! A registration lock in the way of whoever proved the number: of a registration, and of an account that moves (contract
//! registration §6.3).

use super::{DAY, Holder, LOCK_HOLDS, LockGuesses, MINUTE, Round, Seat, State};

const GUESSES: i64 = 10;
pub const PAUSE: i64 = 5 * MINUTE;
/// A guess that nobody heard the end of keeps others out for so long.
const JUDGED_WITHIN: i64 = MINUTE / 4;

/// What may come of it.
pub enum AtLock {
    /// There was none that holds, or it was opened.
    Opened,
    Told(u16),
    Untold,
}

impl LockGuesses {
    fn left(&self, form: usize, now: i64) -> i64 {
        let left = |(taken, last): (i64, i64)| (GUESSES - taken + (now - last) / DAY).min(GUESSES);
        self.taken[form].map_or(GUESSES, left)
    }

    const fn paused(&self, now: i64) -> bool {
        matches!(self.paused_until, Some(until) if now < until)
    }

    pub(super) fn counted(&self, form: usize, now: i64) -> Self {
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
}

impl State {
    /// Somebody proved the number and sends this lock. `by_session`: by a code, and not by a recovery password.
    pub(super) fn at_lock(&self, sent: Option<u32>, by_session: bool, round: Round) -> Vec<(AtLock, Self)> {
        let Some(holder) = self.holder.as_ref().filter(|holder| holder.is_locked(round.now)) else {
            return vec![(AtLock::Opened, self.clone())];
        };
        let Some(sent) = sent else { return vec![self.shut(holder, !by_session, round)] };
        let (form, now) = (usize::from(holder.old_form), round.now);
        let with = |lock| Self { lock, ..self.clone() };
        if self.lock.paused(now) || self.lock.left(form, now) < 1 {
            // The right lock was judged before the wrong one of this round, and written after it.
            let judged_before =
                round.crowded && self.lock.paused_until == Some(now + PAUSE) && holder.lock == Some(sent);
            let written = judged_before.then(|| (AtLock::Opened, self.clone()));
            return written.into_iter().chain([(AtLock::Told(429), self.clone())]).collect();
        }
        let counted = self.lock.counted(form, now);
        let mut outcomes = if holder.lock == Some(sent) {
            let cleared = with(self.lock.cleared(form));
            vec![(AtLock::Opened, cleared.clone()), (AtLock::Untold, cleared)]
        } else {
            vec![with(counted).shut(holder, false, round)]
        };
        // Cut off before the end: counted, or only kept the next one waiting for some seconds.
        outcomes.push((AtLock::Untold, with(counted)));
        outcomes.push((AtLock::Untold, with(LockGuesses { paused_until: Some(now + JUDGED_WITHIN), ..self.lock })));
        outcomes
    }

    /// The lock was not opened: nobody uses the account any more, and its recovery passwords go. Who came by a recovery password
    /// and only asks whether there is a lock keeps it.
    fn shut(&self, holder: &Holder, asks_first: bool, round: Round) -> (AtLock, Self) {
        let mut after = self.clone();
        after.outdate(round);
        let devices = holder.devices.iter().map(|(id, seat)| (*id, Seat { frozen: true, ..*seat })).collect();
        after.holder = Some(Holder { devices, recovery: None, ..holder.clone() });
        if !asks_first {
            after.recovery = None;
        }
        (AtLock::Told(423), after)
    }
}
