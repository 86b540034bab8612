//! Who may write to the account without saying who they are (contract keys-devices §8.4).

use signet_storage::model::{Account, Opaque};

use super::AccountController;
use crate::call::Caller;
use crate::error::ApiError;

/// It has no `Debug`: it holds a key.
pub enum Unidentified {
    /// Whoever has this key.
    WithKey([u8; 16]),
    Anybody,
}

impl AccountController {
    /// From now on.
    pub async fn let_in_unidentified(&self, caller: &Caller, whom: &Unidentified) -> Result<(), ApiError> {
        let set = |account: &mut Account, _| {
            (account.unidentified_access_key, account.unrestricted_unidentified_access) = match whom {
                Unidentified::WithKey(key) => (Some(Opaque::from(&key[..])), false),
                Unidentified::Anybody => (None, true),
            };
            (Ok(()), Vec::new())
        };
        self.change("access", caller, set).await
    }
}
