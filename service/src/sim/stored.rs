//! What the store holds of one number, read past every fault, and what must be true of it whatever has happened.

use std::collections::BTreeSet;

use signet_keys::rows::StoredDeviceKeys;
use signet_keys::signing::ClientKeys;
use signet_storage::dynamo::items::{self, key, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::{DeviceId, RegistrationId, ServiceId};
use signet_storage::model::capability;
use signet_storage::model::recovery::NumberRecovery;
use signet_storage::model::{Account, Device};
use signet_storage::number::E164;
use signet_storage::{Storage, StoreError};

use super::model::{MOST_DEVICES, RowHolder, RowSeat, Rows};
use super::people::{self, Keys};

pub struct Found {
    pub rows: Rows,
    /// The number's PNI, once it has one.
    pub pni: Option<String>,
    /// What is wrong in itself.
    pub wrong: Option<&'static str>,
}

pub async fn look(storage: &Storage, number: u32) -> Result<Found, StoreError> {
    let canonical = people::number(number, false);
    let claim = storage.dynamo.get(Table::Claims, key("claim", format!("tel#{canonical}"))).await?;
    let claim = claim.unwrap_or_default();
    let pni = text_of(&claim, "pni").map(str::to_owned);
    let mut found = Found { rows: Rows::default(), pni, wrong: None };
    found.rows.gone = text_of(&claim, "formerAci").map(str::to_owned);
    if let Some(pni) = &found.pni {
        found.rows.recovery = recovers(storage, pni).await?;
    }
    let Some(aci) = text_of(&claim, "aci") else { return Ok(found) };
    let Some(row) = storage.dynamo.get(Table::Accounts, key("aci", aci)).await? else {
        found.wrong = Some("a number belongs to an account that is not there");
        return Ok(found);
    };
    let account: Account = items::from_item(row, "account")?;
    found.wrong = keys_of_another(storage, &account).await?;
    if found.pni.as_deref() != Some(account.pni.to_string().as_str()) {
        found.wrong = Some("an account has another PNI than its number");
    }
    found.rows.holder = Some(holder(&account));
    Ok(found)
}

/// Is a recovery password kept that has not run out?
async fn recovers(storage: &Storage, pni: &str) -> Result<bool, StoreError> {
    let row = storage.dynamo.get(Table::Recovery, key("pni", pni)).await?;
    let kept: Option<NumberRecovery> = row.map(|row| items::from_item(row, "recovery password")).transpose()?;
    Ok(kept.is_some_and(|kept| storage.clock.now() < kept.until))
}

fn holder(account: &Account) -> RowHolder {
    let seat = |device: &Device| RowSeat {
        mark: device.registration_id.get(),
        pni: device.pni_registration_id.map_or(0, RegistrationId::get),
        seen: device.last_seen.millis(),
        frozen: device.auth.is_frozen(),
    };
    RowHolder {
        who: account.aci.to_string(),
        devices: account.devices.iter().map(|device| (device.id.get(), seat(device))).collect(),
        has_lock: account.registration_lock.is_some(),
        recovery: account.recovery_password.is_some(),
        totp: account.totp.len(),
        registered: account.registered_at.millis(),
        can_transfer: account.can(&capability::TRANSFER),
        old_form: E164::is_obsolete_form(&account.phone_number),
    }
}

/// Identity key, signed pre-key and last-resort key of every device are all of the registration that the account names, or, for
/// the PNI, of the move; and in the name of the device that is there.
async fn keys_of_another(storage: &Storage, account: &Account) -> Result<Option<&'static str>, StoreError> {
    let manager = signet_keys::KeysManager::new(storage);
    let primary = account.device(DeviceId::PRIMARY);
    let ids: BTreeSet<u8> = account.devices.iter().map(|device| device.id.get()).collect();
    if ids.len() != account.devices.len() || ids.len() > MOST_DEVICES {
        return Ok(Some("an account has too many devices, or one twice"));
    }
    let identities = [ServiceId::Aci(account.aci), ServiceId::Pni(account.pni)];
    for (n, (identity, named)) in
        identities.into_iter().zip([&account.identity_key, &account.pni_identity_key]).enumerate()
    {
        let id_of = |device: &Device| match identity {
            ServiceId::Aci(_) => Some(device.registration_id),
            ServiceId::Pni(_) => device.pni_registration_id,
        };
        let keys = people::keys_of(primary.and_then(id_of).map_or(0, RegistrationId::get))[n];
        if named.as_bytes() != keys.identity.public().serialize() {
            return Ok(Some("an account has the identity of another registration"));
        }
        for device in &account.devices {
            let Some(stored) = manager.get(identity, device.id).await? else {
                return Ok(Some("a device has no keys"));
            };
            if !all_of(&stored, keys) || Some(stored.registration_id) != id_of(device) {
                return Ok(Some("a device has keys of another registration"));
            }
        }
    }
    Ok(None)
}

fn all_of(stored: &StoredDeviceKeys, keys: &Keys) -> bool {
    let ClientKeys { signed, last_resort } = &keys.device;
    stored.identity == *keys.identity.public() && stored.signed == *signed && stored.last_resort == *last_resort
}
