//! Telling that credentials may have died, so that connections which were let in by them end at once and on every node (contract
//! keys-devices §5.6).
//!
//! Not the truth, and not believed: whoever hears it looks at the account. Nor is it kept: what nobody hears, because the cache
//! does not answer just then, is gone, and whoever holds a connection looks by itself now and then.
//!
//! Invariant: it is said by the commit itself, after the account's new version or tombstone was given to the cache. No change
//! that ends credentials can forget it, and nobody who looks because of it finds in the cache what was before.

use bytes::Bytes;

use super::AccountsManager;
use crate::ids::AccountId;
use crate::model::Account;

/// What is said.
pub const LOOK: Bytes = Bytes::from_static(b"look");

/// The channel of an account, on which those who hold its connections are reached.
pub fn channel(aci: AccountId) -> String {
    format!("presence::{}", aci.uuid().simple())
}

impl AccountsManager {
    pub(super) async fn announce(&self, aci: AccountId) {
        let _ = self.cache.publish(&channel(aci), LOOK).await;
    }
}

impl Account {
    /// Does a device of this account have other credentials in the later one, or none?
    pub(super) fn loses_credentials_in(&self, later: &Self) -> bool {
        self.devices.iter().any(|device| later.device(device.id).is_none_or(|there| there.auth != device.auth))
    }
}
