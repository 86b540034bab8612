//! Whose keys are asked for: the account behind a service id.

use std::sync::Arc;

use signet_keys::IdentityKey;
use signet_storage::ids::ServiceId;
use signet_storage::model::Account;
use signet_storage::{AccountsManager, StoreError};

use super::access::{self, AccessKey};

/// The account that has this identity, as the cache has it, else as it stands.
pub async fn find(accounts: &AccountsManager, identity: ServiceId) -> Result<Option<Arc<Account>>, StoreError> {
    let aci = match identity {
        ServiceId::Aci(aci) => Some(aci),
        ServiceId::Pni(pni) => accounts.aci_of_pni(pni).await?,
    };
    let Some(aci) = aci else { return Ok(None) };
    let account = match accounts.get_cached(aci).await {
        Some(account) => Some(account),
        None => accounts.refresh(aci).await?.map(Arc::new),
    };
    Ok(account.filter(|account| has(account, identity)))
}

/// The account that has this identity, if it lets in whoever shows this key.
///
/// Only the account itself refuses, since the cache's copy may be older than its key. So a refusal costs one look at the cache and
/// one read, whether there is an account or not, and nothing is cached before it is known that somebody is let in: as with
/// credentials (`authenticate.rs`). Numbers' identities let nobody in, and cost nothing.
pub async fn opened_by(
    accounts: &AccountsManager,
    identity: ServiceId,
    key: Option<&AccessKey>,
) -> Result<Option<Arc<Account>>, StoreError> {
    let ServiceId::Aci(aci) = identity else { return Ok(None) };
    let opens = |account: &Arc<Account>| access::opens(key, identity, account);
    if let Some(account) = accounts.get_cached(aci).await.filter(opens) {
        return Ok(Some(account));
    }
    let as_of = accounts.clock().now();
    let account = accounts.get(aci).await?.map(Arc::new).filter(opens);
    if let Some(account) = &account {
        accounts.remember(account, as_of).await;
    }
    Ok(account)
}

/// Is this one of the account's two identities?
pub fn has(account: &Account, identity: ServiceId) -> bool {
    match identity {
        ServiceId::Aci(aci) => account.aci == aci,
        ServiceId::Pni(pni) => account.pni == pni,
    }
}

/// The key that this identity of the account signs with.
pub fn identity_key(account: &Account, identity: ServiceId) -> Result<IdentityKey, StoreError> {
    let key = match identity {
        ServiceId::Aci(_) => &account.identity_key,
        ServiceId::Pni(_) => &account.pni_identity_key,
    };
    IdentityKey::from_bytes(key.as_bytes()).map_err(|_| StoreError::unreadable("identity key"))
}
