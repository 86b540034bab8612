//! `PUT /v1/accounts/attributes`: what a device says of itself and of its account, all of it in place of what was there (contract
//! registration §9.3). What is left out is no longer so: no lock, no name, no capabilities. Only a recovery password stays until
//! another one is given.

use std::collections::BTreeSet;

use signet_storage::clock::Timestamp;
use signet_storage::lock_hasher::StoredLock;
use signet_storage::model::recovery::NewRecovery;
use signet_storage::model::{Account, Opaque, capability};

use super::AccountController;
use crate::call::{Call, Caller, Reply};
use crate::devices::attributes;
use crate::error::ApiError;
use crate::registration::lock::LockPresented;
use crate::registration::request::body::Attributes;
use crate::wire;

/// All that is replaced, ready to be written.
struct Replacement {
    fetches: bool,
    name: Option<Opaque>,
    capabilities: BTreeSet<String>,
    /// One that is blank says nothing.
    user_agent: Option<String>,
    lock: Option<StoredLock>,
    access_key: Option<Opaque>,
    unrestricted: bool,
    discoverable: bool,
    recovery: Option<NewRecovery>,
}

impl AccountController {
    /// `PUT /v1/accounts/attributes`, by any device.
    pub async fn set_attributes(&self, call: Call) -> Result<Reply, ApiError> {
        let presented: Attributes = wire::read(&call.body)?;
        let (caller, agent) = (call.caller()?, call.headers.get("x-signal-agent"));
        let replacement = self.replacement(caller, &presented, agent).await?;
        self.replace(caller, &replacement).await?;
        Ok(Reply::empty(204))
    }

    /// # Errors
    /// 422 for what cannot be so, as at a registration; registration ids are judged and not kept. 503 and 429 as for a
    /// lock that is set by itself.
    async fn replacement(
        &self,
        caller: &Caller,
        presented: &Attributes,
        agent: Option<&str>,
    ) -> Result<Replacement, ApiError> {
        presented.check()?;
        attributes::registration_ids(presented.registration_id, presented.pni_registration_id)?;
        let name = attributes::name(presented.name.as_ref())?;
        let lock = match presented.lock()? {
            LockPresented::Lock(lock) => Some(self.hashed(caller, &lock).await?),
            LockPresented::No | LockPresented::Empty => None,
        };
        Ok(Replacement {
            fetches: presented.fetches_messages,
            name,
            capabilities: presented.capabilities.as_ref().map(capability::known).unwrap_or_default(),
            user_agent: agent.filter(|agent| !agent.trim().is_empty()).map(str::to_owned),
            lock,
            access_key: presented.access_key(),
            unrestricted: presented.unrestricted_unidentified_access,
            discoverable: presented.discoverable_by_phone_number.unwrap_or(true),
            recovery: presented.recovery().map(|password| NewRecovery::of(&password, &self.chance)),
        })
    }

    async fn replace(&self, caller: &Caller, by: &Replacement) -> Result<(), ApiError> {
        let set = |account: &mut Account, now: Timestamp| {
            let Some(device) = account.device_mut(caller.device) else {
                return (Err(ApiError::Unauthorized), Vec::new());
            };
            device.fetch_by_itself(by.fetches);
            device.name.clone_from(&by.name);
            device.last_seen = now.midnight();
            device.capabilities.clone_from(&by.capabilities);
            if let Some(agent) = &by.user_agent {
                device.user_agent = Some(agent.clone());
            }
            account.registration_lock.clone_from(&by.lock);
            account.unidentified_access_key.clone_from(&by.access_key);
            account.unrestricted_unidentified_access = by.unrestricted;
            account.discoverable_by_phone_number = by.discoverable;
            let recovery = by.recovery.as_ref().map(|recovery| self.remember(account, recovery));
            (Ok(()), recovery.into_iter().collect())
        };
        self.change("attributes", caller, set).await
    }
}
