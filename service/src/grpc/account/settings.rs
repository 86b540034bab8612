//! What an account is set to: its lock, who may write to it unseen, whether it is found by its number, and by what its owner comes
//! back.

use signet_storage::lock_hasher::PresentedLock;
use signet_storage::model::RecoveryPassword;
use zeroize::Zeroizing;

use super::proto;
use crate::account::access::Unidentified;
use crate::grpc::asking::Asking;
use crate::grpc::fields;
use crate::grpc::proto::org::signal::chat::account::configure_unidentified_access_request::Configuration;
use crate::grpc::status::Refusal;
use crate::registry::Registry;

/// REST knows a lock by the digits of its bytes.
pub async fn lock(
    registry: &Registry,
    asking: Asking,
    asked: proto::SetRegistrationLockRequest,
) -> Result<proto::SetRegistrationLockResponse, Refusal> {
    let bytes: [u8; 32] = fields::exactly("registration_lock", &asked.registration_lock)?;
    let digits = Zeroizing::new(hex::encode(bytes));
    let lock = PresentedLock::try_from(digits.as_str()).map_err(|_| Refusal::Constraint("registration_lock"))?;
    registry.account.lock_with(asking.caller()?, &lock).await?;
    Ok(proto::SetRegistrationLockResponse {})
}

pub async fn unlock(registry: &Registry, asking: Asking) -> Result<proto::ClearRegistrationLockResponse, Refusal> {
    registry.account.unlock(asking.caller()?).await?;
    Ok(proto::ClearRegistrationLockResponse {})
}

pub async fn access(
    registry: &Registry,
    asking: Asking,
    asked: proto::ConfigureUnidentifiedAccessRequest,
) -> Result<proto::ConfigureUnidentifiedAccessResponse, Refusal> {
    let whom = match fields::present("configuration", asked.configuration)? {
        Configuration::UnidentifiedAccessKey(key) => {
            Unidentified::WithKey(fields::exactly("unidentified_access_key", &key)?)
        }
        Configuration::AllowUnrestrictedUnidentifiedAccess(()) => Unidentified::Anybody,
    };
    registry.account.let_in_unidentified(asking.caller()?, &whom).await?;
    Ok(proto::ConfigureUnidentifiedAccessResponse {})
}

pub async fn discoverability(
    registry: &Registry,
    asking: Asking,
    asked: proto::SetDiscoverableByPhoneNumberRequest,
) -> Result<proto::SetDiscoverableByPhoneNumberResponse, Refusal> {
    registry.account.find_by_number(asking.caller()?, asked.discoverable_by_phone_number).await?;
    Ok(proto::SetDiscoverableByPhoneNumberResponse {})
}

pub async fn recovery(
    registry: &Registry,
    asking: Asking,
    asked: proto::SetRegistrationRecoveryPasswordRequest,
) -> Result<proto::SetRegistrationRecoveryPasswordResponse, Refusal> {
    const FIELD: &str = "registration_recovery_password";
    let bytes: [u8; 32] = fields::exactly(FIELD, &asked.registration_recovery_password)?;
    let password = RecoveryPassword::new(&bytes).ok_or(Refusal::Constraint(FIELD))?;
    registry.account.recover_by(asking.caller()?, &password).await?;
    Ok(proto::SetRegistrationRecoveryPasswordResponse {})
}
