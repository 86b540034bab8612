//! What an account can do: the caller's own, and somebody's whose access key the caller has. Not to be let in is an answer, the same
//! one whether there is no such account or it does not open.

use signet_storage::ids::ServiceId;

use super::proto;
use crate::error::ApiError;
use crate::grpc::asking::Asking;
use crate::grpc::device;
use crate::grpc::fields;
use crate::grpc::proto::org::signal::chat::account::get_capabilities_anonymous_request::Authorization;
use crate::grpc::proto::org::signal::chat::account::get_capabilities_anonymous_response::Response;
use crate::grpc::proto::org::signal::chat::errors::FailedUnidentifiedAuthorization;
use crate::grpc::status::Refusal;
use crate::prekeys::access::AccessKey;
use crate::registry::Registry;

pub async fn own(asking: Asking) -> Result<proto::GetCapabilitiesResponse, Refusal> {
    let capabilities = numbers(asking.caller()?.account.capabilities());
    Ok(proto::GetCapabilitiesResponse { capabilities: Some(capabilities) })
}

pub async fn of(
    registry: &Registry,
    asked: proto::GetCapabilitiesAnonymousRequest,
) -> Result<proto::GetCapabilitiesAnonymousResponse, Refusal> {
    const FIELD: &str = "account_identifier";
    let ServiceId::Aci(aci) = fields::service_id(FIELD, asked.account_identifier)? else {
        return Err(Refusal::Constraint(FIELD));
    };
    let can = match fields::present("authorization", asked.authorization)? {
        Authorization::UnidentifiedAccessKey(key) => {
            let key = AccessKey::new(fields::exactly("unidentified_access_key", &key)?);
            registry.account.capabilities_of(aci, &key).await
        }
        // Who issues these tokens shares a secret with whoever judges them, and we have none.
        Authorization::GroupSendToken(_) => Err(ApiError::Unauthorized),
    };
    let response = match can {
        Ok(can) => Response::Capabilities(numbers(can)),
        Err(ApiError::Unauthorized) => {
            Response::FailedUnidentifiedAuthorization(FailedUnidentifiedAuthorization::default())
        }
        Err(error) => return Err(error.into()),
    };
    Ok(proto::GetCapabilitiesAnonymousResponse { response: Some(response) })
}

fn numbers(names: impl IntoIterator<Item = &'static str>) -> proto::Capabilities {
    proto::Capabilities { capabilities: names.into_iter().filter_map(device::number).collect() }
}
