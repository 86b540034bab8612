//! Clearing away the one-time keys of devices that went or registered again (contract `keys-devices.md` §1A.6).
//!
//! Nobody gets these keys any more: what points at them went with the account's transaction. This is housekeeping after it, and
//! what it leaves, because it was cut off or the store did not answer, is rubbish and no harm.

use signet_storage::StoreError;
use signet_storage::accounts::Ids;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::text_of;
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::{DeviceId, NumberId, ServiceId};
use signet_storage::task::finished;

use crate::{Installation, KeysManager, pages};

impl KeysManager {
    /// Clears away what these devices left for both identities of their account, but for what is of the installation `but`, or
    /// of whoever has the device's id by now. Also if the client who waits for it goes away.
    pub async fn clear(&self, ids: Ids, devices: Vec<DeviceId>, but: Option<Installation>) {
        let me = self.clone();
        finished(tokio::spawn(async move {
            let of_aci = me.clear_identity(ServiceId::Aci(ids.aci), &devices, but.as_ref());
            tokio::join!(of_aci, me.clear_identity(ServiceId::Pni(ids.pni), &devices, but.as_ref()));
        }))
        .await;
    }

    /// The same for what these devices left under a number that their account no longer has.
    pub async fn clear_number(&self, pni: NumberId, devices: Vec<DeviceId>) {
        let me = self.clone();
        let clear = async move { me.clear_identity(ServiceId::Pni(pni), &devices, None).await };
        finished(tokio::spawn(clear)).await;
    }

    async fn clear_identity(&self, identity: ServiceId, devices: &[DeviceId], but: Option<&Installation>) {
        let cleared = self.clear_shelves(identity, devices, but).await;
        let outcome = if cleared.is_ok() { "cleared" } else { "failed" };
        metrics::counter!("signet_prekeys_cleared_total", "outcome" => outcome).increment(1);
    }

    async fn clear_shelves(
        &self,
        identity: ServiceId,
        devices: &[DeviceId],
        but: Option<&Installation>,
    ) -> Result<(), StoreError> {
        let mut pages = self.dynamo.list_keys(Table::Prekeys, &pages::partition(identity)).await?;
        pages.retain(|page| {
            let page = page_of(page);
            let of_one = |device: &DeviceId| page.starts_with(&pages::of_device(*device));
            let stays = |device: &DeviceId| but.is_some_and(|but| pages::is_of(page, *device, but));
            devices.iter().any(|device| of_one(device) && !stays(device))
        });
        // Somebody else may have been given the id meanwhile. Whose pages are listed above, has a row by now.
        for device in devices {
            let of_one = |page: &Item| page_of(page).starts_with(&pages::of_device(*device));
            if pages.iter().any(of_one)
                && let Some(row) = self.get(identity, *device).await?
            {
                pages.retain(|page| !pages::is_of(page_of(page), *device, &Installation::stored(&row)));
            }
        }
        self.dynamo.remove_all(Table::Prekeys, pages).await
    }
}

fn page_of(row: &Item) -> &str {
    text_of(row, "page").unwrap_or_default()
}
