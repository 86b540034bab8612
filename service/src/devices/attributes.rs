//! What a device says of itself, whether it registers or is linked (contract registration §3.2, keys-devices §3.4): shapes, and
//! the rules of single fields. All refusals are 422.

use serde::Deserialize;
use signet_keys::{CheckedDeviceKeys, IdentityKey, KemPreKey, SignedPreKey};
use signet_storage::ids::RegistrationId;
use signet_storage::model::Opaque;
use signet_storage::model::device::NewChannel;

use crate::error::ApiError;
use crate::wire::Base64;

const LONGEST_NAME: usize = 225;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApnToken {
    pub apn_registration_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GcmToken {
    pub gcm_registration_id: String,
}

/// The nested form that one client library sends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushToken {
    pub apn_registration_id: Option<String>,
    pub gcm_registration_id: Option<String>,
}

/// How messages shall reach a device, in all the ways that it may say so.
pub struct Channels<'a> {
    pub fetches_messages: bool,
    pub apn: Option<&'a ApnToken>,
    pub gcm: Option<&'a GcmToken>,
    pub nested: Option<&'a PushToken>,
}

impl Channels<'_> {
    /// Exactly one way. The flat and the nested token of one kind are one.
    pub fn one(&self) -> Result<NewChannel, ApiError> {
        let apn = self.apn.map(|token| &token.apn_registration_id);
        let apn = apn.or_else(|| self.nested?.apn_registration_id.as_ref());
        let fcm = self.gcm.map(|token| &token.gcm_registration_id);
        let fcm = fcm.or_else(|| self.nested?.gcm_registration_id.as_ref());
        match (self.fetches_messages, apn, fcm) {
            (true, None, None) => Ok(NewChannel::Fetches),
            (false, Some(token), None) if !token.is_empty() => Ok(NewChannel::Apn(token.clone())),
            (false, None, Some(token)) if !token.is_empty() => Ok(NewChannel::Fcm(token.clone())),
            _ => Err(ApiError::Unprocessable),
        }
    }
}

/// The device's name, which is encrypted.
pub fn name(presented: Option<&Base64>) -> Result<Option<Opaque>, ApiError> {
    match presented {
        Some(Base64(name)) if name.len() > LONGEST_NAME => Err(ApiError::Unprocessable),
        name => Ok(name.map(|Base64(name)| name[..].into())),
    }
}

/// A name that a device is given later: there must be something of it.
pub fn new_name(presented: &[u8]) -> Result<Opaque, ApiError> {
    if (1..=LONGEST_NAME).contains(&presented.len()) { Ok(presented.into()) } else { Err(ApiError::Unprocessable) }
}

pub fn registration_ids(aci: i64, pni: Option<i64>) -> Result<(RegistrationId, Option<RegistrationId>), ApiError> {
    let check = |id: i64| RegistrationId::try_from(id).map_err(|_| ApiError::Unprocessable);
    Ok((check(aci)?, pni.map(check).transpose()?))
}

/// A device's keys for one identity: all there, and signed by it.
pub fn keys(
    identity: Option<&IdentityKey>,
    signed: Option<&SignedPreKey>,
    last_resort: Option<&KemPreKey>,
) -> Result<CheckedDeviceKeys, ApiError> {
    let (Some(identity), Some(signed), Some(last_resort)) = (identity, signed, last_resort) else {
        return Err(ApiError::Unprocessable);
    };
    CheckedDeviceKeys::check(identity.clone(), signed.clone(), last_resort.clone()).map_err(|_| ApiError::Unprocessable)
}
