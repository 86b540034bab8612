//! Everything the registry knows about an account, told to its owner as JSON and as text (contract registration §10.4).
//!
//! Invariant: whatever is stored of an account is in the report, or [`told`] says why it is not. A test walks every table of a
//! registry and compares: a stored field that nobody thought of here fails it. Of secrets (passwords, keys, tokens) the report says
//! that they are there; it may be read on somebody's screen.

mod shape;
mod text;
pub mod told;

use serde::Serialize;
use signet_storage::ids::{DeviceId, ServiceId};

use super::AccountController;
use crate::call::{Call, Caller, Reply};
use crate::error::ApiError;
pub use shape::Report;
use shape::{AccountPart, Data, DevicePart, Keys, Time};

#[derive(Serialize)]
struct WithText {
    #[serde(flatten)]
    report: Report,
    text: String,
}

impl AccountController {
    /// `GET /v2/accounts/data_report`, by any device.
    pub async fn data_report(&self, call: Call) -> Result<Reply, ApiError> {
        let report = self.report(call.caller()?).await?;
        let text = report.text();
        Ok(Reply::json(200, &WithText { report, text }))
    }

    /// The account and its devices of one moment; the rest as it stands a moment later.
    ///
    /// # Errors
    /// 401 if the account no longer lets the caller in.
    pub async fn report(&self, caller: &Caller) -> Result<Report, ApiError> {
        let account = self.accounts.get_as(caller.account.aci, caller.asked_by()?).await?;
        let account = account.ok_or(ApiError::Unauthorized)?;
        let recovery = self.recovery.get(&account.phone_number).await?;
        let mut devices = Vec::new();
        for device in &account.devices {
            let aci = self.keys_of(ServiceId::Aci(account.aci), device.id).await?;
            let pni = self.keys_of(ServiceId::Pni(account.pni), device.id).await?;
            devices.push(DevicePart::of(device, aci, pni));
        }
        let account = AccountPart::of(&account, recovery.map(|recovery| Time(recovery.until)));
        Ok(Report {
            report_id: self.chance.uuid().hyphenated().to_string(),
            report_timestamp: Time(self.clock.now()),
            data: Data { account, devices },
        })
    }

    async fn keys_of(&self, identity: ServiceId, device: DeviceId) -> Result<Option<Keys>, ApiError> {
        let keys = self.keys.get(identity, device).await?;
        Ok(keys.as_ref().map(Keys::of))
    }
}
