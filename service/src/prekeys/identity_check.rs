//! Identity checks (contract keys-devices §1.7, §8.2): a client that knows many identity keys by their fingerprints asks which have
//! changed. Accounts that there are not, and keys that are as the client thinks, look alike.

use std::net::IpAddr;

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

/// Keys that are asked about at once.
pub const MOST: usize = 1000;
/// Accounts looked at at once.
pub const AT_ONCE: usize = 16;

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
    /// `POST /v1/profile/identity_check/batch`
    pub async fn check_identities(&self, call: Call) -> Result<Reply, ApiError> {
        self.charge_check(call.client).await?;
        let Body { elements } = wire::read(&call.body)?;
        if elements.len() > MOST {
            return Err(ApiError::Unprocessable);
        }
        let elements: Vec<_> = elements.into_iter().map(Element::read).collect::<Result<_, _>>()?;
        let look = |(id, known)| async move { Ok::<_, StoreError>((id, self.changed(id, known).await?)) };
        let looks = futures::stream::iter(elements).map(look).buffered(AT_ONCE);
        let looked_at: Vec<(ServiceId, Option<IdentityKey>)> = looks.try_collect().await?;
        let changed =
            |(id, key): (ServiceId, Option<_>)| Some(ChangedElement { uuid: id.to_string(), identity_key: key? });
        Ok(Reply::json(200, &Changed { elements: looked_at.into_iter().filter_map(changed).collect() }))
    }

    /// One permit for up to `MOST` keys.
    pub async fn charge_check(&self, client: Option<IpAddr>) -> Result<(), ApiError> {
        Ok(self.limits.take(LimitId::BatchIdentityCheck, &client_address::key(client)).await?)
    }

    /// The identity's key, if it has another fingerprint.
    pub async fn changed(&self, identity: ServiceId, known: [u8; 4]) -> Result<Option<IdentityKey>, StoreError> {
        let Some(account) = target::find(&self.accounts, identity).await? else { return Ok(None) };
        let key = target::identity_key(&account, identity)?;
        Ok(if key.fingerprint() == known { None } else { Some(key) })
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
