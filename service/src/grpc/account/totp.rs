//! One-time passwords (contract registration §14), under the names by which the client library asks.

use signet_storage::model::Opaque;
use signet_storage::model::totp::{DIGITS, STEP};

use super::proto;
use crate::account::totp;
use crate::error::ApiError;
use crate::grpc::asking::Asking;
use crate::grpc::proto::org::signal::chat::account::confirm_totp_key_response::{self, KeyConfirmed};
use crate::grpc::proto::org::signal::chat::account::generate_totp_key_response::{self, KeyGenerated};
use crate::grpc::proto::org::signal::chat::account::list_mfa_keys_response::MfaKeyMetadata;
use crate::grpc::proto::org::signal::chat::account::list_mfa_keys_response::mfa_key_metadata::MfaKeyType;
use crate::grpc::proto::org::signal::chat::account::set_mfa_key_metadata_response::{self, MetadataUpdated};
use crate::grpc::proto::org::signal::chat::errors::{FailedPrecondition, NotFound};
use crate::grpc::status::Refusal;
use crate::registry::Registry;

pub async fn generate(registry: &Registry, asking: Asking) -> Result<proto::GenerateTotpKeyResponse, Refusal> {
    use generate_totp_key_response::Response;
    let response = match registry.account.new_totp_key(asking.caller()?).await {
        Ok(key) => Response::KeyGenerated(KeyGenerated {
            key: key.as_bytes().to_vec(),
            totp_parameters: Some(proto::TotpParameters {
                algorithm: totp::ALGORITHM.to_owned(),
                password_length: DIGITS,
                time_step_seconds: u32::try_from(STEP.as_secs()).unwrap_or(u32::MAX),
            }),
        }),
        Err(ApiError::Conflict) => Response::TooManyTotpKeys(FailedPrecondition::default()),
        Err(error) => return Err(error.into()),
    };
    Ok(proto::GenerateTotpKeyResponse { response: Some(response) })
}

pub async fn confirm(
    registry: &Registry,
    asking: Asking,
    asked: proto::ConfirmTotpKeyRequest,
) -> Result<proto::ConfirmTotpKeyResponse, Refusal> {
    use confirm_totp_key_response::Response;
    let label = label_of(&asked.metadata_ciphertext)?;
    let response = match registry.account.confirm_totp(asking.caller()?, asked.one_time_password, &label).await {
        Ok(id) => Response::KeyConfirmed(KeyConfirmed { key_id: id.into() }),
        // A code of no key that waits is no better than a wrong one.
        Err(ApiError::TotpWanted | ApiError::Conflict) => {
            Response::OneTimePasswordNotVerified(FailedPrecondition::default())
        }
        Err(error) => return Err(error.into()),
    };
    Ok(proto::ConfirmTotpKeyResponse { response: Some(response) })
}

pub async fn list(registry: &Registry, asking: Asking) -> Result<proto::ListMfaKeysResponse, Refusal> {
    let keys = registry.account.totp_keys(asking.caller()?).await?.into_iter();
    let metadata = |label: Opaque| MfaKeyMetadata {
        metadata_ciphertext: label.as_bytes().to_vec(),
        r#type: MfaKeyType::Totp.into(),
    };
    Ok(proto::ListMfaKeysResponse { keys: keys.map(|key| (key.id.into(), metadata(key.label))).collect() })
}

pub async fn label(
    registry: &Registry,
    asking: Asking,
    asked: proto::SetMfaKeyMetadataRequest,
) -> Result<proto::SetMfaKeyMetadataResponse, Refusal> {
    use set_mfa_key_metadata_response::Response;
    let (id, label) = (id_of(asked.key_id)?, label_of(&asked.metadata_ciphertext)?);
    let response = match registry.account.label_totp(asking.caller()?, id, &label).await {
        Ok(()) => Response::MetadataUpdated(MetadataUpdated {}),
        Err(ApiError::NotFound) => Response::KeyNotFound(NotFound {}),
        Err(error) => return Err(error.into()),
    };
    Ok(proto::SetMfaKeyMetadataResponse { response: Some(response) })
}

pub async fn remove(
    registry: &Registry,
    asking: Asking,
    asked: proto::RemoveMfaKeyRequest,
) -> Result<proto::RemoveMfaKeyResponse, Refusal> {
    registry.account.remove_totp(asking.caller()?, id_of(asked.key_id)?).await?;
    Ok(proto::RemoveMfaKeyResponse {})
}

fn id_of(id: u32) -> Result<u8, Refusal> {
    u8::try_from(id).map_err(|_| Refusal::Constraint("key_id"))
}

fn label_of(bytes: &[u8]) -> Result<Opaque, Refusal> {
    totp::label(bytes).map_err(|_| Refusal::Constraint("metadata_ciphertext"))
}
