//! Verification sessions: how many codes, how many guesses, and when (contract registration §4, §5.2).

use super::{Answer, Branch, MINUTE, Round, State};

/// Waits before the second, third, … code of a session.
const SEND_WAITS: [i64; 4] = [MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE];
/// Waits before the second, third, … guess at a code.
const GUESS_WAITS: [i64; 4] = [0, 0, MINUTE, 2 * MINUTE];
const CODE_LIVES: i64 = 10 * MINUTE;
const IDLE: i64 = 10 * MINUTE;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    pub verified: bool,
    code: Option<Code>,
    sends: usize,
    last_send: i64,
    touched: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Code {
    /// `None`: stored, and lost on its way to the sender.
    digits: Option<u32>,
    since: i64,
    guesses: usize,
    last_guess: i64,
}

impl Session {
    /// Ten minutes after the last thing that happened; without a right code it lives on until what may happen next.
    pub fn surely_gone(&self, now: i64) -> bool {
        let longest = if self.verified { IDLE } else { IDLE + SEND_WAITS[3] };
        now >= self.touched + longest
    }

    fn surely_there(&self, now: i64) -> bool {
        now < self.touched + IDLE
    }
}

impl State {
    pub(super) fn begin(&self, id: u32, now: i64) -> Vec<Branch> {
        let mut after = self.clone();
        after.sessions.insert(id, Session { touched: now, ..Session::default() });
        // Whoever was not told the session's id has no session.
        vec![self.answers(200, after)]
    }

    /// The answers of an absent session, or what `there` says of it, or both if it may be either.
    pub(super) fn with_session(
        &self,
        id: u32,
        now: i64,
        absent: u16,
        there: impl Fn(&Session) -> Vec<Branch>,
    ) -> Vec<Branch> {
        let answers = |session: Option<&Session>| session.map_or_else(|| vec![self.stays(absent)], &there);
        self.session(id, now).into_iter().flat_map(answers).collect()
    }

    /// The session as it may be found: there, or gone, or either.
    pub(super) fn session(&self, id: u32, now: i64) -> Vec<Option<&Session>> {
        let Some(session) = self.sessions.get(&id) else { return vec![None] };
        let there = (!session.surely_gone(now)).then_some(Some(session));
        there.into_iter().chain((!session.surely_there(now)).then_some(None)).collect()
    }

    fn put(&self, id: u32, session: Session) -> Self {
        let mut after = self.clone();
        after.sessions.insert(id, session);
        after
    }

    /// A code that came out although the answer refuses, or the other way round, is never right.
    pub(super) fn code(&self, id: u32, sent: Option<u32>, now: i64) -> Vec<Branch> {
        self.with_session(id, now, 404, |session| {
            let wait = session.sends.checked_sub(1).map(|waits| SEND_WAITS.get(waits));
            let in_time = match wait {
                None => true,
                Some(Some(wait)) => now >= session.last_send + wait,
                Some(None) => false,
            };
            let code = |digits| Code { digits, since: now, guesses: 0, last_guess: now };
            let after = |digits| {
                let (code, sends) = (Some(code(digits)), session.sends + 1);
                self.put(id, Session { code, sends, last_send: now, touched: now, ..session.clone() })
            };
            match (session.verified, in_time, sent) {
                // To look at a session that is verified closes the older way in.
                (true, _, None) => vec![self.answers(409, self.without_recovery())],
                (false, false, None) => vec![self.stays(429)],
                (false, true, Some(digits)) => vec![self.answers(200, after(Some(digits)))],
                // Stored, and then nobody waited for it to be sent, or it could not be said that it was stored.
                (false, true, None) => vec![Self::untold(after(None))],
                (true, _, Some(_)) | (_, false, Some(_)) => Vec::new(),
            }
        })
    }

    pub(super) fn guess(&self, id: u32, guess: u32, round: Round) -> Vec<Branch> {
        let now = round.now;
        self.with_session(id, now, 404, |session| {
            if session.verified {
                return vec![self.answers(409, self.without_recovery())];
            }
            let Some(code) = session.code.filter(|code| now < code.since + CODE_LIVES) else {
                return vec![self.stays(409)];
            };
            let wait = match code.guesses.checked_sub(1) {
                None => Some(&0),
                Some(made) => GUESS_WAITS.get(made),
            };
            if wait.is_none_or(|wait| now < code.last_guess + wait) {
                return vec![self.stays(429)];
            }
            let verified = code.digits == Some(guess);
            let code = Some(Code { guesses: code.guesses + 1, last_guess: now, ..code });
            let after = self.put(id, Session { verified, code, touched: now, ..session.clone() });
            let judged = |after| Branch {
                told: Some(Answer { status: 200, verified: Some(verified), who: None, device: None }),
                after,
            };
            if !verified {
                return vec![judged(after)];
            }
            // Whoever was not told may have proved the number without the older way in being closed. And who registers with
            // this very session before it is closed, closes it for themselves.
            let kept = if round.crowded { judged(after.clone()) } else { Self::untold(after.clone()) };
            vec![judged(after.without_recovery()), kept]
        })
    }

    /// A number that was proved by a code does without its recovery password.
    fn without_recovery(&self) -> Self {
        Self { recovery: None, ..self.clone() }
    }
}
