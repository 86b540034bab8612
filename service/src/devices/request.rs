//! The request of a device that wants to be let in, as far as it can be judged without the account (contract keys-devices §3.4,
//! checks 1 and 2): the header (400, 401), JSON (400, 422), and each field (422). What the account has a say in comes after the
//! token: the keys and the capabilities.

use serde::Deserialize;
use signet_keys::{CheckedDeviceKeys, IdentityKey, KemPreKey, SignedPreKey};
use signet_storage::chance::Chance;
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::RegistrationId;
use signet_storage::model::capability::{self, Presented};
use signet_storage::model::device::{NewChannel, NewDevice};
use signet_storage::model::{Account, Opaque};
use zeroize::Zeroizing;

use super::attributes::{self, ApnToken, Channels, GcmToken, PushToken};
use crate::authenticate::BasicCredentials;
use crate::call::Call;
use crate::error::ApiError;
use crate::wire::{self, Base64, null_is_default};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    verification_code: Zeroizing<String>,
    account_attributes: Attributes,
    aci_signed_pre_key: SignedPreKey,
    aci_pq_last_resort_pre_key: KemPreKey,
    pni_signed_pre_key: Option<SignedPreKey>,
    pni_pq_last_resort_pre_key: Option<KemPreKey>,
    apn_token: Option<ApnToken>,
    gcm_token: Option<GcmToken>,
    push_token: Option<PushToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    #[serde(default, deserialize_with = "null_is_default")]
    fetches_messages: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    registration_id: i64,
    pni_registration_id: Option<i64>,
    name: Option<Base64>,
    capabilities: Option<Presented>,
}

pub struct LinkRequest {
    pub token: Zeroizing<String>,
    password: Zeroizing<String>,
    registration_id: RegistrationId,
    pni_registration_id: Option<RegistrationId>,
    name: Option<Opaque>,
    channel: NewChannel,
    capabilities: Option<Presented>,
    aci: (SignedPreKey, KemPreKey),
    pni: (Option<SignedPreKey>, Option<KemPreKey>),
}

/// The device's keys, checked against the account.
pub struct LinkKeys {
    pub aci: CheckedDeviceKeys,
    pub pni: CheckedDeviceKeys,
    pni_registration_id: RegistrationId,
}

impl LinkRequest {
    pub fn read(call: &Call) -> Result<Self, ApiError> {
        let header = call.headers.get("authorization").ok_or(ApiError::BadRequest)?;
        // Whoever the header names is nobody yet: the token says whose the device will be.
        let BasicCredentials { password, .. } = BasicCredentials::parse(header).ok_or(ApiError::Unauthorized)?;
        let body: Body = wire::read(&call.body)?;
        if body.verification_code.trim().is_empty() {
            return Err(ApiError::Unprocessable);
        }
        let attributes = body.account_attributes;
        let channels = Channels {
            fetches_messages: attributes.fetches_messages,
            apn: body.apn_token.as_ref(),
            gcm: body.gcm_token.as_ref(),
            nested: body.push_token.as_ref(),
        };
        let (registration_id, pni_registration_id) =
            attributes::registration_ids(attributes.registration_id, attributes.pni_registration_id)?;
        Ok(Self {
            channel: channels.one()?,
            token: body.verification_code,
            password,
            registration_id,
            pni_registration_id,
            name: attributes::name(attributes.name.as_ref())?,
            capabilities: attributes.capabilities,
            aci: (body.aci_signed_pre_key, body.aci_pq_last_resort_pre_key),
            pni: (body.pni_signed_pre_key, body.pni_pq_last_resort_pre_key),
        })
    }

    /// Check 6: every account here has a number, so keys for both identities are wanted, signed by the account's.
    pub fn keys(&self, account: &Account) -> Result<LinkKeys, ApiError> {
        let identity = |key: &Opaque| IdentityKey::from_bytes(key.as_bytes()).map_err(|_| ApiError::Unprocessable);
        let (aci, pni) = (identity(&account.identity_key)?, identity(&account.pni_identity_key)?);
        Ok(LinkKeys {
            aci: attributes::keys(Some(&aci), Some(&self.aci.0), Some(&self.aci.1))?,
            pni: attributes::keys(Some(&pni), self.pni.0.as_ref(), self.pni.1.as_ref())?,
            pni_registration_id: self.pni_registration_id.ok_or(ApiError::Unprocessable)?,
        })
    }

    /// The device to add.
    ///
    /// # Errors
    /// Check 8: 422 if it does not say what it can do.
    pub fn device(self, keys: &LinkKeys, chance: &Chance) -> Result<NewDevice, ApiError> {
        let capabilities = self.capabilities.as_ref().ok_or(ApiError::Unprocessable)?;
        Ok(NewDevice {
            auth: SaltedTokenHash::of(&self.password, chance),
            name: self.name,
            user_agent: Some(agent(&self.channel).to_owned()),
            channel: self.channel,
            registration_id: self.registration_id,
            pni_registration_id: Some(keys.pni_registration_id),
            capabilities: capability::known(capabilities),
        })
    }
}

/// What kind of client it is, as far as its channel tells.
const fn agent(channel: &NewChannel) -> &'static str {
    match channel {
        NewChannel::Apn(_) => "OWP",
        NewChannel::Fcm(_) => "OWA",
        NewChannel::Fetches => "OWD",
    }
}
