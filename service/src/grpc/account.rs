//! `account.Accounts` and `account.AccountsAnonymous` (contract keys-devices §8.4), as far as they are connected.
//!
//! Here is only which method is what; what it does stands with others of its kind in the files below.

mod capabilities;
mod end;
mod identity;
mod look_up;
mod number;
mod report;
mod settings;
mod totp;
mod usernames;

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

    async fn set_registration_lock(
        &self,
        request: Request<proto::SetRegistrationLockRequest>,
    ) -> Answered<proto::SetRegistrationLockResponse> {
        answer(request, |asking, asked| settings::lock(self, asking, asked)).await
    }

    async fn clear_registration_lock(
        &self,
        request: Request<proto::ClearRegistrationLockRequest>,
    ) -> Answered<proto::ClearRegistrationLockResponse> {
        answer(request, |asking, _| settings::unlock(self, asking)).await
    }

    async fn configure_unidentified_access(
        &self,
        request: Request<proto::ConfigureUnidentifiedAccessRequest>,
    ) -> Answered<proto::ConfigureUnidentifiedAccessResponse> {
        answer(request, |asking, asked| settings::access(self, asking, asked)).await
    }

    async fn set_discoverable_by_phone_number(
        &self,
        request: Request<proto::SetDiscoverableByPhoneNumberRequest>,
    ) -> Answered<proto::SetDiscoverableByPhoneNumberResponse> {
        answer(request, |asking, asked| settings::discoverability(self, asking, asked)).await
    }

    async fn set_registration_recovery_password(
        &self,
        request: Request<proto::SetRegistrationRecoveryPasswordRequest>,
    ) -> Answered<proto::SetRegistrationRecoveryPasswordResponse> {
        answer(request, |asking, asked| settings::recovery(self, asking, asked)).await
    }

    async fn get_account_data_report(
        &self,
        request: Request<proto::GetAccountDataReportRequest>,
    ) -> Answered<proto::GetAccountDataReportResponse> {
        answer(request, |asking, _| report::report(self, asking)).await
    }

    async fn get_capabilities(
        &self,
        request: Request<proto::GetCapabilitiesRequest>,
    ) -> Answered<proto::GetCapabilitiesResponse> {
        answer(request, |asking, _| capabilities::own(asking)).await
    }

    async fn generate_totp_key(
        &self,
        request: Request<proto::GenerateTotpKeyRequest>,
    ) -> Answered<proto::GenerateTotpKeyResponse> {
        answer(request, |asking, _| totp::generate(self, asking)).await
    }

    async fn confirm_totp_key(
        &self,
        request: Request<proto::ConfirmTotpKeyRequest>,
    ) -> Answered<proto::ConfirmTotpKeyResponse> {
        answer(request, |asking, asked| totp::confirm(self, asking, asked)).await
    }

    async fn list_mfa_keys(&self, request: Request<proto::ListMfaKeysRequest>) -> Answered<proto::ListMfaKeysResponse> {
        answer(request, |asking, _| totp::list(self, asking)).await
    }

    async fn set_mfa_key_metadata(
        &self,
        request: Request<proto::SetMfaKeyMetadataRequest>,
    ) -> Answered<proto::SetMfaKeyMetadataResponse> {
        answer(request, |asking, asked| totp::label(self, asking, asked)).await
    }

    async fn remove_mfa_key(
        &self,
        request: Request<proto::RemoveMfaKeyRequest>,
    ) -> Answered<proto::RemoveMfaKeyResponse> {
        answer(request, |asking, asked| totp::remove(self, asking, asked)).await
    }

    async fn change_number(
        &self,
        request: Request<proto::ChangeNumberRequest>,
    ) -> Answered<proto::ChangeNumberResponse> {
        answer(request, |asking, asked| number::change(self, asking, asked)).await
    }

    async fn reserve_username_hash(
        &self,
        request: Request<proto::ReserveUsernameHashRequest>,
    ) -> Answered<proto::ReserveUsernameHashResponse> {
        answer(request, |asking, asked| usernames::reserve(self, asking, asked)).await
    }

    async fn confirm_username_hash(
        &self,
        request: Request<proto::ConfirmUsernameHashRequest>,
    ) -> Answered<proto::ConfirmUsernameHashResponse> {
        answer(request, |asking, asked| usernames::confirm(self, asking, asked)).await
    }

    async fn delete_username_hash(
        &self,
        request: Request<proto::DeleteUsernameHashRequest>,
    ) -> Answered<proto::DeleteUsernameHashResponse> {
        answer(request, |asking, _| usernames::clear(self, asking)).await
    }

    async fn set_username_link(
        &self,
        request: Request<proto::SetUsernameLinkRequest>,
    ) -> Answered<proto::SetUsernameLinkResponse> {
        answer(request, |asking, asked| usernames::set_link(self, asking, asked)).await
    }

    async fn delete_username_link(
        &self,
        request: Request<proto::DeleteUsernameLinkRequest>,
    ) -> Answered<proto::DeleteUsernameLinkResponse> {
        answer(request, |asking, _| usernames::remove_link(self, asking)).await
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

    async fn get_capabilities(
        &self,
        request: Request<proto::GetCapabilitiesAnonymousRequest>,
    ) -> Answered<proto::GetCapabilitiesAnonymousResponse> {
        answer(request, |_, asked| capabilities::of(self, asked)).await
    }
}
