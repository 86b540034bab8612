//! `account.Accounts` and `account.AccountsAnonymous` (contract keys-devices §8.4), as far as they are connected.

use signet_storage::ids::ServiceId;
use signet_storage::model::Opaque;
use signet_storage::model::account::Badge;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::asking::answer;
use super::fields::{self, service_identifier};
use super::proto::org::signal::chat::account;
use super::proto::org::signal::chat::account::accounts_anonymous_server::AccountsAnonymous;
use super::proto::org::signal::chat::account::accounts_server::Accounts;
use super::proto::org::signal::chat::account::get_entitlements_response::BadgeEntitlement;
use super::proto::org::signal::chat::common::AccountIdentifiers;
use super::proto::org::signal::chat::errors::NotFound;
use crate::registry::Registry;

#[tonic::async_trait]
impl Accounts for Registry {
    async fn get_account_identity(
        &self,
        request: Request<account::GetAccountIdentityRequest>,
    ) -> Result<Response<account::GetAccountIdentityResponse>, Status> {
        answer(request, |asking, _| async move {
            let account = &asking.caller()?.account;
            let (name, ids) = (&account.username, [ServiceId::Aci(account.aci), ServiceId::Pni(account.pni)]);
            let identifiers = AccountIdentifiers {
                service_identifiers: ids.map(service_identifier).into(),
                e164: account.phone_number.as_str().to_owned(),
                username_hash: name.hash.as_ref().map_or_else(Vec::new, |hash| hash.as_bytes().to_vec()),
                username_link_handle: name.link_handle.map_or_else(Vec::new, |handle| handle.into_bytes().to_vec()),
            };
            Ok(account::GetAccountIdentityResponse { account_identifiers: Some(identifiers) })
        })
        .await
    }

    async fn get_entitlements(
        &self,
        request: Request<account::GetEntitlementsRequest>,
    ) -> Result<Response<account::GetEntitlementsResponse>, Status> {
        answer(request, |asking, _| async move {
            let badges =
                asking.caller()?.account.current_badges(self.clock.now()).map(BadgeEntitlement::from).collect();
            Ok(account::GetEntitlementsResponse { badges, backup: None })
        })
        .await
    }

    async fn delete_account(
        &self,
        request: Request<account::DeleteAccountRequest>,
    ) -> Result<Response<account::DeleteAccountResponse>, Status> {
        answer(request, |asking, _| async move {
            self.account.end(asking.caller()?).await?;
            Ok(account::DeleteAccountResponse {})
        })
        .await
    }
}

#[tonic::async_trait]
impl AccountsAnonymous for Registry {
    async fn check_account_existence(
        &self,
        request: Request<account::CheckAccountExistenceRequest>,
    ) -> Result<Response<account::CheckAccountExistenceResponse>, Status> {
        answer(request, |asking, asked| async move {
            let identity = fields::service_id("service_identifier", asked.service_identifier)?;
            let account_exists = self.account.knows(identity, asking.client).await?;
            Ok(account::CheckAccountExistenceResponse { account_exists })
        })
        .await
    }

    async fn lookup_username_hash(
        &self,
        request: Request<account::LookupUsernameHashRequest>,
    ) -> Result<Response<account::LookupUsernameHashResponse>, Status> {
        use account::lookup_username_hash_response::Response;
        answer(request, |asking, asked| async move {
            let hash: [u8; 32] = fields::exactly("username_hash", &asked.username_hash)?;
            let holder = self.account.holder_of_username(&hash, asking.client).await?;
            let told = |aci| Response::ServiceIdentifier(service_identifier(ServiceId::Aci(aci)));
            let response = holder.map_or(Response::NotFound(NotFound {}), told);
            Ok(account::LookupUsernameHashResponse { response: Some(response) })
        })
        .await
    }

    async fn lookup_username_link(
        &self,
        request: Request<account::LookupUsernameLinkRequest>,
    ) -> Result<Response<account::LookupUsernameLinkResponse>, Status> {
        use account::lookup_username_link_response::Response;
        answer(request, |asking, asked| async move {
            let handle = Uuid::from_bytes(fields::exactly("username_link_handle", &asked.username_link_handle)?);
            let encrypted = self.account.encrypted_username(handle, asking.client).await?;
            let told = |name: Opaque| Response::UsernameCiphertext(name.as_bytes().to_vec());
            let response = encrypted.map_or(Response::NotFound(NotFound {}), told);
            Ok(account::LookupUsernameLinkResponse { response: Some(response) })
        })
        .await
    }
}

impl From<&Badge> for BadgeEntitlement {
    fn from(badge: &Badge) -> Self {
        let expires = u64::try_from(badge.expires.seconds()).unwrap_or_default();
        Self { badge_id: badge.id.clone(), expiration_epoch_seconds: expires, visible: badge.visible }
    }
}
