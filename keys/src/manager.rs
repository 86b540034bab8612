//! `KeysManager`: device keys as rows. It composes writes and leaves committing them to whoever writes the account, so that an
//! account and its keys come into being, change and go together.

use std::collections::BTreeMap;

use signet_storage::accounts::Ids;
use signet_storage::clock::Clock;
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Dynamo, Item, Write};
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::{Account, Device};
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

    /// The rows of all devices' keys under their account's number, which may be another one now, the removal of those under the
    /// number that was left, and that of the keys of the account that had the new one. `keys` has those of each device.
    pub fn writes_for_new_number(
        &self,
        before: &Account,
        after: &Account,
        displaced: Option<&Account>,
        keys: &BTreeMap<DeviceId, CheckedDeviceKeys>,
    ) -> Vec<Write> {
        let (now, pni) = (self.clock.now(), ServiceId::Pni(after.pni));
        let row = |device: &Device| Some(rows::row(pni, device.id, &device.into(), keys.get(&device.id)?, now));
        let mut writes: Vec<Write> = after.devices.iter().filter_map(row).map(put_pni_keys).collect();
        if before.pni != after.pni {
            let left = before.devices.iter().map(|device| rows::key(ServiceId::Pni(before.pni), device.id));
            writes.extend(left.map(|key| Write::delete("left keys", Table::Keys, key)));
        }
        let stays = |key: &Item| after.devices.iter().any(|device| rows::key(pni, device.id) == *key);
        if let Some(displaced) = displaced {
            let gone = key_rows(displaced, |_| true).filter(|key| !stays(key));
            writes.extend(gone.map(|key| Write::delete("displaced keys", Table::Keys, key)));
        }
        writes
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

fn put_pni_keys(row: Item) -> Write {
    Write::put("pni keys", Table::Keys, row)
}

/// The keys of those devices of an account, for both of its identities.
fn removal(label: &'static str, account: &Account, which: impl Fn(DeviceId) -> bool) -> Vec<Write> {
    key_rows(account, which).map(|key| Write::delete(label, Table::Keys, key)).collect()
}

/// Where they are.
fn key_rows(account: &Account, which: impl Fn(DeviceId) -> bool) -> impl Iterator<Item = Item> {
    let identities = [ServiceId::Aci(account.aci), ServiceId::Pni(account.pni)];
    let devices = account.devices.iter().map(|device| device.id).filter(move |device| which(*device));
    devices.flat_map(move |device| identities.map(|identity| rows::key(identity, device)))
}
