//! `RegistrationController`: the order in which a registration is judged (contract registration §3.4, §3.5), and the one commit
//! at its end.
//!
//! The three ways in differ in what proves the number; from there on the work is that of an [`Attempt`], which starts again
//! from fresh reads when somebody else was faster.

use std::sync::Arc;
use std::time::Duration;

use signet_config::LimitId;
use signet_keys::KeysManager;
use signet_storage::AccountsManager;
use signet_storage::chance::Chance;
use signet_storage::clock::Clock;
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::model::{Account, RecoveryPassword, VerifiedBy, VerifiedNumber, capability};
use signet_storage::number::E164;

use super::attempt::{Attempt, Registered};
use super::lock::RegistrationLockVerificationManager;
use super::request::{Kind, PniPart, Proof, RegistrationRequest};
use super::response::{AccountIdentity, RegistrationResponse};
use crate::call::{Call, Reply};
use crate::client_address;
use crate::error::ApiError;
use crate::events::{Event, Events};
use crate::limits::Limits;
use crate::metrics::Steps;
use crate::verification::PhoneVerificationTokenManager;

/// Times a registration starts again from fresh reads before its client is told to come back.
const ROUNDS: u32 = 10;

pub struct RegistrationController {
    pub limits: Limits,
    pub tokens: Arc<PhoneVerificationTokenManager>,
    pub locks: Arc<RegistrationLockVerificationManager>,
    pub accounts: AccountsManager,
    pub keys: KeysManager,
    pub events: Events,
    pub clock: Clock,
    pub chance: Chance,
    /// May accounts be recovered by ACI?
    pub by_aci: bool,
}

impl RegistrationController {
    /// `POST /v1/registration`
    pub async fn register(&self, call: Call) -> Result<Reply, ApiError> {
        let mut steps = Steps::start();
        // Before anything is looked at: an attempt is an attempt, and checking four signatures is work.
        self.limits.take(LimitId::RegistrationPerAddress, &client_address::key(call.client)).await?;
        let request = RegistrationRequest::read(&call)?;
        let registered = match &request.kind {
            Kind::WithNumber { number, proof } => self.with_number(&request, number, proof, &mut steps).await?,
            Kind::ByAci { aci, password } => self.by_aci(&request, *aci, password.as_ref(), &mut steps).await?,
            // There are no receipts here.
            Kind::ByReceipt => return Err(ApiError::BadRequest),
        };
        Ok(self.reply(&registered).with("server-timing", steps.header()))
    }

    /// Kinds A and B: the header names a number, and a session or a recovery password proves it.
    async fn with_number(
        &self,
        request: &RegistrationRequest,
        number: &str,
        proof: &Proof,
        steps: &mut Steps,
    ) -> Result<Registered, ApiError> {
        let pni = request.pni.as_ref().ok_or(ApiError::Unprocessable)?;
        let number = E164::parse(number).map_err(|_| ApiError::Unprocessable)?;
        self.limits.take(LimitId::Registration, number.as_str()).await?;
        steps.done("request");
        let verified = self.tokens.verify(proof, &number).await?;
        steps.done("session");
        let mut attempt = self.attempt(request, pni);
        self.until_settled(&mut attempt, &verified, steps).await
    }

    /// Kind C: the header names an ACI, and the recovery password kept in the account proves it.
    async fn by_aci(
        &self,
        request: &RegistrationRequest,
        aci: AccountId,
        password: Option<&RecoveryPassword>,
        steps: &mut Steps,
    ) -> Result<Registered, ApiError> {
        let (true, Some(password), Some(_), Some(pni)) = (self.by_aci, password, &request.recovery, &request.pni)
        else {
            return Err(ApiError::BadRequest);
        };
        steps.done("request");
        let account = self.accounts.get(aci).await?;
        let verified = VerifiedNumber::from_account(account.as_ref(), password);
        let verified = verified.inspect_err(|_| self.events.publish(Event::RecoveryFailed { aci: Some(aci) }))?;
        steps.done("session");
        let mut attempt = self.attempt(request, pni);
        attempt.of = Some((aci, password));
        self.until_settled(&mut attempt, &verified, steps).await
    }

    fn attempt<'a>(&'a self, request: &'a RegistrationRequest, pni: &'a PniPart) -> Attempt<'a> {
        Attempt { controller: self, request, pni, of: None, totp_counted: false, opened: None, lock: None }
    }

    async fn until_settled(
        &self,
        attempt: &mut Attempt<'_>,
        verified: &VerifiedNumber,
        steps: &mut Steps,
    ) -> Result<Registered, ApiError> {
        let mut round = 0;
        let registered = loop {
            match attempt.make(verified, steps).await {
                Err(ApiError::Contested) if round < ROUNDS => {
                    round += 1;
                    tokio::time::sleep(self.back_off(round)).await;
                }
                result => break result?,
            }
        };
        self.tell(&registered, verified.by());
        Ok(registered)
    }

    fn tell(&self, registered: &Registered, by: VerifiedBy) {
        let (aci, reregistration) = (registered.account.aci, registered.before.is_some());
        if by == VerifiedBy::RecoveryPassword {
            self.events.publish(Event::Recovered { aci });
        }
        self.events.publish(Event::Registered { aci, reregistration });
        let outcome = if reregistration { "reregistered" } else { "registered" };
        metrics::counter!("signet_registrations_total", "outcome" => outcome).increment(1);
    }

    fn reply(&self, registered: &Registered) -> Reply {
        let Registered { account, before } = registered;
        let could_store = |before: &Account| before.can(&capability::STORAGE);
        let storage_capable = before.as_ref().is_some_and(could_store);
        let reregistration = before.is_some();
        let body = RegistrationResponse {
            account: AccountIdentity::of(account, storage_capable, self.clock.now()),
            device_id: DeviceId::PRIMARY,
            reregistration,
        };
        Reply::json(if reregistration { 200 } else { 201 }, &body)
    }

    fn back_off(&self, round: u32) -> Duration {
        Duration::from_millis(self.chance.below(5 << round.min(6)).into())
    }
}
