//! `PhoneVerificationTokenManager`: from what a registration presents to evidence that the number is proved (contract
//! registration §3.4, steps 3A and 3B; seed, phase 1).

use std::time::Duration;

use signet_storage::clock::Clock;
use signet_storage::ids::SessionId;
use signet_storage::model::{RecoveryPassword, VerifiedNumber};
use signet_storage::number::E164;
use signet_storage::{RecoveryPasswords, Sessions};

use crate::error::ApiError;
use crate::events::{Event, Events};
use crate::registration::request::Proof;

pub struct PhoneVerificationTokenManager {
    pub sessions: Sessions,
    pub recovery: RecoveryPasswords,
    pub events: Events,
    pub clock: Clock,
    /// How long the check may take before the client is told to come back.
    pub patience: Duration,
}

impl PhoneVerificationTokenManager {
    /// # Errors
    /// 401 for a session that is unknown, expired or not verified; 400 for one of another number or an impossible id; 403 for a
    /// recovery password that is not the number's; 503 if the store does not answer within the bound.
    pub async fn verify(&self, proof: &Proof, number: &E164) -> Result<VerifiedNumber, ApiError> {
        let verified = tokio::time::timeout(self.patience, async {
            match proof {
                Proof::Session(id) => self.by_session(id, number).await,
                Proof::RecoveryPassword(password) => self.by_recovery_password(password, number).await,
            }
        });
        verified.await.map_err(|_| ApiError::Unavailable("the proof of a number took too long to check".to_owned()))?
    }

    async fn by_session(&self, id: &[u8], number: &E164) -> Result<VerifiedNumber, ApiError> {
        let id = SessionId::from_bytes(id).map_err(|_| ApiError::BadRequest)?;
        let session = self.sessions.get(&id).await?.ok_or(ApiError::Unauthorized)?;
        Ok(VerifiedNumber::from_session(&session, number)?)
    }

    async fn by_recovery_password(
        &self,
        password: &RecoveryPassword,
        number: &E164,
    ) -> Result<VerifiedNumber, ApiError> {
        let kept = self.recovery.get(number).await?;
        let verified = VerifiedNumber::from_recovery(kept.as_ref(), password, number, self.clock.now());
        Ok(verified.inspect_err(|_| self.events.publish(Event::RecoveryFailed { aci: None }))?)
    }
}
