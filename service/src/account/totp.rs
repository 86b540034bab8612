//! One-time passwords that a registration of the number has to show (contract registration §14): a key is made, confirmed by a code of
//! it, listed, labelled, removed. What they are is `storage::model::totp`; who registers shows one to `registration/attempt.rs`.
//!
//! Codes shown here and there are guesses of one account and counted together, by the limiter `checkTotp`.

use serde::{Deserialize, Serialize};
use serde_json::json;
use signet_config::LimitId;
use signet_storage::model::totp::{DIGITS, LONGEST_LABEL, PendingTotpKey, STEP, TotpError, TotpKey};
use signet_storage::model::{Account, Opaque};

use super::AccountController;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
use crate::events::Event;
use crate::wire::{self, Base64};

/// The only one there is, by the name that clients know.
pub const ALGORITHM: &str = "HmacSHA256";

#[derive(Deserialize)]
struct ConfirmBody {
    code: u32,
    label: Base64,
}

#[derive(Deserialize)]
struct LabelBody {
    label: Base64,
}

#[derive(Serialize)]
struct Listed {
    id: u8,
    label: Opaque,
}

impl AccountController {
    /// `POST /v1/accounts/totp`
    pub async fn offer_totp_key(&self, call: Call) -> Result<Reply, ApiError> {
        let key = self.new_totp_key(call.caller()?).await?;
        let parameters = json!({
            "key": key, "algorithm": ALGORITHM, "digits": DIGITS, "stepSeconds": STEP.as_secs(),
        });
        Ok(Reply::json(200, &parameters))
    }

    /// `PUT /v1/accounts/totp/confirm`
    pub async fn confirm_totp_key(&self, call: Call) -> Result<Reply, ApiError> {
        let ConfirmBody { code, label: Base64(label) } = wire::read(&call.body)?;
        let id = self.confirm_totp(call.caller()?, code, &self::label(&label)?).await?;
        Ok(Reply::json(200, &json!({"id": id})))
    }

    /// `GET /v1/accounts/totp`. Keys themselves are told once, when they are made.
    pub async fn list_totp_keys(&self, call: Call) -> Result<Reply, ApiError> {
        let listed = |key: TotpKey| Listed { id: key.id, label: key.label };
        let keys: Vec<_> = self.totp_keys(call.caller()?).await?.into_iter().map(listed).collect();
        Ok(Reply::json(200, &json!({"keys": keys})))
    }

    /// `PUT /v1/accounts/totp/{key}`
    pub async fn label_totp_key(&self, call: Call) -> Result<Reply, ApiError> {
        let LabelBody { label: Base64(label) } = wire::read(&call.body)?;
        let label = self::label(&label)?;
        let id = call.param("key").parse().map_err(|_| ApiError::NotFound)?;
        self.label_totp(call.caller()?, id, &label).await?;
        Ok(Reply::empty(204))
    }

    /// `DELETE /v1/accounts/totp/{key}`. What cannot be an id is nobody's.
    pub async fn remove_totp_key(&self, call: Call) -> Result<Reply, ApiError> {
        let caller = call.caller()?;
        if let Ok(id) = call.param("key").parse() {
            self.remove_totp(caller, id).await?;
        }
        Ok(Reply::empty(204))
    }

    /// A key that waits for a day to be confirmed, in place of one that did.
    ///
    /// # Errors
    /// 409 if the account has as many as it may have.
    pub async fn new_totp_key(&self, caller: &Caller) -> Result<Opaque, ApiError> {
        let offer = |account: &mut Account, now| {
            let pending = PendingTotpKey::draw(&self.chance, now);
            let key = pending.key.clone();
            (account.offer_totp(pending).map(|()| key).map_err(ApiError::from), Vec::new())
        };
        self.change("totp offer", caller, offer).await
    }

    /// The id of the key that this code confirms.
    ///
    /// # Errors
    /// 441 for a wrong code, 409 if no key waits, 429 for too many guesses.
    pub async fn confirm_totp(&self, caller: &Caller, code: u32, label: &Opaque) -> Result<u8, ApiError> {
        self.limits.take(LimitId::CheckTotp, &caller.account.aci.to_string()).await?;
        let confirm = |account: &mut Account, now| {
            (account.confirm_totp(code, label, &self.chance, now).map_err(ApiError::from), Vec::new())
        };
        let confirmed = self.change("totp confirm", caller, confirm).await;
        if matches!(confirmed, Err(ApiError::TotpWanted)) {
            self.events.publish(Event::TotpFailed { aci: caller.account.aci });
        }
        confirmed
    }

    /// The keys that are confirmed.
    pub async fn totp_keys(&self, caller: &Caller) -> Result<Vec<TotpKey>, ApiError> {
        let account = self.accounts.get_as(caller.account.aci, caller.asked_by()?).await?;
        account.map(|account| account.totp).ok_or(ApiError::Unauthorized)
    }

    /// # Errors
    /// 404 if there is no such key.
    pub async fn label_totp(&self, caller: &Caller, id: u8, label: &Opaque) -> Result<(), ApiError> {
        let set = |account: &mut Account, _| {
            let key = account.totp.iter_mut().find(|key| key.id == id);
            (key.map(|key| key.label = label.clone()).ok_or(ApiError::NotFound), Vec::new())
        };
        self.change("totp label", caller, set).await
    }

    /// A key that there is not is removed.
    pub async fn remove_totp(&self, caller: &Caller, id: u8) -> Result<(), ApiError> {
        let remove = |account: &mut Account, _| {
            account.totp.retain(|key| key.id != id);
            (Ok(()), Vec::new())
        };
        self.change("totp remove", caller, remove).await
    }
}

/// What the client wrote on it, sealed.
///
/// # Errors
/// 422 if it is too long.
pub fn label(bytes: &[u8]) -> Result<Opaque, ApiError> {
    if bytes.len() <= LONGEST_LABEL { Ok(bytes.into()) } else { Err(ApiError::Unprocessable) }
}

impl From<TotpError> for ApiError {
    fn from(error: TotpError) -> Self {
        match error {
            TotpError::Full | TotpError::NothingPending => Self::Conflict,
            TotpError::Wrong => Self::TotpWanted,
        }
    }
}
