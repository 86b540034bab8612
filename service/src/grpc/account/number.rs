//! Another number for the caller's account.

use std::collections::{BTreeMap, HashMap};

use signet_keys::IdentityKey;
use signet_storage::ids::{DeviceId, RegistrationId, ServiceId};
use signet_storage::model::RecoveryPassword;
use signet_storage::number::E164;

use super::identity::identifiers;
use super::proto;
use super::proto::change_number_request::Verification;
use super::proto::change_number_response::Response;
use super::proto::registration_lock_failure::Svr2Credentials;
use crate::account::number::{DeviceMessage, DeviceMessages, NumberRequest, PresentedKeys, Refused};
use crate::call::Caller;
use crate::error::ApiError;
use crate::grpc::asking::Asking;
use crate::grpc::fields::{self, exactly, present, service_identifier};
use crate::grpc::proto::org::signal::chat::errors::FailedPrecondition;
use crate::grpc::proto::org::signal::chat::messages::individual_recipient_message_bundle::Message;
use crate::grpc::proto::org::signal::chat::messages::{
    IndividualRecipientMessageBundle, MismatchedDevices, SendMessageType, StaleDevices,
};
use crate::grpc::status::Refusal;
use crate::registration::lock::{LockFailure, LockPresented};
use crate::registration::request::Proof;
use crate::registry::Registry;

pub async fn change(
    registry: &Registry,
    asking: Asking,
    asked: proto::ChangeNumberRequest,
) -> Result<proto::ChangeNumberResponse, Refusal> {
    let (caller, request) = (asking.caller()?, request(asked)?);
    let response = match registry.number.move_account(caller, request).await {
        Ok(account) => Response::AccountIdentifiers(identifiers(&account)),
        Err(refused) => refusal(caller, refused)?,
    };
    Ok(proto::ChangeNumberResponse { response: Some(response) })
}

fn request(asked: proto::ChangeNumberRequest) -> Result<NumberRequest, Refusal> {
    let proof = match present("verification", asked.verification)? {
        Verification::SessionId(id) if !id.is_empty() => Proof::Session(id),
        Verification::SessionId(_) => return Err(Refusal::Constraint("session_id")),
        Verification::RecoveryPassword(password) => {
            let password: [u8; 32] = exactly("recovery_password", &password)?;
            let password = RecoveryPassword::new(&password);
            Proof::RecoveryPassword(password.ok_or(Refusal::Constraint("recovery_password"))?)
        }
    };
    let lock = match asked.registration_lock.as_slice() {
        [] => LockPresented::No,
        lock => LockPresented::unjudged(Some(&hex::encode(exactly::<32>("registration_lock", lock)?))),
    };
    let identity = IdentityKey::from_bytes(&asked.pni_identity_key);
    Ok(NumberRequest {
        number: E164::parse(&asked.number).map_err(|_| Refusal::Constraint("number"))?,
        proof,
        lock,
        identity: identity.map_err(|_| Refusal::Constraint("pni_identity_key"))?,
        keys: PresentedKeys {
            signed: of_devices(&asked.device_pni_ec_signed_pre_keys, fields::signed_pre_key)?,
            last_resort: of_devices(&asked.device_pni_kem_last_resort_pre_keys, fields::kem_pre_key)?,
        },
        registration_ids: of_devices(&asked.pni_registration_ids, |id| {
            RegistrationId::try_from(i64::from(*id)).map_err(|_| Refusal::Constraint("pni_registration_ids"))
        })?,
        messages: messages(asked.device_messages.unwrap_or_default())?,
    })
}

/// Something of each device that is listed; at least one is.
fn of_devices<T, U>(
    map: &HashMap<u32, T>,
    read: impl Fn(&T) -> Result<U, Refusal>,
) -> Result<BTreeMap<DeviceId, U>, Refusal> {
    if map.is_empty() {
        return Err(Refusal::Constraint("what is listed by device"));
    }
    map.iter().map(|(device, value)| Ok((fields::device_id(*device)?, read(value)?))).collect()
}

fn messages(bundle: IndividualRecipientMessageBundle) -> Result<DeviceMessages, Refusal> {
    let message = |(device, message): (u32, Message)| {
        match SendMessageType::try_from(message.r#type) {
            Ok(SendMessageType::Unspecified) | Err(_) => return Err(Refusal::Constraint("type")),
            Ok(_) => {}
        }
        Ok(DeviceMessage {
            destination: fields::device_id(device)?,
            registration_id: message.registration_id.into(),
            length: message.payload.len(),
        })
    };
    let messages = bundle.messages.into_iter().map(message).collect::<Result<_, _>>()?;
    Ok(DeviceMessages::new(messages)?)
}

/// What a client has to expect is an answer, the rest is not.
fn refusal(caller: &Caller, refused: Refused) -> Result<Response, Refusal> {
    let because = FailedPrecondition::default();
    Ok(match refused {
        Refused::Proof(ApiError::Unauthorized) => Response::UnverifiedSession(because),
        Refused::Proof(ApiError::BadRequest) => Response::InvalidSession(because),
        Refused::Proof(ApiError::Forbidden) => Response::RecoveryPasswordFailed(because),
        Refused::Api(ApiError::TooLarge) => Response::MessageTooLarge(because),
        Refused::Api(ApiError::Locked(failure)) => {
            let LockFailure { time_remaining, svr2_credentials, .. } = *failure;
            let crate::svr::Credentials { username, password } = svr2_credentials;
            let svr2_credentials = Some(Svr2Credentials { username, password });
            Response::RegistrationLockFailure(proto::RegistrationLockFailure { time_remaining, svr2_credentials })
        }
        Refused::Api(ApiError::OtherDevices { missing, extra }) => Response::MismatchedDevices(MismatchedDevices {
            service_identifier: Some(service_identifier(ServiceId::Aci(caller.account.aci))),
            missing_devices: numbers(missing),
            extra_devices: numbers(extra),
        }),
        Refused::Api(ApiError::StaleDevices(devices)) => {
            Response::StaleDevices(StaleDevices { stale_devices: numbers(devices) })
        }
        Refused::Proof(error) | Refused::Api(error) => return Err(error.into()),
    })
}

fn numbers(devices: Vec<DeviceId>) -> Vec<u32> {
    devices.into_iter().map(|device| device.get().into()).collect()
}
