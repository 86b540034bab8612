//! The commit `freeze`: somebody proved the number and did not open the lock (contract registration §6.3, §6.5). Until the lock
//! is opened or expires, nobody uses the account: neither they nor, should they have the number by right, the devices.

use super::{AccountsError, AccountsManager};
use crate::ids::DeviceId;
use crate::model::Account;
use crate::recovery;

/// What a freeze came to.
#[derive(Debug)]
pub struct Frozen {
    /// The devices whose credentials worked before, and whose connections are to be cut now.
    pub devices: Vec<DeviceId>,
}

impl AccountsManager {
    /// Makes the credentials of all devices worthless and removes the account's recovery password; with
    /// `and_number_recovery` the number's, too.
    ///
    /// # Errors
    /// [`AccountsError::Contested`] if the account has another lock now than `seen` has, or is gone: what was found out about
    /// the lock is then not about this one.
    pub async fn freeze(&self, seen: &Account, and_number_recovery: bool) -> Result<Frozen, AccountsError> {
        let freeze = |account: &mut Account, _| {
            if account.registration_lock != seen.registration_lock {
                return (None, Vec::new());
            }
            account.recovery_password = None;
            let mut devices = Vec::new();
            for device in account.devices.iter_mut().filter(|device| !device.auth.is_frozen()) {
                device.auth.freeze();
                devices.push(device.id);
            }
            let writes = and_number_recovery.then(|| recovery::remove(account.pni)).into_iter().collect();
            (Some(Frozen { devices }), writes)
        };
        let frozen = self.update("freeze", seen.aci, freeze).await?;
        frozen.and_then(|(_, frozen)| frozen).ok_or(AccountsError::Contested)
    }
}
