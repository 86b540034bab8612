//! An account as its owner sees it (contract registration §3.7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use signet_storage::clock::Timestamp;
use signet_storage::ids::{AccountId, DeviceId, NumberId};
use signet_storage::model::Account;
use signet_storage::number::E164;

/// The answer of `whoami`, and the larger part of the answer to a registration. Null fields are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountIdentity {
    pub uuid: AccountId,
    pub number: E164,
    /// The bare UUID: clients refuse a `PNI:` here.
    pub pni: NumberId,
    pub username_hash: Option<String>,
    pub username_link_handle: Option<String>,
    pub storage_capable: bool,
    pub entitlements: Entitlements,
    pub auth_credential_salt: Option<String>,
}

#[derive(Serialize)]
pub struct Entitlements {
    badges: Vec<BadgeEntitlement>,
    backup: Option<()>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BadgeEntitlement {
    id: String,
    expiration_seconds: i64,
    visible: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationResponse {
    #[serde(flatten)]
    pub account: AccountIdentity,
    pub device_id: DeviceId,
    /// Was there an account for the number before?
    pub reregistration: bool,
}

impl AccountIdentity {
    pub fn of(account: &Account, storage_capable: bool, now: Timestamp) -> Self {
        let badges = account.current_badges(now).map(|badge| BadgeEntitlement {
            id: badge.id.clone(),
            expiration_seconds: badge.expires.seconds(),
            visible: badge.visible,
        });
        Self {
            uuid: account.aci,
            number: account.phone_number.clone(),
            pni: account.pni,
            username_hash: account.username.hash.as_ref().map(|hash| URL_SAFE_NO_PAD.encode(hash.as_bytes())),
            username_link_handle: account.username.link_handle.map(|handle| handle.hyphenated().to_string()),
            storage_capable,
            entitlements: Entitlements { badges: badges.collect(), backup: None },
            auth_credential_salt: None,
        }
    }
}
