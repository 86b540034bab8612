//! Sending a code, from the request to what became of it (contract registration §4.5, §4.6).
//!
//! In this order: may the session send now, may the number and is there room in the budget, does the session take its place
//! in the schedule, and only then the sender. Whatever stops it on the way gives back what was taken before, and leaves the
//! older code as it was.

use std::net::IpAddr;

use signet_config::LimitId;
use signet_storage::ids::SessionId;
use signet_storage::model::VerificationSession;
use signet_storage::model::code::{Code, StoredCode};
use signet_storage::model::session::Transport;
use signet_storage::number::E164;
#[cfg(feature = "planted-bugs")]
use signet_storage::planted::{Bug, planted};

use super::VerificationController;
use super::budget::{OverBudget, Reservation};
use super::request::RequestCode;
use super::sender::{Delivery, Failure};
use crate::call::Reply;
use crate::error::{ApiError, SessionStatus, Undeliverable};
use crate::events::Event;

/// What one message was counted as.
struct Permit {
    number: E164,
    reserved: Reservation,
}

/// A code that has its place in the schedule.
struct Placed {
    session: VerificationSession,
    /// The session as it stood before.
    before: VerificationSession,
    code: Code,
    stored: StoredCode,
}

impl VerificationController {
    pub(super) async fn send_code(
        &self,
        id: &SessionId,
        request: RequestCode,
        from: Option<IpAddr>,
    ) -> Result<Reply, ApiError> {
        let RequestCode { transport, client, language } = request;
        let session = self.load(id).await?;
        if let Some(code) = self.test_numbers.code(session.number(), self.clock.now()) {
            return self.set_test_code(id, &code).await;
        }
        // What the session would refuse anyway is asked of nobody.
        let may_send = session.may_send(transport, self.clock.now());
        #[cfg(feature = "planted-bugs")]
        let may_send = if planted(Bug::ResendOverwrites) { Ok(()) } else { may_send };
        may_send.map_err(|refused| self.send_refused(&session, refused))?;
        let permit = self.permit(&session, from).await?;
        let placed = match self.place(id, transport).await {
            Ok(placed) => placed,
            Err(e) => {
                self.give_back(permit).await;
                return Err(e);
            }
        };
        let number = placed.session.number().clone();
        let delivery = Delivery { number: number.clone(), transport, code: placed.code.clone(), language, client };
        match self.sender.deliver(delivery).await {
            Ok(()) => {
                self.tell(&number, transport).await;
                Ok(self.ok(&placed.session))
            }
            Err(failure) => self.take_back(placed, transport, permit, failure).await,
        }
    }

    /// Counts the message, if number and budget have room for it.
    async fn permit(&self, session: &VerificationSession, from: Option<IpAddr>) -> Result<Permit, ApiError> {
        let number = session.number().canonical();
        self.limit(LimitId::CodePerNumber, number.as_str(), session).await?;
        match self.budget.reserve(session.number(), from, &session.id()).await {
            Ok(reserved) => Ok(Permit { number, reserved }),
            Err(over) => {
                self.limits.give_back(LimitId::CodePerNumber, number.as_str()).await;
                Err(self.over_budget(session, over))
            }
        }
    }

    async fn give_back(&self, permit: Permit) {
        self.budget.hand_back(permit.reserved).await;
        self.limits.give_back(LimitId::CodePerNumber, permit.number.as_str()).await;
    }

    /// The code counts before it is handed to the sender, so that whoever gets it can use it.
    async fn place(&self, id: &SessionId, transport: Transport) -> Result<Placed, ApiError> {
        let code = Code::draw(&self.chance);
        let stored = StoredCode::of(&code, id, &self.code_key, &self.chance);
        let send = |session: &mut VerificationSession, now| {
            let before = session.clone();
            session.send(transport, stored.clone(), self.code_lifetime, now).map(|()| before)
        };
        match self.sessions.update(id, send).await? {
            (session, Ok(before)) => Ok(Placed { session, before, code, stored }),
            // Another request for the same session was faster.
            (session, Err(refused)) => Err(self.send_refused(&session, refused)),
        }
    }

    /// The code before it counts again, unless nobody knows whether this one went out.
    async fn take_back(
        &self,
        placed: Placed,
        transport: Transport,
        permit: Permit,
        failure: Failure,
    ) -> Result<Reply, ApiError> {
        let Placed { session, before, stored, .. } = placed;
        let Some(how) = failure.undelivered() else { return Err(self.undelivered(&session, failure)) };
        self.budget.hand_back(permit.reserved).await;
        let take_back = |session: &mut VerificationSession, _| session.not_sent(transport, &stored, &before, how);
        let (session, ()) = self.sessions.update(&session.id(), take_back).await?;
        Err(self.undelivered(&session, failure))
    }

    async fn set_test_code(&self, id: &SessionId, code: &Code) -> Result<Reply, ApiError> {
        let stored = StoredCode::of(code, id, &self.code_key, &self.chance);
        let set =
            |session: &mut VerificationSession, now| session.set_test_code(stored.clone(), self.code_lifetime, now);
        match self.sessions.update(id, set).await? {
            (session, Ok(())) => Ok(self.ok(&session)),
            (session, Err(refused)) => Err(self.send_refused(&session, refused)),
        }
    }

    /// Whoever has the account of this number may want to know that somebody asked for a code.
    async fn tell(&self, number: &E164, transport: Transport) {
        let holder = self.accounts.aci_of(number).await.ok().flatten();
        self.events.publish(Event::CodeRequested { holder, transport });
    }

    fn over_budget(&self, session: &VerificationSession, over: OverBudget) -> ApiError {
        match over {
            OverBudget::Country => ApiError::Undeliverable { reason: Undeliverable::ProviderRejected, permanent: true },
            OverBudget::Limited { limiter, retry_after } => self.limited(limiter, session, retry_after),
            OverBudget::StoreDown => ApiError::Unavailable("the budget of messages has no store".to_owned()),
        }
    }

    fn undelivered(&self, session: &VerificationSession, failure: Failure) -> ApiError {
        match failure {
            Failure::TransportNotAllowed => self.error(SessionStatus::TransportNotAllowed, session, None),
            Failure::Refused { reason, permanent } => ApiError::Undeliverable { reason, permanent },
            Failure::Unknown => {
                ApiError::Undeliverable { reason: Undeliverable::ProviderUnavailable, permanent: false }
            }
        }
    }
}
