//! The account's username and its link (contract registration §9.4, §9.5). That a name is not to be had, or not reserved, is no error
//! here but an answer.

use signet_storage::model::Opaque;

use super::proto::{
    ConfirmUsernameHashRequest, ConfirmUsernameHashResponse, DeleteUsernameHashResponse, DeleteUsernameLinkResponse,
    ReserveUsernameHashRequest, ReserveUsernameHashResponse, SetUsernameLinkRequest, SetUsernameLinkResponse,
    UsernameNotAvailable, confirm_username_hash_response, reserve_username_hash_response, set_username_link_response,
};
use crate::error::ApiError;
use crate::grpc::asking::Asking;
use crate::grpc::fields;
use crate::grpc::proto::org::signal::chat::errors::FailedPrecondition;
use crate::grpc::status::Refusal;
use crate::registry::Registry;

pub async fn reserve(
    registry: &Registry,
    asking: Asking,
    asked: ReserveUsernameHashRequest,
) -> Result<ReserveUsernameHashResponse, Refusal> {
    use reserve_username_hash_response::Response;
    for hash in &asked.username_hashes {
        fields::exactly::<32>("username_hashes", hash)?;
    }
    let reserved = registry.account.reserve_username(asking.caller()?, &asked.username_hashes).await;
    let response = match reserved.map(|hash: Opaque| hash.as_bytes().to_vec()) {
        Ok(hash) => Response::UsernameHash(hash),
        Err(ApiError::Conflict) => Response::UsernameNotAvailable(UsernameNotAvailable {}),
        Err(other) => return Err(other.into()),
    };
    Ok(ReserveUsernameHashResponse { response: Some(response) })
}

pub async fn confirm(
    registry: &Registry,
    asking: Asking,
    asked: ConfirmUsernameHashRequest,
) -> Result<ConfirmUsernameHashResponse, Refusal> {
    use confirm_username_hash_response::{ConfirmedUsernameHash, Response};
    let ConfirmUsernameHashRequest { username_hash, zk_proof, username_ciphertext } = asked;
    let encrypted = Some(username_ciphertext.as_slice());
    let confirmed = registry.account.confirm_username(asking.caller()?, &username_hash, &zk_proof, encrypted).await;
    let response = match confirmed {
        // None if the name was confirmed before, and without a link.
        Ok(handle) => {
            let username_link_handle = handle.map_or_else(Vec::new, |handle| handle.into_bytes().to_vec());
            Response::ConfirmedUsernameHash(ConfirmedUsernameHash { username_link_handle })
        }
        Err(ApiError::Conflict) => Response::ReservationNotFound(because("the name is not reserved")),
        Err(ApiError::Gone) => Response::UsernameNotAvailable(UsernameNotAvailable {}),
        Err(other) => return Err(other.into()),
    };
    Ok(ConfirmUsernameHashResponse { response: Some(response) })
}

pub async fn clear(registry: &Registry, asking: Asking) -> Result<DeleteUsernameHashResponse, Refusal> {
    registry.account.clear_username(asking.caller()?).await?;
    Ok(DeleteUsernameHashResponse {})
}

pub async fn set_link(
    registry: &Registry,
    asking: Asking,
    asked: SetUsernameLinkRequest,
) -> Result<SetUsernameLinkResponse, Refusal> {
    use set_username_link_response::Response;
    let SetUsernameLinkRequest { username_ciphertext, keep_link_handle } = asked;
    let set = registry.account.set_username_link(asking.caller()?, &username_ciphertext, keep_link_handle).await;
    let response = match set {
        Ok(handle) => Response::UsernameLinkHandle(handle.into_bytes().to_vec()),
        Err(ApiError::Conflict) => Response::NoUsernameSet(because("there is no name")),
        Err(other) => return Err(other.into()),
    };
    Ok(SetUsernameLinkResponse { response: Some(response) })
}

pub async fn remove_link(registry: &Registry, asking: Asking) -> Result<DeleteUsernameLinkResponse, Refusal> {
    registry.account.remove_username_link(asking.caller()?).await?;
    Ok(DeleteUsernameLinkResponse {})
}

fn because(description: &str) -> FailedPrecondition {
    FailedPrecondition { description: description.to_owned() }
}
