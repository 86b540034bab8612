//! Placeholder until the helper's module lands.

use signet_storage::AccountsManager;
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{AccountId, DeviceId};

use crate::call::Caller;
use crate::error::ApiError;

pub struct Principal {
    pub aci: AccountId,
    pub device: DeviceId,
    auth: SaltedTokenHash,
}

impl Principal {
    pub fn of(caller: &Caller) -> Result<Self, ApiError> {
        Ok(Self { aci: caller.account.aci, device: caller.device, auth: caller.device()?.auth.clone() })
    }

    pub async fn caller(&self, accounts: &AccountsManager) -> Result<Caller, ApiError> {
        let account = accounts.get(self.aci).await?.ok_or(ApiError::Unauthorized)?;
        let device = account.device(self.device).ok_or(ApiError::Unauthorized)?;
        if device.auth != self.auth {
            return Err(ApiError::Unauthorized);
        }
        Ok(Caller { account: account.into(), device: self.device })
    }
}

/// Why a socket has to go.
pub enum Over {
    Elsewhere,
    Invalid,
}

pub struct Presence;
pub struct Present;

impl Presence {
    pub async fn arrive(&self, _principal: &Principal) -> Present {
        Present
    }
}

impl Present {
    pub async fn over(&mut self) -> Over {
        std::future::pending().await
    }
}
