//! One registration whose number is proved, from a fresh look at who has the number to the commit. It may take several rounds:
//! what was counted or computed in one is not counted or computed again in the next.

use signet_config::LimitId;
use signet_keys::Installation;
use signet_storage::accounts::{Slot, VacantSlot};
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::lock_hasher::{MatchedLock, StoredLock};
use signet_storage::model::account::NewAccount;
use signet_storage::model::{Account, LockCleared, RecoveryPassword, VerifiedNumber, capability, totp};

use super::controller::RegistrationController;
use super::lock::LockPresented;
use super::request::{PniPart, RegistrationRequest};
use crate::error::ApiError;
use crate::events::Event;
use crate::metrics::Steps;

pub struct Attempt<'a> {
    pub controller: &'a RegistrationController,
    pub request: &'a RegistrationRequest,
    pub pni: &'a PniPart,
    /// Kind C: only this account, and only while this is its recovery password.
    pub of: Option<(AccountId, &'a RecoveryPassword)>,
    pub totp_counted: bool,
    /// The lock that was opened in an earlier round.
    pub opened: Option<MatchedLock>,
    /// The new account's lock, once it has been hashed.
    pub lock: Option<StoredLock>,
}

/// What a registration came to.
pub struct Registered {
    pub account: Account,
    /// The account that had the number before, as it was.
    pub before: Option<Account>,
}

impl Attempt<'_> {
    /// One round.
    ///
    /// # Errors
    /// [`ApiError::Contested`] if another round may do better.
    pub async fn make(&mut self, verified: &VerifiedNumber, steps: &mut Steps) -> Result<Registered, ApiError> {
        let slot = self.controller.accounts.slot_for(verified).await?;
        steps.done("lookup");
        let registered = match slot {
            Slot::Vacant(_) if self.of.is_some() => Err(ApiError::Forbidden),
            Slot::Vacant(slot) => self.create(slot).await,
            Slot::Occupied(before) => self.reclaim(*before, verified, steps).await,
        };
        steps.done("commit");
        registered
    }

    async fn create(&mut self, slot: VacantSlot) -> Result<Registered, ApiError> {
        let lock = self.hashed_lock().await?;
        let new = self.account(lock);
        let (keys, of) = (&self.controller.keys, Installation::from(&new.device));
        let (aci_keys, pni_keys) = (&self.request.aci_keys, &self.pni.keys);
        let writes = keys.writes_for_new_device(slot.ids(), DeviceId::PRIMARY, &of, aci_keys, pni_keys);
        let account = self.controller.accounts.create(slot, new, writes).await?;
        Ok(Registered { account, before: None })
    }

    async fn reclaim(
        &mut self,
        before: Account,
        verified: &VerifiedNumber,
        steps: &mut Steps,
    ) -> Result<Registered, ApiError> {
        let cleared = match self.of {
            None => {
                self.permit_losing(&before)?;
                let cleared = self.clear_lock(before.clone(), verified).await?;
                self.verify_totp(&before).await?;
                cleared
            }
            Some((aci, password)) => {
                if before.aci != aci {
                    return Err(ApiError::Forbidden);
                }
                VerifiedNumber::from_account(Some(&before), password)?;
                self.verify_totp(&before).await?;
                self.permit_losing(&before)?;
                self.clear_lock(before.clone(), verified).await?
            }
        };
        let lock = match cleared.matched() {
            Some(matched) => Some(matched.clone().into_renewed()),
            None => self.hashed_lock().await?,
        };
        steps.done("lock");
        let keys = &self.controller.keys;
        let (aci_keys, pni_keys) = (&self.request.aci_keys, &self.pni.keys);
        let new = self.account(lock);
        let (ids, of) = (cleared.ids(), Installation::from(&new.device));
        let mut writes = keys.writes_for_new_device(ids, DeviceId::PRIMARY, &of, aci_keys, pni_keys);
        writes.extend(keys.writes_for_removed_devices(cleared.account()));
        let account = self.controller.accounts.reclaim(cleared, verified, new, writes).await?;
        keys.clear(ids, before.devices.iter().map(|device| device.id).collect(), Some(of)).await;
        Ok(Registered { account, before: Some(before) })
    }

    /// The owner is offered to move everything from the old device first.
    fn permit_losing(&self, account: &Account) -> Result<(), ApiError> {
        let keep = !self.request.skip_device_transfer && account.can(&capability::TRANSFER);
        if keep { Err(ApiError::Conflict) } else { Ok(()) }
    }

    async fn clear_lock(&mut self, account: Account, verified: &VerifiedNumber) -> Result<LockCleared, ApiError> {
        let account = match self.opened.clone() {
            None => account,
            Some(opened) => match LockCleared::opened(account, opened) {
                Ok(cleared) => return Ok(cleared),
                Err(account) => *account,
            },
        };
        let cleared = self.controller.locks.verify(account, &self.request.lock, verified.by()).await?;
        self.opened = cleared.matched().cloned();
        Ok(cleared)
    }

    async fn verify_totp(&mut self, account: &Account) -> Result<(), ApiError> {
        if !self.totp_counted {
            self.controller.limits.take(LimitId::CheckTotp, &account.aci.to_string()).await?;
            self.totp_counted = true;
        }
        if totp::accepts(&account.totp, self.request.totp, self.controller.clock.now()) {
            return Ok(());
        }
        self.controller.events.publish(Event::TotpFailed { aci: account.aci });
        Err(ApiError::TotpWanted)
    }

    /// The lock of the account to come, if it shall have one.
    async fn hashed_lock(&mut self) -> Result<Option<StoredLock>, ApiError> {
        let LockPresented::Lock(lock) = &self.request.lock else { return Ok(None) };
        if self.lock.is_none() {
            let hasher = &self.controller.locks.hasher;
            self.lock = Some(hasher.hash(hasher.reserve()?, lock).await);
        }
        Ok(self.lock.clone())
    }

    fn account(&self, lock: Option<StoredLock>) -> NewAccount {
        self.request.account(self.pni, lock, &self.controller.chance)
    }
}
