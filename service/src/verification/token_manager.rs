//! `PhoneVerificationTokenManager`: from what a registration presents to evidence that the number is proved (contract
//! registration §3.4, steps 3A and 3B; seed, phase 1).

use std::time::Duration;

use signet_storage::Sessions;
use signet_storage::ids::SessionId;
use signet_storage::model::VerifiedNumber;
use signet_storage::number::E164;

use crate::error::ApiError;
use crate::registration::request::Proof;

pub struct PhoneVerificationTokenManager {
    sessions: Sessions,
    /// How long the check may take before the client is told to come back.
    patience: Duration,
}

impl PhoneVerificationTokenManager {
    pub const fn new(sessions: Sessions, patience: Duration) -> Self {
        Self { sessions, patience }
    }

    /// # Errors
    /// 401 for a session that is unknown, expired or not verified; 400 for one of another number or an impossible id; 403 for a recovery
    /// password, of which no number has any yet; 503 if the store does not answer within the bound.
    pub async fn verify(&self, proof: &Proof, number: &E164) -> Result<VerifiedNumber, ApiError> {
        let Proof::Session(id) = proof else { return Err(ApiError::Forbidden) };
        let id = SessionId::from_bytes(id).map_err(|_| ApiError::BadRequest)?;
        let found = tokio::time::timeout(self.patience, self.sessions.get(&id)).await;
        let found = found.map_err(|_| ApiError::Unavailable("the session store took too long".to_owned()))??;
        let session = found.ok_or(ApiError::Unauthorized)?;
        Ok(VerifiedNumber::from_session(&session, number)?)
    }
}
