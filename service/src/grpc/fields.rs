//! Fields of messages as what they mean, and back (contract keys-devices §0.1, §8.1). Lengths and ranges are judged here and by the
//! types that come out; what is wrong is named by its field.

use signet_keys::{EcPreKey, EcPublicKey, KemPreKey, KemPublicKey, KeyId, MalformedKey, Signature, SignedPreKey};
use signet_storage::ids::{AccountId, DeviceId, NumberId, ServiceId};
use uuid::Uuid;

use super::proto::org::signal::chat::common;
use super::status::Refusal;
use crate::prekeys::IdentityType;

/// A field that must be there.
pub fn present<T>(name: &'static str, field: Option<T>) -> Result<T, Refusal> {
    field.ok_or(Refusal::Constraint(name))
}

/// Exactly so many bytes.
pub fn exactly<const N: usize>(name: &'static str, field: &[u8]) -> Result<[u8; N], Refusal> {
    field.try_into().map_err(|_| Refusal::Constraint(name))
}

pub fn identity_type(value: i32) -> Result<IdentityType, Refusal> {
    match common::IdentityType::try_from(value) {
        Ok(common::IdentityType::Aci) => Ok(IdentityType::Aci),
        Ok(common::IdentityType::Pni) => Ok(IdentityType::Pni),
        Ok(common::IdentityType::Unspecified) | Err(_) => Err(Refusal::Constraint("identity_type")),
    }
}

pub fn service_id(name: &'static str, field: Option<common::ServiceIdentifier>) -> Result<ServiceId, Refusal> {
    let common::ServiceIdentifier { identity_type: kind, uuid } = present(name, field)?;
    let uuid = Uuid::from_bytes(exactly(name, &uuid)?);
    Ok(match identity_type(kind)? {
        IdentityType::Aci => ServiceId::Aci(AccountId::from_uuid(uuid)),
        IdentityType::Pni => ServiceId::Pni(NumberId::from_uuid(uuid)),
    })
}

pub fn service_identifier(id: ServiceId) -> common::ServiceIdentifier {
    let kind = match id {
        ServiceId::Aci(_) => common::IdentityType::Aci,
        ServiceId::Pni(_) => common::IdentityType::Pni,
    };
    common::ServiceIdentifier { identity_type: kind.into(), uuid: id.uuid().into_bytes().to_vec() }
}

pub fn device_id(id: u32) -> Result<DeviceId, Refusal> {
    u8::try_from(id).ok().and_then(|id| DeviceId::try_from(id).ok()).ok_or(Refusal::Constraint("device id"))
}

pub fn ec_pre_key(key: &common::EcPreKey) -> Result<EcPreKey, Refusal> {
    let read = || Ok(EcPreKey { id: KeyId::new(key.key_id.into())?, key: EcPublicKey::from_bytes(&key.public_key)? });
    read().map_err(malformed)
}

pub fn signed_pre_key(key: &common::EcSignedPreKey) -> Result<SignedPreKey, Refusal> {
    let read = || {
        let (id, signature) = (KeyId::new(key.key_id.into())?, Signature::from_bytes(&key.signature)?);
        Ok(SignedPreKey { id, key: EcPublicKey::from_bytes(&key.public_key)?, signature })
    };
    read().map_err(malformed)
}

pub fn kem_pre_key(key: &common::KemSignedPreKey) -> Result<KemPreKey, Refusal> {
    let read = || {
        let (id, signature) = (KeyId::new(key.key_id.into())?, Signature::from_bytes(&key.signature)?);
        Ok(KemPreKey { id, key: KemPublicKey::from_bytes(&key.public_key)?, signature })
    };
    read().map_err(malformed)
}

fn malformed(_: MalformedKey) -> Refusal {
    Refusal::Constraint("pre-key")
}

impl From<EcPreKey> for common::EcPreKey {
    fn from(EcPreKey { id, key }: EcPreKey) -> Self {
        Self { key_id: number(id), public_key: key.as_bytes().to_vec() }
    }
}

impl From<SignedPreKey> for common::EcSignedPreKey {
    fn from(SignedPreKey { id, key, signature }: SignedPreKey) -> Self {
        Self { key_id: number(id), public_key: key.as_bytes().to_vec(), signature: signature.as_bytes().to_vec() }
    }
}

impl From<KemPreKey> for common::KemSignedPreKey {
    fn from(KemPreKey { id, key, signature }: KemPreKey) -> Self {
        Self { key_id: number(id), public_key: key.as_bytes().to_vec(), signature: signature.as_bytes().to_vec() }
    }
}

/// Ids of keys end where these numbers do.
fn number(id: KeyId) -> i32 {
    i32::try_from(id.get()).unwrap_or(i32::MAX)
}
