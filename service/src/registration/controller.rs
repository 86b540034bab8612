//! `RegistrationController`: the order in which a registration is judged (contract registration §3.4), and the one commit at
//! its end. The whole decision stands in [`RegistrationController::register`].

use std::time::Duration;

use signet_config::LimitId;
use signet_keys::KeysManager;
use signet_storage::AccountsManager;
use signet_storage::accounts::Slot;
use signet_storage::chance::Chance;
use signet_storage::clock::Clock;
use signet_storage::ids::DeviceId;
use signet_storage::model::{Account, LockCleared, VerifiedNumber};
use signet_storage::number::E164;

use super::capabilities;
use super::request::{Kind, PniPart, RegistrationRequest};
use super::response::{AccountIdentity, RegistrationResponse};
use crate::call::{Call, Reply};
use crate::error::ApiError;
use crate::events::Events;
use crate::limits::Limits;
use crate::metrics::Steps;
use crate::verification::PhoneVerificationTokenManager;

/// Times a registration starts again from fresh reads before its client is told to come back.
const ROUNDS: u32 = 10;

pub struct RegistrationController {
    pub limits: Limits,
    pub events: Events,
    pub tokens: PhoneVerificationTokenManager,
    pub accounts: AccountsManager,
    pub keys: KeysManager,
    pub clock: Clock,
    pub chance: Chance,
}

/// What a registration came to.
struct Registered {
    account: Account,
    /// The account that had the number before, as it was.
    before: Option<Box<Account>>,
}

impl RegistrationController {
    /// `POST /v1/registration`
    pub async fn register(&self, call: Call) -> Result<Reply, ApiError> {
        let mut steps = Steps::start();
        let request = RegistrationRequest::read(&call)?;
        let (number, proof) = match &request.kind {
            Kind::WithNumber { number, proof } => (number, proof),
            // Recovery by ACI is switched off, and there are no receipts here: both are refused alike.
            Kind::ByAci | Kind::ByReceipt => return Err(ApiError::BadRequest),
        };
        let pni = request.pni.as_ref().ok_or(ApiError::Unprocessable)?;
        let number = E164::parse(number).map_err(|_| ApiError::Unprocessable)?;
        self.limits.take(LimitId::Registration, number.as_str()).await?;
        steps.done("request");
        let verified = self.tokens.verify(proof, &number).await?;
        steps.done("session");

        let mut round = 0;
        let registered = loop {
            match self.write(&request, pni, &verified, &mut steps).await {
                Err(ApiError::Contested) if round < ROUNDS => {
                    round += 1;
                    tokio::time::sleep(self.back_off(round)).await;
                }
                result => break result?,
            }
        };
        Ok(self.reply(&registered).with("server-timing", steps.header()))
    }

    /// One try, from a fresh look at who has the number to the commit.
    async fn write(
        &self,
        request: &RegistrationRequest,
        pni: &PniPart,
        verified: &VerifiedNumber,
        steps: &mut Steps,
    ) -> Result<Registered, ApiError> {
        let slot = self.accounts.slot_for(verified).await?;
        steps.done("lookup");
        let registered = self.write_into(slot, request, pni, verified).await;
        steps.done("commit");
        registered
    }

    async fn write_into(
        &self,
        slot: Slot,
        request: &RegistrationRequest,
        pni: &PniPart,
        verified: &VerifiedNumber,
    ) -> Result<Registered, ApiError> {
        match slot {
            Slot::Vacant(slot) => {
                let keys = self.keys.writes_for_new_device(slot.ids(), DeviceId::PRIMARY, &request.aci_keys, &pni.keys);
                let account = self.accounts.create(slot, request.account(pni, &self.chance), keys).await?;
                Ok(Registered { account, before: None })
            }
            Slot::Occupied(before) => {
                if !request.skip_device_transfer && before.primary_can(capabilities::TRANSFER) {
                    return Err(ApiError::Conflict);
                }
                let cleared = LockCleared::no_lock((*before).clone());
                let mut keys =
                    self.keys.writes_for_new_device(cleared.ids(), DeviceId::PRIMARY, &request.aci_keys, &pni.keys);
                keys.extend(self.keys.writes_for_removed_devices(cleared.account()));
                let new = request.account(pni, &self.chance);
                let account = self.accounts.reclaim(cleared, verified, new, keys).await?;
                Ok(Registered { account, before: Some(before) })
            }
        }
    }

    fn reply(&self, registered: &Registered) -> Reply {
        let Registered { account, before } = registered;
        let storage_capable = before.as_ref().is_some_and(|before| before.any_device_can(capabilities::STORAGE));
        let reregistration = before.is_some();
        let outcome = if reregistration { "reregistered" } else { "registered" };
        metrics::counter!("signet_registrations_total", "outcome" => outcome).increment(1);
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
