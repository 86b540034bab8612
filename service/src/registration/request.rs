//! The registration request, read and checked up to the point where the store is needed (contract registration §3.2, §3.3).
//!
//! Order: the header (400, 401), JSON (400, 422), each field and the rules across fields (422), every signature (422),
//! required capabilities (499), and only then which kind of registration it is.

pub mod body;

use std::collections::BTreeSet;

use base64::Engine as _;
use signet_keys::CheckedDeviceKeys;
use signet_storage::chance::Chance;
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{AccountId, RegistrationId};
use signet_storage::lock_hasher::StoredLock;
use signet_storage::model::account::NewAccount;
use signet_storage::model::device::{NewChannel, NewDevice};
use signet_storage::model::recovery::NewRecovery;
use signet_storage::model::{Opaque, RecoveryPassword, capability};
use zeroize::Zeroizing;

use crate::authenticate::BasicCredentials;
use crate::call::Call;
use crate::devices::attributes::{self, Channels};
use crate::error::ApiError;
use crate::registration::lock::LockPresented;
use crate::wire::{self, Base64, URL_SAFE_EITHER};
use body::Body;

/// A registration as far as it can be judged without the store.
pub struct RegistrationRequest {
    pub kind: Kind,
    pub skip_device_transfer: bool,
    pub totp: Option<u32>,
    /// What opens the account's lock, and becomes the new account's.
    pub lock: LockPresented,
    /// What shall let the owner come back.
    pub recovery: Option<RecoveryPassword>,
    pub aci_keys: CheckedDeviceKeys,
    /// Present or absent as a whole, registration id included.
    pub pni: Option<PniPart>,
    token: Zeroizing<String>,
    registration_id: RegistrationId,
    channel: NewChannel,
    name: Option<Opaque>,
    user_agent: Option<String>,
    capabilities: BTreeSet<String>,
    unidentified_access_key: Option<Opaque>,
    unrestricted_unidentified_access: bool,
    discoverable_by_phone_number: bool,
}

pub struct PniPart {
    pub keys: CheckedDeviceKeys,
    registration_id: RegistrationId,
}

/// Which of the kinds of contract §3.1.
pub enum Kind {
    /// A and B: the header names a number (not looked at yet) and the body proves it.
    WithNumber { number: String, proof: Proof },
    /// C: the header names an ACI, and the body may hold its recovery password.
    ByAci { aci: AccountId, password: Option<RecoveryPassword> },
    /// D: a receipt, no number.
    ByReceipt,
}

pub enum Proof {
    /// The decoded id. It may be of a length that no session's has; that is judged when it is looked for.
    Session(Vec<u8>),
    RecoveryPassword(RecoveryPassword),
}

impl RegistrationRequest {
    pub fn read(call: &Call) -> Result<Self, ApiError> {
        let header = call.headers.get("authorization").ok_or(ApiError::BadRequest)?;
        let credentials = BasicCredentials::parse(header).ok_or(ApiError::Unauthorized)?;
        let body: Body = wire::read(&call.body)?;
        let proof = Presented::one_of(&body)?;
        let channel = channel(&body)?;
        let attributes = &body.account_attributes;
        attributes.check()?;
        let name = attributes::name(attributes.name.as_ref())?;
        let lock = attributes.lock()?;
        let (registration_id, pni_registration_id) =
            attributes::registration_ids(attributes.registration_id, attributes.pni_registration_id)?;
        let (aci_keys, pni) = check_keys(&body, pni_registration_id)?;
        let capabilities = attributes.capabilities.as_ref().map(capability::known).unwrap_or_default();
        if !capability::has_required(&capabilities) {
            return Err(ApiError::UpgradeNeeded);
        }
        let Body { account_attributes: attributes, skip_device_transfer, totp, .. } = &body;
        Ok(Self {
            kind: proof.kind(credentials.user),
            skip_device_transfer: *skip_device_transfer,
            totp: *totp,
            lock,
            recovery: attributes.recovery(),
            aci_keys,
            pni,
            token: credentials.password,
            registration_id,
            channel,
            name,
            user_agent: call.headers.get("x-signal-agent").map(str::to_owned),
            capabilities,
            unidentified_access_key: attributes.access_key(),
            unrestricted_unidentified_access: attributes.unrestricted_unidentified_access,
            discoverable_by_phone_number: attributes.discoverable_by_phone_number.unwrap_or(true),
        })
    }

    /// The account to write, and its keys. Can be asked for again when a commit was contested.
    pub fn account(&self, pni: &PniPart, registration_lock: Option<StoredLock>, chance: &Chance) -> NewAccount {
        NewAccount {
            device: NewDevice {
                auth: SaltedTokenHash::of(&self.token, chance),
                name: self.name.clone(),
                channel: self.channel.clone(),
                registration_id: self.registration_id,
                pni_registration_id: Some(pni.registration_id),
                user_agent: self.user_agent.clone(),
                capabilities: self.capabilities.clone(),
            },
            identity_key: self.aci_keys.identity().serialize()[..].into(),
            pni_identity_key: pni.keys.identity().serialize()[..].into(),
            unidentified_access_key: self.unidentified_access_key.clone(),
            unrestricted_unidentified_access: self.unrestricted_unidentified_access,
            discoverable_by_phone_number: self.discoverable_by_phone_number,
            registration_lock,
            recovery: self.recovery.as_ref().map(|password| NewRecovery::of(password, chance)),
        }
    }
}

impl Proof {
    /// What a body proves a number by, if it has anything of the kind: one of the two, and blank or empty is not there.
    pub fn presented(session: Option<&str>, password: Option<&Base64>) -> Result<Option<Self>, ApiError> {
        let session = session.filter(|id| !id.trim().is_empty());
        let password = password.and_then(|Base64(password)| RecoveryPassword::new(password));
        match (session, password) {
            (None, None) => Ok(None),
            (Some(id), None) => {
                let id = URL_SAFE_EITHER.decode(id).map_err(|_| ApiError::Unprocessable)?;
                Ok(Some(Self::Session(id)))
            }
            (None, Some(password)) => Ok(Some(Self::RecoveryPassword(password))),
            (Some(_), Some(_)) => Err(ApiError::Unprocessable),
        }
    }
}

/// The one thing that entitles to register; of the three exactly one must be there.
enum Presented {
    Proof(Proof),
    Receipt,
}

impl Presented {
    fn one_of(body: &Body) -> Result<Self, ApiError> {
        let proof = Proof::presented(body.session_id.as_deref(), body.recovery_password.as_ref())?;
        let receipt = body.receipt_credential_presentation.as_ref().filter(|Base64(receipt)| !receipt.is_empty());
        match (proof, receipt) {
            (Some(proof), None) => Ok(Self::Proof(proof)),
            (None, Some(_)) => Ok(Self::Receipt),
            _ => Err(ApiError::Unprocessable),
        }
    }

    fn kind(self, user: String) -> Kind {
        match (self, user.parse()) {
            (Self::Receipt, _) => Kind::ByReceipt,
            (Self::Proof(Proof::RecoveryPassword(password)), Ok(aci)) => Kind::ByAci { aci, password: Some(password) },
            (Self::Proof(Proof::Session(_)), Ok(aci)) => Kind::ByAci { aci, password: None },
            (Self::Proof(proof), Err(_)) => Kind::WithNumber { number: user, proof },
        }
    }
}

fn channel(body: &Body) -> Result<NewChannel, ApiError> {
    let channels = Channels {
        fetches_messages: body.account_attributes.fetches_messages,
        apn: body.apn_token.as_ref(),
        gcm: body.gcm_token.as_ref(),
        nested: body.push_token.as_ref(),
    };
    channels.one()
}

/// Every signature, and that the PNI's part is there as a whole or not at all.
fn check_keys(
    body: &Body,
    pni_registration_id: Option<RegistrationId>,
) -> Result<(CheckedDeviceKeys, Option<PniPart>), ApiError> {
    let aci = attributes::keys(
        body.aci_identity_key.as_ref(),
        body.aci_signed_pre_key.as_ref(),
        body.aci_pq_last_resort_pre_key.as_ref(),
    )?;
    let parts = [
        body.pni_identity_key.is_some(),
        body.pni_signed_pre_key.is_some(),
        body.pni_pq_last_resort_pre_key.is_some(),
        pni_registration_id.is_some(),
    ];
    let pni = match pni_registration_id {
        None if parts.contains(&true) => return Err(ApiError::Unprocessable),
        None => None,
        Some(registration_id) => {
            let keys = attributes::keys(
                body.pni_identity_key.as_ref(),
                body.pni_signed_pre_key.as_ref(),
                body.pni_pq_last_resort_pre_key.as_ref(),
            )?;
            Some(PniPart { keys, registration_id })
        }
    };
    Ok((aci, pni))
}
