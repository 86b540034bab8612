//! Who a socket belongs to, fixed when it was opened (contract keys-devices §6.4).
//!
//! Invariants. No password is kept: the device is known by the salted hash it had then, which is drawn anew whenever it is
//! registered or linked. Nobody is refused because of a copy: one may be older than the credentials, so only the account itself
//! can say that they are gone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use signet_storage::accounts::Known;
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::{AccountsManager, StoreError};

use crate::call::Caller;
use crate::error::ApiError;

/// Clones are cheap.
#[derive(Clone)]
pub struct Principal {
    pub aci: AccountId,
    pub device: DeviceId,
    auth: Arc<SaltedTokenHash>,
}

impl Principal {
    /// # Errors
    /// 401 if the caller's account no longer has the device.
    pub fn of(caller: &Caller) -> Result<Self, ApiError> {
        let auth = Arc::new(caller.device()?.auth.clone());
        Ok(Self { aci: caller.account.aci, device: caller.device, auth })
    }

    /// The caller of a request on the socket: the account as it was known to be within `cache.stale_at_most`, as if its
    /// credentials had been sent again.
    ///
    /// # Errors
    /// 401 if they have died, 503 if neither cache nor store answers.
    pub async fn caller(&self, accounts: &AccountsManager) -> Result<Caller, ApiError> {
        let known = self.known(accounts, accounts.stale_at_most()).await?.ok_or(ApiError::Unauthorized)?;
        Ok(Caller { account: known.account, device: self.device })
    }

    /// The account as it was known to be less than `at_most` ago, if it lets this device in. With no time at all, as it stands.
    pub(super) async fn known(
        &self,
        accounts: &AccountsManager,
        at_most: Duration,
    ) -> Result<Option<Known>, StoreError> {
        if !at_most.is_zero()
            && let Some(known) = self.let_in(accounts.known(self.aci, at_most).await?)
        {
            return Ok(Some(known));
        }
        Ok(self.let_in(accounts.known(self.aci, Duration::ZERO).await?))
    }

    /// A frozen hash is another one.
    fn let_in(&self, known: Option<Known>) -> Option<Known> {
        known.filter(|known| known.account.device(self.device).is_some_and(|device| device.auth == *self.auth))
    }

    /// What tells this installation of the device from any other.
    pub(super) fn salt(&self) -> &str {
        self.auth.salt()
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal").field("aci", &self.aci).field("device", &self.device).finish_non_exhaustive()
    }
}
