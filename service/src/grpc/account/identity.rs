//! Who the caller is, and what it is entitled to.

use signet_storage::ids::ServiceId;
use signet_storage::model::Account;
use signet_storage::model::account::Badge;

use super::proto;
use crate::grpc::asking::Asking;
use crate::grpc::fields::service_identifier;
use crate::grpc::proto::org::signal::chat::account::get_entitlements_response::BadgeEntitlement;
use crate::grpc::proto::org::signal::chat::common::AccountIdentifiers;
use crate::grpc::status::Refusal;
use crate::registry::Registry;

pub async fn identity(asking: Asking) -> Result<proto::GetAccountIdentityResponse, Refusal> {
    let account = &asking.caller()?.account;
    Ok(proto::GetAccountIdentityResponse { account_identifiers: Some(identifiers(account)) })
}

/// All that the account is known by.
pub fn identifiers(account: &Account) -> AccountIdentifiers {
    let (name, ids) = (&account.username, [ServiceId::Aci(account.aci), ServiceId::Pni(account.pni)]);
    AccountIdentifiers {
        service_identifiers: ids.map(service_identifier).into(),
        e164: account.phone_number.as_str().to_owned(),
        username_hash: name.hash.as_ref().map_or_else(Vec::new, |hash| hash.as_bytes().to_vec()),
        username_link_handle: name.link_handle.map_or_else(Vec::new, |handle| handle.into_bytes().to_vec()),
    }
}

pub async fn entitlements(registry: &Registry, asking: Asking) -> Result<proto::GetEntitlementsResponse, Refusal> {
    let badges = asking.caller()?.account.current_badges(registry.clock.now()).map(BadgeEntitlement::from).collect();
    Ok(proto::GetEntitlementsResponse { badges, backup: None })
}

impl From<&Badge> for BadgeEntitlement {
    fn from(badge: &Badge) -> Self {
        let expires = u64::try_from(badge.expires.seconds()).unwrap_or_default();
        Self { badge_id: badge.id.clone(), expiration_epoch_seconds: expires, visible: badge.visible }
    }
}
