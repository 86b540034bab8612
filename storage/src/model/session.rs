//! A verification session: when a code may be sent, when one may be guessed, and how long all that holds (contract
//! registration §4, §5.2). Pure: time and the drawn code come in as arguments, and nothing here touches a store.
//!
//! Invariants: a refused request changes nothing; only the last code sent counts; a code is judged at most five times.

mod challenge;
mod schedule;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::code::{CodeKey, StoredCode};
use crate::clock::Timestamp;
use crate::ids::SessionId;
use crate::number::E164;
#[cfg(feature = "planted-bugs")]
use crate::planted::{Bug, planted};
pub use challenge::PushChallenge;
use schedule::{GUESS_WAITS, Sends, after};
pub use schedule::{Transport, When};

/// A session lives this long after whatever can happen next in it.
const IDLE: Duration = Duration::from_secs(600);

/// What a session may want before it sends a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Information {
    PushChallenge,
    Captcha,
}

/// The stored state. It is changed only through the methods below.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationSession {
    number: E164,
    version: u64,
    last_action: Timestamp,
    requested: Vec<Information>,
    allowed: bool,
    push_challenge: Option<PushChallenge>,
    push_challenge_answered: bool,
    sms: Sends,
    calls: Sends,
    code: Option<SentCode>,
    verified: bool,
    #[serde(skip)]
    id: Option<SessionId>,
}

/// The last code sent, and the guesses made at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentCode {
    stored: StoredCode,
    expires: Timestamp,
    guesses: usize,
    last_guess: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendRefused {
    AlreadyVerified,
    /// A push challenge or a captcha is still wanted.
    InformationWanted,
    /// Nothing is wanted and yet it may not send.
    NotAllowed,
    TooEarly(Duration),
    NoneLeft,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuessRefused {
    AlreadyVerified,
    NoCodeSent,
    CodeExpired,
    TooEarly(Duration),
    NoneLeft,
}

/// How a delivery failed, as far as the session's rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// Counts as a code sent.
    Refused,
    /// Does not count.
    Unavailable,
    /// This transport is over for the session; the other one starts afresh.
    Unreachable,
}

impl VerificationSession {
    /// A fresh session that wants `requested` first; if that is nothing, it may send at once.
    pub fn begin(
        id: SessionId,
        number: E164,
        requested: Vec<Information>,
        challenge: Option<PushChallenge>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: Some(id),
            number,
            version: 0,
            last_action: now,
            allowed: requested.is_empty(),
            requested,
            push_challenge: challenge,
            push_challenge_answered: false,
            sms: Sends::default(),
            calls: Sends::default(),
            code: None,
            verified: false,
        }
    }

    pub const fn number(&self) -> &E164 {
        &self.number
    }

    pub const fn verified(&self) -> bool {
        self.verified
    }

    pub const fn allowed(&self) -> bool {
        self.allowed
    }

    pub fn requested(&self) -> &[Information] {
        &self.requested
    }

    pub const fn version(&self) -> u64 {
        self.version
    }

    /// # Panics
    /// Never: a session has its id from `begin` or from the store.
    pub fn id(&self) -> SessionId {
        self.id.expect("a session knows its id")
    }

    pub(crate) const fn restored(mut self, id: SessionId) -> Self {
        self.id = Some(id);
        self
    }

    pub(crate) const fn advance_version(&mut self) {
        self.version += 1;
    }

    /// Wants a push challenge: the one it has already, or this new one. Returns the one to send.
    pub fn want_push_challenge(&mut self, fresh: PushChallenge, now: Timestamp) -> PushChallenge {
        let challenge = self.push_challenge.get_or_insert(fresh).clone();
        if !self.push_challenge_answered && !self.requested.contains(&Information::PushChallenge) && !self.allowed {
            self.requested.insert(0, Information::PushChallenge);
        }
        self.last_action = now;
        challenge
    }

    /// Has a push challenge been answered rightly before? Then another answer is not looked at.
    pub const fn push_challenge_answered(&self) -> bool {
        self.push_challenge_answered
    }

    /// Judges an answer to the push challenge. The right one also stands for the captcha.
    pub fn answer_push_challenge(&mut self, answer: &str, now: Timestamp) -> bool {
        let right = self.push_challenge.as_ref().is_some_and(|challenge| challenge.is_answered_by(answer));
        if right {
            self.push_challenge_answered = true;
            self.satisfied(now);
        }
        right
    }

    /// A captcha was solved. It also stands for the push challenge.
    pub fn captcha_solved(&mut self, now: Timestamp) {
        self.satisfied(now);
    }

    fn satisfied(&mut self, now: Timestamp) {
        self.requested.clear();
        self.allowed = true;
        self.last_action = now;
    }

    /// When may a code go out this way?
    pub fn next_send(&self, transport: Transport) -> When {
        let sends = self.sends(transport);
        if self.verified || sends.unreachable {
            return When::Never;
        }
        match transport {
            Transport::Sms => sends.next_sms(),
            Transport::Voice => sends.next_call(&self.sms),
        }
    }

    /// When may the next guess be made?
    pub fn next_guess(&self, now: Timestamp) -> When {
        match &self.code {
            Some(code) if !self.verified && now < code.expires => match code.guesses {
                0 => When::AT_ONCE,
                made => after(code.last_guess, GUESS_WAITS.get(made - 1)),
            },
            _ => When::Never,
        }
    }

    /// May a code go out this way now?
    pub fn may_send(&self, transport: Transport, now: Timestamp) -> Result<(), SendRefused> {
        match self.next_send(transport) {
            _ if self.verified => Err(SendRefused::AlreadyVerified),
            _ if !self.allowed && self.requested.is_empty() => Err(SendRefused::NotAllowed),
            _ if !self.allowed => Err(SendRefused::InformationWanted),
            When::Never => Err(SendRefused::NoneLeft),
            When::At(time) if now < time => Err(SendRefused::TooEarly(time.remaining(now))),
            When::At(_) => Ok(()),
        }
    }

    /// Takes a place in the schedule for `code` and makes it the one that counts, before it is handed to anybody.
    pub fn send(
        &mut self,
        transport: Transport,
        code: StoredCode,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<(), SendRefused> {
        #[cfg(feature = "planted-bugs")]
        if let (true, Some(old)) = (planted(Bug::ResendOverwrites), &mut self.code) {
            old.stored = code.clone();
        }
        self.may_send(transport, now)?;
        self.sends_mut(transport).sent(now);
        self.code = Some(SentCode { stored: code, expires: now.plus(lifetime), guesses: 0, last_guess: None });
        self.last_action = now;
        Ok(())
    }

    /// Makes `code` count without anything being sent: for test numbers. What may not be sent because of the session's state
    /// is refused; the schedule has no say, and no place in it is taken.
    pub fn set_test_code(&mut self, code: StoredCode, lifetime: Duration, now: Timestamp) -> Result<(), SendRefused> {
        match self.may_send(Transport::Sms, now) {
            Ok(()) | Err(SendRefused::TooEarly(_) | SendRefused::NoneLeft) => {}
            Err(refused) => return Err(refused),
        }
        self.code = Some(SentCode { stored: code, expires: now.plus(lifetime), guesses: 0, last_guess: None });
        self.last_action = now;
        Ok(())
    }

    /// The code that [`VerificationSession::send`] made count did not go out after all: `before` is the session as it stood.
    /// The older code counts again, unless yet another one has been sent meanwhile.
    pub fn not_sent(&mut self, transport: Transport, code: &StoredCode, before: &Self, how: Undelivered) {
        if self.code.as_ref().is_some_and(|current| current.stored == *code) {
            self.code.clone_from(&before.code);
        }
        match how {
            Undelivered::Refused => {}
            Undelivered::Unavailable => {
                let earlier = before.sends(transport).clone();
                if self.sends(transport).count == earlier.count + 1 {
                    *self.sends_mut(transport) = earlier;
                }
            }
            Undelivered::Unreachable => {
                (self.sms, self.calls) = (self.sms.afresh(), self.calls.afresh());
                self.sends_mut(transport).unreachable = true;
            }
        }
    }

    /// Judges a guess, and counts it. The caller must not tell anybody the verdict before this state is stored.
    pub fn guess(&mut self, guess: &str, key: &CodeKey, now: Timestamp) -> Result<bool, GuessRefused> {
        let id = self.id();
        let next = self.next_guess(now);
        let Some(code) = &mut self.code else {
            return Err(if self.verified { GuessRefused::AlreadyVerified } else { GuessRefused::NoCodeSent });
        };
        match next {
            _ if self.verified => return Err(GuessRefused::AlreadyVerified),
            _ if now >= code.expires => return Err(GuessRefused::CodeExpired),
            When::Never => return Err(GuessRefused::NoneLeft),
            When::At(time) if now < time => return Err(GuessRefused::TooEarly(time.remaining(now))),
            When::At(_) => {}
        }
        code.guesses += 1;
        code.last_guess = Some(now);
        self.verified = code.stored.matches(guess, &id, key);
        self.last_action = now;
        Ok(self.verified)
    }

    /// The session is gone from this moment on: ten minutes after the last thing that happened or the next that may, and
    /// ten minutes after success.
    pub fn expires(&self) -> Timestamp {
        let idle = self.last_action.plus(IDLE);
        if self.verified {
            return idle;
        }
        let code = self.code.as_ref().map(|code| code.expires);
        let next =
            [self.next_send(Transport::Sms), self.next_send(Transport::Voice), self.next_guess(self.last_action)];
        let next = next.into_iter().filter_map(|when| match when {
            When::At(time) => Some(time.plus(IDLE)),
            When::Never => None,
        });
        next.chain(code).fold(idle, Timestamp::max)
    }

    const fn sends(&self, transport: Transport) -> &Sends {
        match transport {
            Transport::Sms => &self.sms,
            Transport::Voice => &self.calls,
        }
    }

    const fn sends_mut(&mut self, transport: Transport) -> &mut Sends {
        match transport {
            Transport::Sms => &mut self.sms,
            Transport::Voice => &mut self.calls,
        }
    }
}
