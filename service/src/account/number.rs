//! `NumberController`: an account moves to another number (contract registration §10.1, §10.2, §11.7; §16 no. 9, 10, 16, 17).
//!
//! The order in which it is judged is the contract's. Whoever proves the number gets it; an account that has it ends, unless its
//! registration lock holds. The number that the account has already needs no proof: by sending it again, a client that got no
//! answer finds out, and its keys are stored once more.
//!
//! The messages that a client sends along are for its other devices. They are judged, counted and not delivered: there are no
//! messages in this registry. Nor is this about what is written: `storage/src/accounts/number.rs` is.

mod body;
mod devices;
mod moving;

use std::sync::Arc;
use std::time::Duration;

use signet_config::LimitId;
use signet_keys::KeysManager;
use signet_storage::AccountsManager;
use signet_storage::chance::Chance;
use signet_storage::clock::Clock;
use signet_storage::ids::DeviceId;
use signet_storage::model::{Account, VerifiedNumber, capability};
use signet_storage::task::finished;

use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::events::Events;
use crate::limits::{self, Limits};
use crate::registration::lock::RegistrationLockVerificationManager;
use crate::registration::response::AccountIdentity;
use crate::verification::PhoneVerificationTokenManager;
pub use body::NumberRequest;
pub use devices::{DeviceMessage, DeviceMessages, PresentedKeys};
use moving::Moving;

/// The name under which the waiting period refuses.
pub const WAIT: &str = "changeNumberWait";

/// Clones are cheap.
#[derive(Clone)]
pub struct NumberController {
    pub accounts: AccountsManager,
    pub keys: KeysManager,
    pub limits: Limits,
    pub tokens: Arc<PhoneVerificationTokenManager>,
    pub locks: Arc<RegistrationLockVerificationManager>,
    pub events: Events,
    pub clock: Clock,
    pub chance: Chance,
    /// For so long after it registered an account keeps its number.
    pub wait: Duration,
}

/// Why an account does not move. What is wrong with a proof is told apart where answers name it.
#[derive(Debug)]
pub enum Refused {
    Proof(ApiError),
    Api(ApiError),
}

impl<E: Into<ApiError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Api(error.into())
    }
}

impl NumberController {
    /// `PUT /v2/accounts/number`
    pub async fn change(&self, call: Call) -> Result<Reply, ApiError> {
        let caller = call.caller()?;
        let request = NumberRequest::read(&call.body)?;
        let account = self.move_account(caller, request).await.map_err(|refused| match refused {
            Refused::Proof(error) | Refused::Api(error) => error,
        })?;
        let storage_capable = account.can(&capability::STORAGE);
        Ok(Reply::json(200, &AccountIdentity::of(&account, storage_capable, self.clock.now())))
    }

    /// The caller's account after it moved. What is begun is finished, also if the client goes away: whoever takes a number cannot
    /// keep that from being told.
    pub async fn move_account(&self, caller: &Caller, request: NumberRequest) -> Result<Account, Refused> {
        if caller.device != DeviceId::PRIMARY {
            return Err(ApiError::Forbidden.into());
        }
        let keys = request.keys.check(&request.identity)?;
        let asking = caller.device()?.clone();
        let (controller, aci) = (self.clone(), caller.account.aci);
        let moving = Moving { controller, aci, asking, request, keys, verified: None, opened: None };
        finished(tokio::spawn(moving.until_settled())).await
    }

    fn back_off(&self, round: u32) -> Duration {
        Duration::from_millis(self.chance.below(5 << round.min(6)).into())
    }

    /// What has to be so before anybody moves to a number that is not theirs: a time has passed since the account registered, not too
    /// many want this number, and it is proved.
    async fn permit(&self, account: &Account, request: &NumberRequest) -> Result<VerifiedNumber, Refused> {
        let rest = account.registered_at.plus(self.wait).remaining(self.clock.now());
        if !rest.is_zero() {
            limits::report(WAIT, "refused");
            return Err(ApiError::RateLimited { limiter: WAIT, retry_after: rest }.into());
        }
        self.limits.take(LimitId::Registration, request.number.as_str()).await?;
        self.tokens.verify(&request.proof, &request.number).await.map_err(Refused::Proof)
    }
}
