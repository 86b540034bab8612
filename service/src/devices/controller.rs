//! `DevicesController`: the list of an account's devices, codes to let another one in, and how one goes (contract keys-devices
//! §3.1 to §3.3, §8.3). Letting one in is in [`link`](super::link), what is changed of a device in [`own`](super::own).
//!
//! Each route looks at the account as it stands: what a device was let in by may be a cached copy.

use signet_config::LimitId;
use signet_keys::KeysManager;
use signet_storage::AccountsManager;
use signet_storage::accounts::{AskedBy, Ids, Unlinked};
use signet_storage::chance::Chance;
use signet_storage::clock::Clock;
use signet_storage::ids::DeviceId;
use signet_storage::model::{Account, LinkKey};
use signet_storage::task::finished;

use super::response::{DeviceInfo, DeviceList, LinkCode};
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::events::{Event, Events};
use crate::limits::Limits;
use crate::mailbox::Mailbox;

/// Clones share everything.
#[derive(Clone)]
pub struct DevicesController {
    pub accounts: AccountsManager,
    pub keys: KeysManager,
    pub limits: Limits,
    pub events: Events,
    /// Where the primary waits for the device that it lets in.
    pub mailbox: Mailbox,
    pub link_key: LinkKey,
    pub clock: Clock,
    pub chance: Chance,
}

impl DevicesController {
    /// `GET /v1/devices`. 403 if the account has vanished.
    pub async fn list(&self, call: Call) -> Result<Reply, ApiError> {
        let devices = self.all(call.caller()?).await?.ok_or(ApiError::Forbidden)?;
        Ok(Reply::json(200, &DeviceList { devices }))
    }

    /// The devices of the caller's account, if there still is one.
    pub async fn all(&self, caller: &Caller) -> Result<Option<Vec<DeviceInfo>>, ApiError> {
        let Some(account) = self.current(caller).await? else { return Ok(None) };
        let info = |device| DeviceInfo::of(&account, device, &self.chance);
        Ok(Some(account.devices.iter().map(info).collect()))
    }

    /// `GET /v1/devices/provisioning/code`. The limit and the number of devices are judged before who asks.
    pub async fn code(&self, call: Call) -> Result<Reply, ApiError> {
        let caller = call.caller()?;
        let account = self.current(caller).await?.ok_or(ApiError::Unauthorized)?;
        self.limits.take(LimitId::AllocateDevice, &account.aci.to_string()).await?;
        Self::permit_another(&account)?;
        if caller.device != DeviceId::PRIMARY {
            return Err(ApiError::WrongDevice);
        }
        let token = self.link_key.issue(account.aci, self.clock.now());
        let code = LinkCode { verification_code: token.reveal(), token_identifier: token.id().encoded() };
        Ok(Reply::json(200, &code))
    }

    /// `DELETE /v1/devices/{device}`
    pub async fn remove(&self, call: Call) -> Result<Reply, ApiError> {
        let id: u8 = call.param("device").parse().map_err(|_| ApiError::NotFound)?;
        self.remove_device(call.caller()?, id).await?;
        Ok(Reply::empty(204))
    }

    /// The primary device removes any other, a linked one only itself, and nobody the primary.
    pub async fn remove_device(&self, caller: &Caller, id: u8) -> Result<(), ApiError> {
        if caller.device != DeviceId::PRIMARY && caller.device.get() != id {
            return Err(ApiError::WrongDevice);
        }
        let device = match DeviceId::try_from(id) {
            Ok(DeviceId::PRIMARY) => return Err(ApiError::Forbidden),
            Ok(device) => device,
            // No device has such an id, so it is gone.
            Err(_) => return Ok(()),
        };
        let (me, asking) = (self.clone(), caller.device()?.clone());
        let ids = Ids { aci: caller.account.aci, pni: caller.account.pni };
        finished(tokio::spawn(async move { me.unlink(ids, (asking.id, &asking.auth), device).await })).await
    }

    /// May the account have a further device?
    pub(super) fn permit_another(account: &Account) -> Result<(), ApiError> {
        if account.is_full() { Err(ApiError::TooManyDevices { devices: account.devices.len() }) } else { Ok(()) }
    }

    /// The caller's account as it stands, if there still is one.
    ///
    /// # Errors
    /// 401 if it no longer has the caller's device.
    async fn current(&self, caller: &Caller) -> Result<Option<Account>, ApiError> {
        let asked_by = caller.asked_by()?;
        let account = self.accounts.get(caller.account.aci).await?;
        if account.as_ref().is_some_and(|account| !account.lets_in(asked_by)) {
            return Err(ApiError::Unauthorized);
        }
        Ok(account)
    }

    async fn unlink(&self, ids: Ids, asked_by: AskedBy<'_>, device: DeviceId) -> Result<(), ApiError> {
        let keys = |account: &Account| self.keys.writes_for_removed_device(account, device);
        match self.accounts.remove_device(ids.aci, asked_by, device, keys).await? {
            Unlinked::NotLetIn => Err(ApiError::Unauthorized),
            Unlinked::Absent => Ok(()),
            Unlinked::Removed(_) => {
                self.events.publish(Event::DeviceRemoved { aci: ids.aci, device });
                self.keys.clear(ids, vec![device], None).await;
                Ok(())
            }
        }
    }
}
