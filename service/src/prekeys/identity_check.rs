//! `POST /v1/profile/identity_check/batch` (contract keys-devices §1.7): a client that knows many identity keys by their
//! fingerprints asks which have changed. Accounts that there are not, and keys that are as the client thinks, look alike.

use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use signet_config::LimitId;
use signet_keys::IdentityKey;
use signet_storage::StoreError;
use signet_storage::ids::ServiceId;

use super::controller::PrekeysController;
use super::target;
use crate::call::{Call, Reply};
use crate::client_address;
use crate::error::ApiError;
use crate::wire::{self, Base64};

const MOST: usize = 1000;
/// Accounts looked at at once.
const AT_ONCE: usize = 16;

#[derive(Deserialize)]
struct Body {
    elements: Vec<Element>,
}

#[derive(Deserialize)]
struct Element {
    uuid: String,
    fingerprint: Base64,
}

#[derive(Serialize)]
struct Changed {
    elements: Vec<ChangedElement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangedElement {
    uuid: String,
    identity_key: IdentityKey,
}

impl PrekeysController {
    pub async fn check_identities(&self, call: Call) -> Result<Reply, ApiError> {
        self.limits.take(LimitId::BatchIdentityCheck, &client_address::key(call.client)).await?;
        let Body { elements } = wire::read(&call.body)?;
        if elements.len() > MOST {
            return Err(ApiError::Unprocessable);
        }
        let elements: Vec<_> = elements.into_iter().map(Element::read).collect::<Result<_, _>>()?;
        let looks = futures::stream::iter(elements).map(|(id, known)| self.changed(id, known)).buffered(AT_ONCE);
        let changed: Vec<Option<ChangedElement>> = looks.try_collect().await?;
        Ok(Reply::json(200, &Changed { elements: changed.into_iter().flatten().collect() }))
    }

    /// The identity's key, if it has another fingerprint.
    async fn changed(&self, identity: ServiceId, known: [u8; 4]) -> Result<Option<ChangedElement>, StoreError> {
        let Some(account) = target::find(&self.accounts, identity).await? else { return Ok(None) };
        let identity_key = target::identity_key(&account, identity)?;
        let changed = identity_key.fingerprint() != known;
        Ok(changed.then(|| ChangedElement { uuid: identity.to_string(), identity_key }))
    }
}

impl Element {
    fn read(self) -> Result<(ServiceId, [u8; 4]), ApiError> {
        let Base64(fingerprint) = self.fingerprint;
        match (self.uuid.parse(), fingerprint.try_into()) {
            (Ok(identity), Ok(fingerprint)) => Ok((identity, fingerprint)),
            _ => Err(ApiError::Unprocessable),
        }
    }
}
