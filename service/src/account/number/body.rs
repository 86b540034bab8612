//! The body of a change of number (contract registration §10.1), read and judged as far as it can be without the account.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use signet_keys::{IdentityKey, KemPreKey, SignedPreKey};
use signet_storage::ids::{DeviceId, RegistrationId};
use signet_storage::number::E164;
use zeroize::Zeroizing;

use super::devices::{DeviceMessage, DeviceMessages, PresentedKeys};
use crate::error::ApiError;
use crate::registration::lock::LockPresented;
use crate::registration::request::Proof;
use crate::wire::{self, Base64, null_is_default};

/// A change of number, by whichever inlet it came.
pub struct NumberRequest {
    pub number: E164,
    pub proof: Proof,
    /// Of the account that has the number.
    pub lock: LockPresented,
    pub identity: IdentityKey,
    pub keys: PresentedKeys,
    pub registration_ids: BTreeMap<DeviceId, RegistrationId>,
    pub messages: DeviceMessages,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    session_id: Option<String>,
    recovery_password: Option<Base64>,
    number: String,
    reglock: Option<Zeroizing<String>>,
    pni_identity_key: IdentityKey,
    device_messages: Vec<Message>,
    device_pni_signed_prekeys: BTreeMap<DeviceId, SignedPreKey>,
    device_pni_pq_last_resort_prekeys: BTreeMap<DeviceId, KemPreKey>,
    pni_registration_ids: BTreeMap<DeviceId, RegistrationId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(rename = "type", default, deserialize_with = "null_is_default")]
    kind: i64,
    destination_device_id: DeviceId,
    #[serde(default, deserialize_with = "null_is_default")]
    destination_registration_id: i64,
    content: Base64,
}

/// Kinds of envelopes that clients send: of a session, one that begins a session, of a sender who is not told, in clear. (5 is the
/// server's own.)
const KINDS: [i64; 4] = [1, 3, 6, 8];

impl NumberRequest {
    /// # Errors
    /// 400 if it is not JSON, 422 if a field is wrong.
    pub fn read(body: &Bytes) -> Result<Self, ApiError> {
        let body: Body = wire::read(body)?;
        let proof = Proof::presented(body.session_id.as_deref(), body.recovery_password.as_ref())?;
        let messages = body.device_messages.into_iter().map(DeviceMessage::try_from).collect::<Result<_, _>>()?;
        let empty = body.device_pni_signed_prekeys.is_empty()
            || body.device_pni_pq_last_resort_prekeys.is_empty()
            || body.pni_registration_ids.is_empty();
        if empty {
            return Err(ApiError::Unprocessable);
        }
        Ok(Self {
            number: E164::parse(&body.number).map_err(|_| ApiError::Unprocessable)?,
            proof: proof.ok_or(ApiError::Unprocessable)?,
            lock: LockPresented::unjudged(body.reglock.as_ref().map(|lock| lock.as_str())),
            identity: body.pni_identity_key,
            keys: PresentedKeys {
                signed: body.device_pni_signed_prekeys,
                last_resort: body.device_pni_pq_last_resort_prekeys,
            },
            registration_ids: body.pni_registration_ids,
            messages: DeviceMessages::new(messages)?,
        })
    }
}

impl TryFrom<Message> for DeviceMessage {
    type Error = ApiError;

    fn try_from(message: Message) -> Result<Self, ApiError> {
        let Message { kind, destination_device_id, destination_registration_id, content: Base64(content) } = message;
        if !KINDS.contains(&kind) {
            return Err(ApiError::Unprocessable);
        }
        let (destination, registration_id) = (destination_device_id, destination_registration_id);
        Ok(Self { destination, registration_id, length: content.len() })
    }
}
