//! Setting and clearing the registration lock (contract registration §6.1), by any device of the account. What a lock does to those
//! who register is `registration/lock.rs`.
//!
//! A lock is hashed once, before the account is looked at and not again when others change it at the same time: that takes tens of
//! milliseconds of a core, which is why an account may have so many hashed and no more. Whether it is the lock that is there
//! already cannot be told more cheaply, so it is not asked.

use serde::Deserialize;
use signet_config::LimitId;
use signet_storage::lock_hasher::{PresentedLock, StoredLock};
use signet_storage::model::Account;
use zeroize::Zeroizing;

use super::AccountController;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::wire;

/// What clients derive a lock to. A PIN is taken where a registration brings it, but not here.
const CHARACTERS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    registration_lock: Zeroizing<String>,
}

impl AccountController {
    /// `PUT /v1/accounts/registration_lock`
    pub async fn set_lock(&self, call: Call) -> Result<Reply, ApiError> {
        let Body { registration_lock: lock } = wire::read(&call.body)?;
        let usable = PresentedLock::try_from(lock.as_str()).ok().filter(|_| lock.chars().count() == CHARACTERS);
        self.lock_with(call.caller()?, &usable.ok_or(ApiError::Unprocessable)?).await?;
        Ok(Reply::empty(204))
    }

    /// `DELETE /v1/accounts/registration_lock`
    pub async fn clear_lock(&self, call: Call) -> Result<Reply, ApiError> {
        self.unlock(call.caller()?).await?;
        Ok(Reply::empty(204))
    }

    /// The caller's account has this lock from now on.
    ///
    /// # Errors
    /// 503 if too many are being hashed already, 429 if the account has had too many hashed.
    pub async fn lock_with(&self, caller: &Caller, lock: &PresentedLock) -> Result<(), ApiError> {
        let stored = self.hashed(caller, lock).await?;
        let set = |account: &mut Account, _| {
            account.registration_lock = Some(stored.clone());
            (Ok(()), Vec::new())
        };
        self.change("lock", caller, set).await
    }

    /// The caller's account has no lock from now on.
    pub async fn unlock(&self, caller: &Caller) -> Result<(), ApiError> {
        let clear = |account: &mut Account, _| {
            account.registration_lock = None;
            (Ok(()), Vec::new())
        };
        self.change("unlock", caller, clear).await
    }

    /// # Errors
    /// 503 if too many are being hashed already, 429 if the account has had too many hashed.
    pub(super) async fn hashed(&self, caller: &Caller, lock: &PresentedLock) -> Result<StoredLock, ApiError> {
        // Where there is no room, nothing is counted.
        let seat = self.hasher.reserve()?;
        self.limits.take(LimitId::SetRegistrationLock, &caller.account.aci.to_string()).await?;
        Ok(self.hasher.hash(seat, lock).await)
    }
}
