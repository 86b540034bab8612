//! Clearing away the one-time keys of devices that went or registered again (contract `keys-devices.md` §1A.6).
//!
//! Nobody gets these keys any more: what points at them went with the account's transaction. This is housekeeping after it, and
//! what it leaves, because it was cut off or the store did not answer, is rubbish and no harm.

use signet_storage::StoreError;
use signet_storage::accounts::Ids;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::task::finished;

use crate::{Installation, KeysManager, pages};

impl KeysManager {
    /// Clears away what these devices left for both identities of their account, but for what is of the installation `but`. Also
    /// if the client who waits for it goes away.
    pub async fn clear(&self, ids: Ids, devices: Vec<DeviceId>, but: Option<Installation>) {
        let me = self.clone();
        let identities = [ServiceId::Aci(ids.aci), ServiceId::Pni(ids.pni)];
        finished(tokio::spawn(async move {
            for (identity, device) in devices.iter().flat_map(|device| identities.map(|identity| (identity, *device))) {
                let cleared = me.clear_shelf(identity, device, but.as_ref()).await;
                let outcome = if cleared.is_ok() { "cleared" } else { "failed" };
                metrics::counter!("signet_prekeys_cleared_total", "outcome" => outcome).increment(1);
            }
        }))
        .await;
    }

    async fn clear_shelf(
        &self,
        identity: ServiceId,
        device: DeviceId,
        but: Option<&Installation>,
    ) -> Result<(), StoreError> {
        let begins = pages::of_device(device);
        let rows = self.dynamo.list_keys(Table::Prekeys, &pages::partition(identity), &begins).await?;
        let is_old = |row: &Item| {
            let page = row.get("page").and_then(|page| page.as_s().ok());
            page.is_some_and(|page| but.is_none_or(|but| !pages::is_of(page, device, but)))
        };
        self.dynamo.remove_all(Table::Prekeys, rows.into_iter().filter(is_old).collect()).await
    }
}
