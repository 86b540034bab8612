//! The five session routes (contract registration §4.2 to §4.7). Errors that a client can act on carry the session as it is
//! now, so that the client need not ask for it.

use std::sync::Arc;
use std::time::Duration;

use signet_config::{ChallengeKind, LimitId};
use signet_storage::chance::Chance;
use signet_storage::clock::Clock;
use signet_storage::ids::SessionId;
use signet_storage::model::VerificationSession;
use signet_storage::model::code::CodeKey;
use signet_storage::model::session::{GuessRefused, PushChallenge, SendRefused};
use signet_storage::task::finished;
use signet_storage::{AccountsManager, RecoveryPasswords, Sessions};

use super::budget::SmsBudget;
use super::captcha::{self, Assessment};
use super::request::{self, CreateSession, RequestCode, SubmitCode, UpdateSession};
use super::response::SessionBody;
use super::sender::CodeSender;
use super::test_numbers::TestNumbers;
use crate::call::{Call, Reply};
use crate::client_address;
use crate::error::{ApiError, SessionError, SessionStatus};
use crate::events::{Event, Events};
use crate::limits::{self, Limited, Limits};

#[derive(Clone)]
pub struct VerificationController {
    pub sessions: Sessions,
    pub recovery: RecoveryPasswords,
    pub limits: Limits,
    pub accounts: AccountsManager,
    pub budget: Arc<SmsBudget>,
    pub sender: CodeSender,
    pub test_numbers: TestNumbers,
    pub events: Events,
    pub challenge: ChallengeKind,
    pub code_key: CodeKey,
    pub code_lifetime: Duration,
    pub clock: Clock,
    pub chance: Chance,
}

impl VerificationController {
    /// `POST /v1/verification/session`
    pub async fn create(&self, call: Call) -> Result<Reply, ApiError> {
        let CreateSession { number, push } = CreateSession::read(&call)?;
        let key = format!("{}:{}", number.as_str(), client_address::key(call.client));
        if self.test_numbers.code(&number, self.clock.now()).is_none() {
            self.limits.take(LimitId::VerificationSession, &key).await?;
        }

        let requested = captcha::wanted(self.challenge, push.is_some());
        let challenge = (!requested.is_empty() && push.is_some()).then(|| PushChallenge::draw(&self.chance));
        if let Some(challenge) = &challenge {
            self.sender.push_challenge(&number, challenge);
        }
        let id = SessionId::draw(&self.chance);
        let session = VerificationSession::begin(id, number, requested, challenge, self.clock.now());
        self.sessions.create(&session).await?;
        Ok(self.ok(&session))
    }

    /// `GET /v1/verification/session/{session}`
    pub async fn get(&self, call: Call) -> Result<Reply, ApiError> {
        let session = self.load(&request::session_id(call.param("session"))?).await?;
        Ok(self.ok(&session))
    }

    /// `PATCH /v1/verification/session/{session}`: whatever it achieves is stored, also if a later part of it fails.
    pub async fn update(&self, call: Call) -> Result<Reply, ApiError> {
        let body = UpdateSession::read(&call)?;
        let id = request::session_id(call.param("session"))?;
        let mut session = self.load(&id).await?;
        if body.push.is_some() && self.challenge != ChallengeKind::Off {
            session = self.send_push_challenge(&id).await?;
        }
        if let Some(answer) = body.push_challenge.filter(|_| !session.push_challenge_answered()) {
            session = self.answer_push_challenge(&id, session, &answer).await?;
        }
        if let Some(token) = body.captcha {
            session = self.solve_captcha(&id, session, &token).await?;
        }
        Ok(self.ok(&session))
    }

    async fn send_push_challenge(&self, id: &SessionId) -> Result<VerificationSession, ApiError> {
        let fresh = PushChallenge::draw(&self.chance);
        let wanted = |session: &mut VerificationSession, now| session.want_push_challenge(fresh.clone(), now);
        let (session, challenge) = self.sessions.update(id, wanted).await?;
        self.sender.push_challenge(session.number(), &challenge);
        Ok(session)
    }

    async fn answer_push_challenge(
        &self,
        id: &SessionId,
        session: VerificationSession,
        answer: &str,
    ) -> Result<VerificationSession, ApiError> {
        self.limit(LimitId::VerificationPushChallenge, &id.encoded(), &session).await?;
        let judge = |session: &mut VerificationSession, now| session.answer_push_challenge(answer, now);
        match self.sessions.update(id, judge).await? {
            (session, true) => Ok(session),
            (session, false) => Err(self.error(SessionStatus::ChallengeFailed, &session, None)),
        }
    }

    async fn solve_captcha(
        &self,
        id: &SessionId,
        session: VerificationSession,
        token: &str,
    ) -> Result<VerificationSession, ApiError> {
        self.limit(LimitId::VerificationCaptcha, &id.encoded(), &session).await?;
        match captcha::assess(self.challenge, token) {
            Assessment::Unreadable => Err(ApiError::BadRequest),
            Assessment::Failed => Err(self.error(SessionStatus::ChallengeFailed, &session, None)),
            Assessment::Passed => {
                let solved = |session: &mut VerificationSession, now| session.captcha_solved(now);
                Ok(self.sessions.update(id, solved).await?.0)
            }
        }
    }

    /// `POST /v1/verification/session/{session}/code`
    ///
    /// Runs in a task of its own: a client that hangs up in the middle leaves nothing half done.
    pub async fn request_code(&self, call: Call) -> Result<Reply, ApiError> {
        let request = RequestCode::read(&call)?;
        let id = request::session_id(call.param("session"))?;
        let me = self.clone();
        finished(tokio::spawn(async move { me.send_code(&id, request, call.client).await })).await
    }

    pub(super) fn send_refused(&self, session: &VerificationSession, refused: SendRefused) -> ApiError {
        match refused {
            SendRefused::AlreadyVerified | SendRefused::InformationWanted => {
                self.error(SessionStatus::Conflict, session, None)
            }
            SendRefused::NotAllowed | SendRefused::NoneLeft => self.error(SessionStatus::TooMany, session, None),
            SendRefused::TooEarly(wait) => self.error(SessionStatus::TooMany, session, Some(wait)),
        }
    }

    /// `PUT /v1/verification/session/{session}/code`: a wrong code is 200 with `verified` false.
    pub async fn submit_code(&self, call: Call) -> Result<Reply, ApiError> {
        let SubmitCode { code } = SubmitCode::read(&call)?;
        let id = request::session_id(call.param("session"))?;
        #[cfg(feature = "planted-bugs")]
        if signet_storage::planted::planted(signet_storage::planted::Bug::GuessCountedAfterwards) {
            return self.count_afterwards(&id, &code).await;
        }
        let guess = |session: &mut VerificationSession, now| session.guess(&code, &self.code_key, now);
        let (session, verdict) = self.sessions.update(&id, guess).await?;
        let outcome = match verdict {
            Ok(true) => "right",
            Ok(false) => "wrong",
            Err(_) => "refused",
        };
        if let Ok(right) = verdict {
            self.events.publish(Event::CodeSubmitted { right });
        }
        metrics::counter!("signet_guesses_total", "outcome" => outcome).increment(1);
        if verdict == Ok(true) {
            self.budget.verified(session.number(), &id).await;
        }
        self.close_older_way(&session).await?;
        match verdict {
            Ok(_) => Ok(self.ok(&session)),
            Err(GuessRefused::AlreadyVerified | GuessRefused::NoCodeSent | GuessRefused::CodeExpired) => {
                Err(self.error(SessionStatus::Conflict, &session, None))
            }
            Err(GuessRefused::TooEarly(wait)) => Err(self.error(SessionStatus::TooMany, &session, Some(wait))),
            Err(GuessRefused::NoneLeft) => Err(self.error(SessionStatus::TooMany, &session, None)),
        }
    }

    #[cfg(feature = "planted-bugs")]
    async fn count_afterwards(&self, id: &SessionId, code: &str) -> Result<Reply, ApiError> {
        let mut judged = self.load(id).await?;
        let verdict = judged.guess(code, &self.code_key, self.clock.now());
        let counted = self.sessions.update(id, |session, now| session.guess(code, &self.code_key, now)).await;
        verdict.map_or_else(
            |_| counted.map(|(session, _)| self.ok(&session)).map_err(ApiError::from),
            |_| Ok(self.ok(&judged)),
        )
    }

    pub(super) async fn load(&self, id: &SessionId) -> Result<VerificationSession, ApiError> {
        let session = self.sessions.get(id).await?.ok_or(ApiError::NotFound)?;
        self.close_older_way(&session).await?;
        Ok(session)
    }

    /// Who has proved the number by a code does not want an older way in to stay open: the number's recovery password goes.
    async fn close_older_way(&self, session: &VerificationSession) -> Result<(), ApiError> {
        if session.verified() {
            self.recovery.remove(session.number()).await?;
        }
        Ok(())
    }

    /// Takes a permit; who gets none is told how the session stands.
    pub(super) async fn limit(
        &self,
        limiter: LimitId,
        key: &str,
        session: &VerificationSession,
    ) -> Result<(), ApiError> {
        match self.limits.take(limiter, key).await {
            Err(Limited::Refused { limiter, retry_after }) => Err(self.limited(limiter.name(), session, retry_after)),
            other => Ok(other?),
        }
    }

    pub(super) fn limited(
        &self,
        limiter: &'static str,
        session: &VerificationSession,
        retry_after: Duration,
    ) -> ApiError {
        let (status, session) = (SessionStatus::TooMany, SessionBody::of(session, self.clock.now()));
        let (limiter, retry_after) = (Some(limiter), Some(retry_after));
        ApiError::Session(Box::new(SessionError { status, session, retry_after, limiter }))
    }

    pub(super) fn ok(&self, session: &VerificationSession) -> Reply {
        Reply::json(200, &SessionBody::of(session, self.clock.now()))
    }

    pub(super) fn error(
        &self,
        status: SessionStatus,
        session: &VerificationSession,
        retry_after: Option<Duration>,
    ) -> ApiError {
        // Limiters answer in `limit`; what is left of 429 is the session's own schedule.
        let limiter = (status == SessionStatus::TooMany).then_some(limits::SESSION_SCHEDULE);
        if let Some(limiter) = limiter {
            limits::report(limiter, "refused");
        }
        let session = SessionBody::of(session, self.clock.now());
        ApiError::Session(Box::new(SessionError { status, session, retry_after, limiter }))
    }
}
