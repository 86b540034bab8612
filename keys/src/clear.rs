//! Clearing away the one-time keys of devices that went or registered again (contract `keys-devices.md` §1A.6).
//!
//! Nobody gets these keys any more: what points at them went with the account's transaction. This is housekeeping after it, and
//! what it leaves, because it was cut off or the store did not answer, is rubbish and no harm.

use signet_storage::StoreError;
use signet_storage::accounts::Ids;
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::task::finished;

use crate::{Installation, KeysManager, pages};

impl KeysManager {
    /// Clears away what these devices left for both identities of their account, but for what is of the installation `but`. Also
    /// if the client who waits for it goes away.
    pub async fn clear(&self, ids: Ids, devices: Vec<DeviceId>, but: Option<Installation>) {
        let me = self.clone();
        finished(tokio::spawn(async move {
            let identities = [ServiceId::Aci(ids.aci), ServiceId::Pni(ids.pni)];
            let [aci, pni] = identities.map(|identity| me.clear_shelves(identity, &devices, but.as_ref()));
            for cleared in <[_; 2]>::from(tokio::join!(aci, pni)) {
                let outcome = if cleared.is_ok() { "cleared" } else { "failed" };
                metrics::counter!("signet_prekeys_cleared_total", "outcome" => outcome).increment(1);
            }
        }))
        .await;
    }

    async fn clear_shelves(
        &self,
        identity: ServiceId,
        devices: &[DeviceId],
        but: Option<&Installation>,
    ) -> Result<(), StoreError> {
        let mut pages = self.dynamo.list_keys(Table::Prekeys, &pages::partition(identity)).await?;
        pages.retain(|page| {
            let page = page.get("page").and_then(|page| page.as_s().ok()).map_or("", String::as_str);
            let of_one = |device: &DeviceId| page.starts_with(&pages::of_device(*device));
            let stays = |device: &DeviceId| but.is_some_and(|but| pages::is_of(page, *device, but));
            devices.iter().any(|device| of_one(device) && !stays(device))
        });
        self.dynamo.remove_all(Table::Prekeys, pages).await
    }
}
