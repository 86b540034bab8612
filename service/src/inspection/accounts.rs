//! Does every account have the rows that are its own?

use futures::future::try_join_all;
use signet_keys::{Installation, rows as key_rows};
use signet_storage::StoreError;
use signet_storage::accounts::rows;
use signet_storage::accounts::rows::username::{self, UsernameClaim};
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::{self, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::{Account, Device, Opaque};

use super::looked_up::LookedUp;
use super::{Fault, Finding, Inspection, Looked};

impl Inspection {
    pub(super) async fn accounts(&self, rows: &[Item]) -> Result<Looked, StoreError> {
        let mut looked = Looked::default();
        let mut accounts = Vec::new();
        for row in rows {
            match items::from_item::<Account>(row.clone(), "account") {
                Ok(account) => accounts.push(account),
                Err(_) => looked.findings.push(Finding::new(Table::Accounts, row, Fault::Unreadable)),
            }
        }
        let there = LookedUp::of(&self.dynamo, accounts.iter().flat_map(wanted)).await?;
        for account in &accounts {
            let mut faults = Vec::new();
            devices(account, &mut faults);
            number(account, &there, &mut faults);
            names(account, &there, &mut faults);
            keys(account, &there, &mut faults);
            if faults.iter().any(|fault| matches!(fault, Fault::PniUnclaimed | Fault::PniOf { .. })) {
                self.disputed.add(account.pni);
            }
            looked.findings.extend(faults.into_iter().map(|fault| of(account, fault)));
        }
        let indexed = accounts.iter().map(async |account| self.is_indexed(account).await);
        for (account, indexed) in accounts.iter().zip(try_join_all(indexed).await?) {
            looked.findings.extend((!indexed).then(|| of(account, Fault::NotIndexed)));
        }
        Ok(looked)
    }

    async fn is_indexed(&self, account: &Account) -> Result<bool, StoreError> {
        let found = self.dynamo.find(Table::Accounts, account.phone_number.as_str()).await?;
        let aci = account.aci.to_string();
        Ok(found.iter().any(|entry| text_of(entry, "aci") == Some(&aci)))
    }
}

fn of(account: &Account, fault: Fault) -> Finding {
    Finding::new(Table::Accounts, &rows::account_key(account.aci), fault)
}

/// The keys of the rows that the account should have.
fn wanted(account: &Account) -> impl Iterator<Item = (Table, Item)> + use<> {
    let mut wanted =
        vec![(Table::Claims, rows::number_key(&account.phone_number)), (Table::Claims, rows::pni_key(account.pni))];
    wanted.extend(account.username.hash.as_ref().map(|hash| (Table::Claims, username::username_key(hash))));
    wanted.extend(account.username.link_handle.map(|handle| (Table::Claims, username::link_key(handle))));
    let identities = [ServiceId::Aci(account.aci), ServiceId::Pni(account.pni)];
    let rows_of = |device: &Device| identities.map(|identity| (Table::Keys, key_rows::key(identity, device.id)));
    wanted.extend(account.devices.iter().flat_map(rows_of));
    wanted.into_iter()
}

fn devices(account: &Account, faults: &mut Vec<Fault>) {
    let mut ids: Vec<DeviceId> = account.devices.iter().map(|device| device.id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != account.devices.len() {
        faults.push(Fault::Devices("has a device twice"));
    }
    if account.device(DeviceId::PRIMARY).is_none() {
        faults.push(Fault::Devices("has no primary device"));
    }
    if account.devices.len() > Account::MOST_DEVICES {
        faults.push(Fault::Devices("has more devices than it may have"));
    }
}

fn number(account: &Account, there: &LookedUp, faults: &mut Vec<Fault>) {
    let (aci, pni) = (account.aci.to_string(), account.pni.to_string());
    match there.get(Table::Claims, &rows::number_key(&account.phone_number)) {
        None => faults.push(Fault::NumberUnclaimed),
        Some(claim) if text_of(claim, "aci") != Some(&aci) => {
            faults.push(Fault::NumberOf { owner: text_of(claim, "aci").map(str::to_owned) });
        }
        Some(claim) if text_of(claim, "pni") != Some(&pni) => {
            faults.push(Fault::NumberHasPni { pni: text_of(claim, "pni").unwrap_or("none").to_owned() });
        }
        Some(_) => {}
    }
    match there.get(Table::Claims, &rows::pni_key(account.pni)) {
        None => faults.push(Fault::PniUnclaimed),
        Some(claim) if text_of(claim, "aci") != Some(&aci) => {
            faults.push(Fault::PniOf { owner: text_of(claim, "aci").map(str::to_owned) });
        }
        Some(_) => {}
    }
}

fn names(account: &Account, there: &LookedUp, faults: &mut Vec<Fault>) {
    let aci = account.aci;
    if let Some(hash) = &account.username.hash {
        let claim = there.get(Table::Claims, &username::username_key(hash)).cloned();
        match claim.map(UsernameClaim::read) {
            None => faults.push(Fault::UsernameUnclaimed),
            Some(Ok(claim)) if claim.aci != aci => {
                faults.push(Fault::UsernameOf { owner: claim.aci.to_string() });
            }
            Some(Ok(claim)) if !claim.confirmed => faults.push(Fault::UsernameUnconfirmed),
            // What cannot be read is told where the claims are looked at.
            Some(_) => {}
        }
    }
    // A link leads nowhere while its name is not confirmed, and has its claim all the same.
    if let Some(handle) = account.username.link_handle {
        match there.get(Table::Claims, &username::link_key(handle)) {
            None => faults.push(Fault::LinkUnclaimed),
            Some(claim) if text_of(claim, "aci") != Some(&aci.to_string()) => {
                faults.push(Fault::LinkOf { owner: text_of(claim, "aci").map(str::to_owned) });
            }
            Some(_) => {}
        }
    }
}

fn keys(account: &Account, there: &LookedUp, faults: &mut Vec<Fault>) {
    let identities = [
        (ServiceId::Aci(account.aci), &account.identity_key),
        (ServiceId::Pni(account.pni), &account.pni_identity_key),
    ];
    for (identity, made_with) in identities {
        for device in &account.devices {
            let (name, id) = (identity.uuid().to_string(), device.id.get());
            let row = there.get(Table::Keys, &key_rows::key(identity, device.id));
            let fault = match row.map(|row| differs(row, made_with, device)) {
                None => Some(Fault::KeysMissing { identity: name, device: id }),
                Some(Some(what)) => Some(Fault::KeysOfAnother { identity: name, device: id, what }),
                Some(None) => None,
            };
            faults.extend(fault);
        }
    }
}

/// In what the keys of a device are not those of the device.
fn differs(row: &Item, made_with: &Opaque, device: &Device) -> Option<&'static str> {
    let identity = row.get("identityKey").and_then(|key| key.as_b().ok()).map(|key| key.as_ref());
    let of = row.get("installation").and_then(|tag| tag.as_s().ok());
    if identity != Some(made_with.as_bytes()) {
        Some("identity key")
    } else if of.is_none_or(|tag| tag != Installation::from(device).tag()) {
        Some("installation")
    } else {
        None
    }
}
