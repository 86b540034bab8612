//! The link by which an account gives its username away (contract registration §9.5): a handle that leads to the encrypted name.
//!
//! A handle is followed by rows that are strongly consistent, and by no index: its claim names the account, and the account is
//! believed only if it still names the handle.

use uuid::Uuid;

use super::super::rows::username::{self as claims, LinkClaim};
use super::super::{AccountsManager, AskedBy};
use super::UsernameError;
use crate::dynamo::StoreError;
use crate::dynamo::tables::Table;
use crate::ids::AccountId;
use crate::model::{Account, Opaque};

impl AccountsManager {
    /// Gives the account's name a link, in place of the one it had; with `keep`, under the handle it had. Returns the handle.
    pub async fn set_username_link(
        &self,
        aci: AccountId,
        asked_by: AskedBy<'_>,
        encrypted: &Opaque,
        keep: bool,
    ) -> Result<Uuid, UsernameError> {
        let set = |account: &mut Account, now| {
            let before = account.username.clone();
            if before.hash.is_none() {
                return (Err(UsernameError::NoName), Vec::new());
            }
            let handle = before.link_handle.filter(|_| keep).unwrap_or_else(|| self.chance.uuid());
            account.username.link_handle = Some(handle);
            account.username.encrypted = Some(encrypted.clone());
            (Ok(handle), claims::change_username(aci, &before, &account.username, now))
        };
        let done = self.update_as("username_link", aci, asked_by, set).await?;
        done.map_or(Err(UsernameError::NotLetIn), |(_, done)| done)
    }

    /// The link leads nowhere any more. The name stays.
    pub async fn remove_username_link(&self, aci: AccountId, asked_by: AskedBy<'_>) -> Result<(), UsernameError> {
        let remove = |account: &mut Account, now| {
            let before = account.username.clone();
            (account.username.link_handle, account.username.encrypted) = (None, None);
            ((), claims::change_username(aci, &before, &account.username, now))
        };
        let done = self.update_as("username_unlink", aci, asked_by, remove).await?;
        done.map(drop).ok_or(UsernameError::NotLetIn)
    }

    /// The encrypted name that a link leads to, if it leads to one.
    pub async fn encrypted_username(&self, handle: Uuid) -> Result<Option<Opaque>, StoreError> {
        let Some(row) = self.dynamo.get(Table::Claims, claims::link_key(handle)).await? else { return Ok(None) };
        let account = self.get(LinkClaim::read(row)?.aci).await?;
        let username = account.map(|account| account.username).filter(|name| name.link_handle == Some(handle));
        Ok(username.and_then(|name| name.encrypted))
    }
}
