//! `KeysManager`: device keys as rows. It composes writes and leaves committing them to whoever writes the account, so that an
//! account and its keys come into being, change and go together.

use signet_storage::accounts::Ids;
use signet_storage::clock::Clock;
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Dynamo, Item, Write};
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::Account;
use signet_storage::{Storage, StoreError};

use crate::rows::{self, StoredDeviceKeys};
use crate::{CheckedDeviceKeys, Installation};

#[derive(Clone, Debug)]
pub struct KeysManager {
    pub(crate) dynamo: Dynamo,
    pub(crate) clock: Clock,
}

impl KeysManager {
    pub fn new(storage: &Storage) -> Self {
        let Storage { dynamo, clock, .. } = storage.clone();
        Self { dynamo, clock }
    }

    /// The rows of a new device's keys, for both of its account's identities. They replace what stands there.
    pub fn writes_for_new_device(
        &self,
        ids: Ids,
        device: DeviceId,
        of: &Installation,
        aci: &CheckedDeviceKeys,
        pni: &CheckedDeviceKeys,
    ) -> Vec<Write> {
        let now = self.clock.now();
        let put = |label, identity, keys| Write::put(label, Table::Keys, rows::row(identity, device, of, keys, now));
        vec![put("aci keys", ServiceId::Aci(ids.aci), aci), put("pni keys", ServiceId::Pni(ids.pni), pni)]
    }

    /// The removal of every linked device's keys: the account registers again, and its primary device alone stays.
    pub fn writes_for_removed_devices(&self, account: &Account) -> Vec<Write> {
        removal("linked keys", account, |device| device != DeviceId::PRIMARY)
    }

    /// The removal of a linked device's keys.
    pub fn writes_for_removed_device(&self, account: &Account, device: DeviceId) -> Vec<Write> {
        removal("device's keys", account, |id| id == device)
    }

    /// The removal of all keys of an account that goes.
    pub fn writes_for_removed_account(&self, account: &Account) -> Vec<Write> {
        removal("keys", account, |_| true)
    }

    /// A device's keys for one identity as they are stored.
    pub async fn get(&self, identity: ServiceId, device: DeviceId) -> Result<Option<StoredDeviceKeys>, StoreError> {
        let row = self.dynamo.get(Table::Keys, rows::key(identity, device)).await?;
        row.map(StoredDeviceKeys::read).transpose()
    }

    /// How many one-time keys some devices have left, by [`Kind`](crate::Kind), and where to go on; `None` there at the end.
    pub async fn walk(&self, most: i32, from: Option<Item>) -> Result<(Vec<[u64; 2]>, Option<Item>), StoreError> {
        let (devices, next) = self.dynamo.walk(Table::Keys, most, from).await?;
        Ok((devices.iter().map(rows::left).collect(), next))
    }
}

/// The keys of those devices of an account, for both of its identities.
fn removal(label: &'static str, account: &Account, which: impl Fn(DeviceId) -> bool) -> Vec<Write> {
    let identities = [ServiceId::Aci(account.aci), ServiceId::Pni(account.pni)];
    let delete = |identity, device| Write::delete(label, Table::Keys, rows::key(identity, device));
    let devices = account.devices.iter().map(|device| device.id).filter(|device| which(*device));
    devices.flat_map(|device| identities.map(|identity| delete(identity, device))).collect()
}
