//! The commits `link` and `unlink`: a device joins an account, or leaves it (contract keys-devices §1A.6, §3.1, §3.4).
//!
//! Whether a device may join is decided on the version of the account that is committed, and whether its token was used by the
//! token's row in the same commit. A device is known by its salted password, which is drawn for it alone: by that an addition
//! whose answer was lost knows its own work again, and a removal does not take a later device with the same id.

use std::time::Duration;

use uuid::Uuid;

use super::update::ROUNDS;
use super::{AccountsError, AccountsManager, AskedBy, Ids, rows};
use crate::clock::Timestamp;
use crate::dynamo::items;
use crate::dynamo::tables::Table;
use crate::dynamo::{CommitError, Write};
use crate::ids::{AccountId, DeviceId};
use crate::model::{Account, Device, LinkPermit, NewDevice};
#[cfg(feature = "planted-bugs")]
use crate::planted::{Bug, planted};

/// The label of the write that says that a token was used.
const TOKEN: &str = "link token";
const TOKEN_KEY: &str = "token";

/// How long it is remembered that a token was used, after it has become too old: longer than any two clocks are apart.
const REMEMBERED_FOR: Duration = Duration::from_secs(86_400);

/// An account with a device more.
#[derive(Clone, Debug)]
pub struct Linked {
    pub account: Account,
    pub device: DeviceId,
}

/// Why a device was not added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The token was used, or nobody may use its account now.
    #[error("no permission to add a device")]
    NotPermitted,
    /// The account has other identity keys than those that the device's keys were checked against.
    #[error("the account has other identity keys now")]
    OtherIdentity,
    #[error("the account has as many devices as it may have")]
    Full { devices: usize },
    /// The device cannot do what it would have to.
    #[error("the device lacks a capability")]
    Downgrade,
    #[error(transparent)]
    Accounts(#[from] AccountsError),
}

/// What became of a removal.
#[derive(Clone, Debug, PartialEq)]
pub enum Unlinked {
    /// The device is gone. It was this one.
    Removed(Box<Device>),
    /// There was no such device.
    Absent,
    /// Whoever asked is no longer let in by the account as it stands now.
    NotLetIn,
}

impl AccountsManager {
    /// Adds a device under the smallest id that is free, with the rows of its keys and that of the used token, all or nothing.
    /// `checked` is the account as the device's keys were checked against it.
    ///
    /// If the answer of the store is lost, the addition is sent again and recognises its own rows.
    pub async fn add_device(
        &self,
        permit: &LinkPermit,
        checked: &Account,
        new: NewDevice,
        keys: impl Fn(Ids, DeviceId) -> Vec<Write>,
    ) -> Result<Linked, LinkError> {
        for round in 0..ROUNDS {
            let before = self.get(permit.aci()).await.map_err(AccountsError::from)?.ok_or(LinkError::NotPermitted)?;
            if let Some(device) = before.devices.iter().find(|device| device.auth.salt() == new.auth.salt()) {
                // An earlier round was committed after all.
                let device = device.id;
                return Ok(Linked { account: before, device });
            }
            let device = before.place_for(&new, checked)?;
            #[cfg(feature = "planted-bugs")]
            if round == 0 && planted(Bug::TokenLookedUpBefore) {
                let key = items::key(TOKEN_KEY, permit.token().encoded());
                let used = self.dynamo.get(Table::LinkTokens, key).await.map_err(AccountsError::from)?;
                used.map_or(Ok(()), |_| Err(LinkError::NotPermitted))?;
            }
            let mut account = before.clone();
            account.devices.push(new.clone().at(device, self.clock.now()));
            account.version = before.version + 1;
            let commit = self.chance.uuid();
            // The token first: of two refusals the first is told, and this one is final.
            let mut writes = vec![use_up(permit, commit), rows::put_account(&account, Some(before.version), commit)];
            writes.extend(keys(Ids { aci: account.aci, pni: account.pni }, device));
            match self.commit("link", writes, Some(&before), account).await {
                Ok(account) => return Ok(Linked { account, device }),
                Err(CommitError::Refused { label: TOKEN, .. }) => return Err(LinkError::NotPermitted),
                Err(CommitError::Store(e)) => return Err(AccountsError::from(e).into()),
                Err(_) => self.back_off(round).await,
            }
        }
        Err(AccountsError::Contested.into())
    }

    /// Removes a device and what `keys` lists of it, if whoever asks, as the device with these credentials, is let in by the
    /// account as it stands now.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if others kept changing the account.
    pub async fn remove_device(
        &self,
        aci: AccountId,
        asked_by: AskedBy<'_>,
        device: DeviceId,
        keys: impl Fn(&Account) -> Vec<Write>,
    ) -> Result<Unlinked, AccountsError> {
        let mut found: Option<Device> = None;
        let remove = |account: &mut Account, _: Timestamp| {
            let there = account.device(device).cloned();
            if let Some(found) = &found
                && there.as_ref().is_none_or(|there| there.auth.salt() != found.auth.salt())
            {
                // An earlier round was committed after all, or somebody else removed it meanwhile.
                return (Unlinked::Removed(Box::new(found.clone())), Vec::new());
            }
            if !account.lets_in(asked_by) {
                return (Unlinked::NotLetIn, Vec::new());
            }
            let Some(there) = there else { return (Unlinked::Absent, Vec::new()) };
            let writes = keys(account);
            account.devices.retain(|other| other.id != device);
            found = Some(there.clone());
            (Unlinked::Removed(Box::new(there)), writes)
        };
        let done = self.update("unlink", aci, remove).await?;
        Ok(done.map_or(Unlinked::NotLetIn, |(_, unlinked)| unlinked))
    }
}

impl Account {
    /// The id under which this device may join the account as it is. `checked` is the account that its keys were checked for.
    fn place_for(&self, new: &NewDevice, checked: &Self) -> Result<DeviceId, LinkError> {
        let keys = |account: &Self| (account.identity_key.clone(), account.pni_identity_key.clone());
        if self.is_frozen() {
            Err(LinkError::NotPermitted)
        } else if keys(self) != keys(checked) {
            Err(LinkError::OtherIdentity)
        } else if self.is_full() {
            Err(LinkError::Full { devices: self.devices.len() })
        } else if self.is_downgraded_by(&new.capabilities) {
            Err(LinkError::Downgrade)
        } else {
            let free = (2..).map_while(|id| DeviceId::try_from(id).ok()).find(|id| self.device(*id).is_none());
            free.ok_or(LinkError::Full { devices: self.devices.len() })
        }
    }
}

/// The token was not used before, or was used by this very commit.
fn use_up(permit: &LinkPermit, commit: Uuid) -> Write {
    let commit = commit.to_string();
    let mut row = items::sign(items::key(TOKEN_KEY, permit.token().encoded()), &commit);
    let expires = permit.until().plus(REMEMBERED_FOR).seconds();
    row.insert("expires".to_owned(), items::number(expires));
    #[cfg(feature = "planted-bugs")]
    if planted(Bug::TokenLookedUpBefore) {
        return Write::put(TOKEN, Table::LinkTokens, row);
    }
    Write::put(TOKEN, Table::LinkTokens, row).only_if(items::unchanged_since(None, TOKEN_KEY, &commit))
}
