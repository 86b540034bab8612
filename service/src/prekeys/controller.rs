//! What a device does with its own keys (contract keys-devices §1.1 to §1.4, §8.2). It reaches no other device's.

use signet_keys::rows::StoredDeviceKeys;
use signet_keys::upload::UploadError;
use signet_keys::{Installation, KeyError, KeysManager, Kind, Shelf, UncheckedKeys, bundle_digest, pages};
use signet_storage::AccountsManager;
use signet_storage::task::finished;
use subtle::ConstantTimeEq as _;

use super::request::{self, Check, IdentityType};
use super::response::PreKeyCount;
use super::target;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::events::Events;
use crate::limits::Limits;

/// Clones share everything.
#[derive(Clone)]
pub struct PrekeysController {
    pub accounts: AccountsManager,
    pub keys: KeysManager,
    pub limits: Limits,
    pub events: Events,
    /// When so many one-time keys of a kind are left, that is an event; 0 for never.
    pub low_water: u64,
}

impl PrekeysController {
    /// `GET /v2/keys`
    pub async fn count(&self, call: Call) -> Result<Reply, ApiError> {
        let caller = call.caller()?;
        let identity = IdentityType::asked(&call)?;
        let [count, pq_count] = self.left(caller, identity).await?;
        Ok(Reply::json(200, &PreKeyCount { count, pq_count }))
    }

    /// How many one-time keys the caller has left, by [`Kind`].
    pub async fn left(&self, caller: &Caller, identity: IdentityType) -> Result<[u64; 2], ApiError> {
        let keys = self.own(caller, identity).await?;
        Ok(Kind::ALL.map(|kind| keys.left(kind)))
    }

    /// `PUT /v2/keys`
    pub async fn upload(&self, call: Call) -> Result<Reply, ApiError> {
        let caller = call.caller()?;
        caller.device()?;
        let identity = IdentityType::asked(&call)?;
        self.put(caller, identity, request::upload(&call)?).await?;
        Ok(Reply::empty(204))
    }

    /// Replaces, of the caller's keys, what these have.
    ///
    /// # Errors
    /// 422 for too many keys and for a signature that is not the account's; 401 if the device has gone.
    pub async fn put(&self, caller: &Caller, identity: IdentityType, keys: UncheckedKeys) -> Result<(), ApiError> {
        if keys.one_time.len() > pages::MOST || keys.one_time_kem.len() > pages::MOST {
            return Err(ApiError::Unprocessable);
        }
        let (device, of) = (caller.device, Installation::from(caller.device()?));
        let identity = identity.of(&caller.account);
        let keys = keys.check(&target::identity_key(&caller.account, identity)?)?;
        // Also if the client hangs up: half an upload would leave pages that nobody clears away.
        let manager = self.keys.clone();
        let upload = async move { manager.upload(Shelf { identity, device, of: &of }, &keys).await };
        Ok(finished(tokio::spawn(upload)).await?)
    }

    /// `POST /v2/keys/check`: are the keys that are handed out again and again those that the device thinks?
    pub async fn check(&self, call: Call) -> Result<Reply, ApiError> {
        let caller = call.caller()?;
        let Check { identity, digest } = Check::read(&call)?;
        let keys = self.own(caller, identity).await?;
        let stored = bundle_digest(&keys.identity, &keys.signed, &keys.last_resort);
        if stored.ct_eq(&digest).into() { Ok(Reply::empty(200)) } else { Err(ApiError::Conflict) }
    }

    /// The caller's keys as they stand.
    ///
    /// # Errors
    /// 401 if the device has gone, or is another one by now.
    async fn own(&self, caller: &Caller, identity: IdentityType) -> Result<StoredDeviceKeys, ApiError> {
        let of = Installation::from(caller.device()?);
        let keys = self.keys.get(identity.of(&caller.account), caller.device).await?;
        keys.filter(|keys| keys.is_of(&of)).ok_or(ApiError::Unauthorized)
    }
}

impl From<KeyError> for ApiError {
    fn from(_: KeyError) -> Self {
        Self::Unprocessable
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Gone => Self::Unauthorized,
            UploadError::Contested => Self::Contested,
            UploadError::Store(e) => e.into(),
        }
    }
}
