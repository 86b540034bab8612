//! The end of an account (contract registration §11.8).

use super::proto;
use crate::grpc::asking::Asking;
use crate::grpc::status::Refusal;
use crate::registry::Registry;

pub async fn delete(registry: &Registry, asking: Asking) -> Result<proto::DeleteAccountResponse, Refusal> {
    registry.account.end(asking.caller()?).await?;
    Ok(proto::DeleteAccountResponse {})
}
