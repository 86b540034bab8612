//! What devices say of their own keys (contract keys-devices §1.3, §1.4).

use serde::{Deserialize, Deserializer, de};
use signet_keys::{EcPreKey, KemPreKey, SignedPreKey, UncheckedKeys};
use signet_storage::ids::ServiceId;
use signet_storage::model::Account;

use crate::call::Call;
use crate::error::ApiError;
use crate::wire::{self, Base64, null_is_default};

/// Which of an account's two identities is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityType {
    Aci,
    Pni,
}

impl IdentityType {
    /// In either case.
    fn parse(text: &str) -> Option<Self> {
        let is = |name| text.eq_ignore_ascii_case(name);
        if is("aci") { Some(Self::Aci) } else { is("pni").then_some(Self::Pni) }
    }

    /// The query's `identity`; the ACI if it says none.
    pub fn asked(call: &Call) -> Result<Self, ApiError> {
        call.query("identity").map_or(Some(Self::Aci), Self::parse).ok_or(ApiError::BadRequest)
    }

    pub const fn of(self, account: &Account) -> ServiceId {
        match self {
            Self::Aci => ServiceId::Aci(account.aci),
            Self::Pni => ServiceId::Pni(account.pni),
        }
    }
}

impl<'de> Deserialize<'de> for IdentityType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("no identity"))
    }
}

/// What is empty or not there stays as it is stored. An `identityKey`, which older clients send, says nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Upload {
    #[serde(default, deserialize_with = "null_is_default")]
    pre_keys: Vec<EcPreKey>,
    signed_pre_key: Option<SignedPreKey>,
    #[serde(default, deserialize_with = "null_is_default")]
    pq_pre_keys: Vec<KemPreKey>,
    pq_last_resort_pre_key: Option<KemPreKey>,
}

/// # Errors
/// 422 for any key that cannot be read.
pub fn upload(call: &Call) -> Result<UncheckedKeys, ApiError> {
    let Upload { pre_keys, signed_pre_key, pq_pre_keys, pq_last_resort_pre_key } = wire::read(&call.body)?;
    Ok(UncheckedKeys {
        one_time: pre_keys,
        one_time_kem: pq_pre_keys,
        signed: signed_pre_key,
        last_resort: pq_last_resort_pre_key,
    })
}

/// What a device believes to have left.
pub struct Check {
    pub identity: IdentityType,
    pub digest: [u8; 32],
}

impl Check {
    pub fn read(call: &Call) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            identity_type: IdentityType,
            digest: Base64,
        }
        let Body { identity_type, digest: Base64(digest) } = wire::read(&call.body)?;
        let digest = digest.try_into().map_err(|_| ApiError::Unprocessable)?;
        Ok(Self { identity: identity_type, digest })
    }
}
