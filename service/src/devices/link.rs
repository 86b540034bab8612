//! `PUT /v1/devices/link`: a device is let into an account (contract keys-devices §3.4).
//!
//! The order of the checks is the contract's. Those that another commit may overturn (how many devices there are, what they can
//! do, whether the token was used) are made again, or made at all, by the commit.

use signet_config::LimitId;
use signet_keys::Installation;
use signet_storage::accounts::{Ids, Linked};
use signet_storage::model::{Account, LinkPermit, NewDevice};
use signet_storage::task::finished;

use super::DevicesController;
use super::request::{LinkKeys, LinkRequest};
use super::response::{DeviceInfo, LinkResponse};
use crate::call::{Call, Reply};
use crate::error::ApiError;
use crate::events::Event;
use crate::waiting::linked_device;

impl DevicesController {
    /// `PUT /v1/devices/link`
    pub async fn link(&self, call: Call) -> Result<Reply, ApiError> {
        let request = LinkRequest::read(&call)?;
        let permit = self.link_key.verify(&request.token, self.clock.now()).map_err(|_| ApiError::Forbidden)?;
        let account = self.accounts.get(permit.aci()).await?.filter(|account| !account.is_frozen());
        let account = account.ok_or(ApiError::Forbidden)?;
        self.limits.take(LimitId::VerifyDevice, &permit.aci().to_string()).await?;
        let keys = request.keys(&account)?;
        Self::permit_another(&account)?;
        let device = request.device(&keys, &self.chance)?;
        // A client that hangs up must not leave a device of which nobody heard.
        let me = self.clone();
        let linked = finished(tokio::spawn(async move { me.add(permit, account, device, keys).await })).await?;
        let Linked { account, device } = linked;
        Ok(Reply::json(200, &LinkResponse { uuid: account.aci, pni: account.pni, device_id: device }))
    }

    async fn add(
        &self,
        permit: LinkPermit,
        checked: Account,
        new: NewDevice,
        LinkKeys { aci, pni, .. }: LinkKeys,
    ) -> Result<Linked, ApiError> {
        let of = Installation::from(&new);
        let rows = |ids, device| self.keys.writes_for_new_device(ids, device, &of, &aci, &pni);
        let linked = self.accounts.add_device(&permit, &checked, new, rows).await?;
        let Linked { account, device } = &linked;
        self.events.publish(Event::DeviceLinked { aci: account.aci, device: *device });
        if let Some(device) = account.device(*device) {
            let info = DeviceInfo::of(account, device, &self.chance);
            // The device is linked, whoever hears of it; the primary finds it in the list.
            let _ = linked_device::announce(&self.mailbox, permit.token(), &info).await;
        }
        // What a device that had this id before may have left.
        self.keys.clear(Ids { aci: account.aci, pni: account.pni }, vec![*device], Some(of)).await;
        Ok(linked)
    }
}
