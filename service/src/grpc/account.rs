//! `account.Accounts` and `account.AccountsAnonymous` (contract keys-devices §8.4), as far as they are connected.
//!
//! Here is only which method is what; what it does stands with others of its kind in the files below.

mod end;
mod identity;
mod look_up;

use tonic::{Request, Response, Status};

use super::asking::answer;
use super::proto::org::signal::chat::account as proto;
use super::proto::org::signal::chat::account::accounts_anonymous_server::AccountsAnonymous;
use super::proto::org::signal::chat::account::accounts_server::Accounts;
use crate::registry::Registry;

type Answered<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Accounts for Registry {
    async fn get_account_identity(
        &self,
        request: Request<proto::GetAccountIdentityRequest>,
    ) -> Answered<proto::GetAccountIdentityResponse> {
        answer(request, |asking, _| identity::identity(asking)).await
    }

    async fn get_entitlements(
        &self,
        request: Request<proto::GetEntitlementsRequest>,
    ) -> Answered<proto::GetEntitlementsResponse> {
        answer(request, |asking, _| identity::entitlements(self, asking)).await
    }

    async fn delete_account(
        &self,
        request: Request<proto::DeleteAccountRequest>,
    ) -> Answered<proto::DeleteAccountResponse> {
        answer(request, |asking, _| end::delete(self, asking)).await
    }
}

#[tonic::async_trait]
impl AccountsAnonymous for Registry {
    async fn check_account_existence(
        &self,
        request: Request<proto::CheckAccountExistenceRequest>,
    ) -> Answered<proto::CheckAccountExistenceResponse> {
        answer(request, |asking, asked| look_up::existence(self, asking, asked)).await
    }

    async fn lookup_username_hash(
        &self,
        request: Request<proto::LookupUsernameHashRequest>,
    ) -> Answered<proto::LookupUsernameHashResponse> {
        answer(request, |asking, asked| look_up::username(self, asking, asked)).await
    }

    async fn lookup_username_link(
        &self,
        request: Request<proto::LookupUsernameLinkRequest>,
    ) -> Answered<proto::LookupUsernameLinkResponse> {
        answer(request, |asking, asked| look_up::username_link(self, asking, asked)).await
    }
}
