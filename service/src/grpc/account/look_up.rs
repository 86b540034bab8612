//! What others may ask about accounts (contract registration §9.4 to §9.6).

use signet_storage::ids::ServiceId;
use signet_storage::model::Opaque;
use uuid::Uuid;

use super::proto;
use crate::grpc::asking::Asking;
use crate::grpc::fields::{self, service_identifier};
use crate::grpc::proto::org::signal::chat::account::{lookup_username_hash_response, lookup_username_link_response};
use crate::grpc::proto::org::signal::chat::errors::NotFound;
use crate::grpc::status::Refusal;
use crate::registry::Registry;

pub async fn existence(
    registry: &Registry,
    asking: Asking,
    asked: proto::CheckAccountExistenceRequest,
) -> Result<proto::CheckAccountExistenceResponse, Refusal> {
    let identity = fields::service_id("service_identifier", asked.service_identifier)?;
    let account_exists = registry.account.knows(identity, asking.client).await?;
    Ok(proto::CheckAccountExistenceResponse { account_exists })
}

pub async fn username(
    registry: &Registry,
    asking: Asking,
    asked: proto::LookupUsernameHashRequest,
) -> Result<proto::LookupUsernameHashResponse, Refusal> {
    use lookup_username_hash_response::Response;
    let hash: [u8; 32] = fields::exactly("username_hash", &asked.username_hash)?;
    let holder = registry.account.holder_of_username(&hash, asking.client).await?;
    let told = |aci| Response::ServiceIdentifier(service_identifier(ServiceId::Aci(aci)));
    let response = holder.map_or(Response::NotFound(NotFound {}), told);
    Ok(proto::LookupUsernameHashResponse { response: Some(response) })
}

pub async fn username_link(
    registry: &Registry,
    asking: Asking,
    asked: proto::LookupUsernameLinkRequest,
) -> Result<proto::LookupUsernameLinkResponse, Refusal> {
    use lookup_username_link_response::Response;
    let handle = Uuid::from_bytes(fields::exactly("username_link_handle", &asked.username_link_handle)?);
    let encrypted = registry.account.encrypted_username(handle, asking.client).await?;
    let told = |name: Opaque| Response::UsernameCiphertext(name.as_bytes().to_vec());
    let response = encrypted.map_or(Response::NotFound(NotFound {}), told);
    Ok(proto::LookupUsernameLinkResponse { response: Some(response) })
}
