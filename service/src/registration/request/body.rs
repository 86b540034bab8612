//! The shapes and single-field rules of the registration body (contract registration §3.2). Rules across fields are in
//! `request.rs`.

use serde::{Deserialize, Deserializer, de};
use signet_keys::{IdentityKey, KemPreKey, SignedPreKey};
use signet_storage::model::capability::Presented;
use signet_storage::model::{Opaque, RecoveryPassword};
use zeroize::Zeroizing;

use crate::devices::attributes::{ApnToken, GcmToken, PushToken};
use crate::error::ApiError;
use crate::registration::lock::LockPresented;
use crate::wire::{Base64, Base64OrArray, null_is_default};

const ACCESS_KEY: usize = 16;
const RECOVERY_PASSWORD: usize = 32;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    pub session_id: Option<String>,
    pub recovery_password: Option<Base64>,
    pub receipt_credential_presentation: Option<Base64>,
    pub totp: Option<u32>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub skip_device_transfer: bool,
    pub account_attributes: Attributes,
    #[serde(deserialize_with = "key_or_empty")]
    pub aci_identity_key: Option<IdentityKey>,
    #[serde(default, deserialize_with = "key_or_empty")]
    pub pni_identity_key: Option<IdentityKey>,
    pub aci_signed_pre_key: Option<SignedPreKey>,
    pub pni_signed_pre_key: Option<SignedPreKey>,
    pub aci_pq_last_resort_pre_key: Option<KemPreKey>,
    pub pni_pq_last_resort_pre_key: Option<KemPreKey>,
    pub apn_token: Option<ApnToken>,
    pub gcm_token: Option<GcmToken>,
    pub push_token: Option<PushToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    #[serde(default, deserialize_with = "null_is_default")]
    pub fetches_messages: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    pub registration_id: i64,
    pub pni_registration_id: Option<i64>,
    pub name: Option<Base64>,
    pub capabilities: Option<Presented>,
    pub registration_lock: Option<Zeroizing<String>>,
    pub unidentified_access_key: Option<Base64OrArray>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub unrestricted_unidentified_access: bool,
    pub discoverable_by_phone_number: Option<bool>,
    pub recovery_password: Option<Base64>,
}

fn key_or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IdentityKey>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => IdentityKey::from_base64(&text).map(Some).map_err(de::Error::custom),
    }
}

impl Attributes {
    /// Lengths; the rule that ties the two access-key fields together.
    pub fn check(&self) -> Result<(), ApiError> {
        let length = |bytes: &Option<Base64>| bytes.as_ref().map_or(0, |Base64(b)| b.len());
        let access_key = match &self.unidentified_access_key {
            Some(Base64OrArray::Text(Base64(key)) | Base64OrArray::Array(key)) => key.len(),
            None => 0,
        };
        let ok = [0, RECOVERY_PASSWORD].contains(&length(&self.recovery_password))
            && [0, ACCESS_KEY].contains(&access_key)
            && (self.unrestricted_unidentified_access || access_key == ACCESS_KEY);
        ok.then_some(()).ok_or(ApiError::Unprocessable)
    }

    /// The key that lets others write unseen; an empty one is none.
    pub fn access_key(&self) -> Option<Opaque> {
        let (Base64OrArray::Text(Base64(key)) | Base64OrArray::Array(key)) = self.unidentified_access_key.as_ref()?;
        (!key.is_empty()).then(|| key[..].into())
    }

    /// What shall let the owner come back.
    pub fn recovery(&self) -> Option<RecoveryPassword> {
        self.recovery_password.as_ref().and_then(|Base64(password)| RecoveryPassword::new(password))
    }

    /// The lock, which is both what opens the account that there is and the lock of the account to come.
    pub fn lock(&self) -> Result<LockPresented, ApiError> {
        match self.registration_lock.as_ref().map(|lock| lock.as_str()) {
            None => Ok(LockPresented::No),
            Some("") => Ok(LockPresented::Empty),
            Some(lock) => lock.try_into().map(LockPresented::Lock).map_err(|_| ApiError::Unprocessable),
        }
    }
}
