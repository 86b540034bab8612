//! Basic credentials of a device (contract registration §13.3, §13.4).
//!
//! Invariant: a wrong password, an unknown account, an unknown device and a malformed header are told apart neither by the
//! answer nor by the work done: one hash is always computed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signet_storage::AccountsManager;
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::model::Account;
use zeroize::Zeroizing;

use crate::call::{Caller, Headers};
use crate::error::ApiError;

/// `user:password` as the header had it.
pub struct BasicCredentials {
    /// Without the `.device` that may end it.
    pub user: String,
    pub device: DeviceId,
    pub password: Zeroizing<String>,
}

impl BasicCredentials {
    /// The header's value, which must be `Basic `, standard base64 of `user:password`, split at the first colon, neither of
    /// them blank; the user may end in `.n`, where `n` is a device.
    pub fn parse(header: &str) -> Option<Self> {
        let decoded = Zeroizing::new(STANDARD.decode(header.strip_prefix("Basic ")?).ok()?);
        let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        let (user, device) = match user.rsplit_once('.') {
            Some((user, device)) => (user, device.parse::<u8>().ok()?.try_into().ok()?),
            None => (user, DeviceId::PRIMARY),
        };
        if user.trim().is_empty() || password.trim().is_empty() {
            return None;
        }
        Some(Self { user: user.to_owned(), device, password: Zeroizing::new(password.to_owned()) })
    }
}

/// The device that these headers authenticate.
///
/// # Errors
/// 401 for whatever is wrong with them, 503 if neither cache nor store answers.
pub async fn device(accounts: &AccountsManager, headers: &Headers) -> Result<Caller, ApiError> {
    let credentials = headers.get("authorization").and_then(BasicCredentials::parse);
    let credentials = credentials.ok_or(ApiError::Unauthorized)?;
    let Ok(aci) = credentials.user.parse::<AccountId>() else { return judge(None, &credentials) };
    if let Some(cached) = accounts.get_cached(aci).await
        && let Ok(caller) = judge(Some(cached), &credentials)
    {
        return Ok(seen(accounts, caller).await);
    }
    // The cached copy may be older than the password, so only the account itself can refuse. It is also read where there is
    // no such account: whoever is refused has cost one read.
    let caller = judge(accounts.refresh(aci).await?, &credentials)?;
    Ok(seen(accounts, caller).await)
}

/// Notes, once a day, that the device was heard of. Should that fail, the next request tries again.
async fn seen(accounts: &AccountsManager, caller: Caller) -> Caller {
    let now = accounts.clock().now();
    let device = caller.account.device(caller.device);
    if device.is_some_and(|device| device.is_unseen(caller.account.aci, now)) {
        let noted = accounts.note_seen(caller.account.aci, caller.device).await;
        let outcome = if noted.is_ok() { "noted" } else { "failed" };
        metrics::counter!("signet_seen_total", "outcome" => outcome).increment(1);
    }
    caller
}

fn judge(account: Option<Account>, credentials: &BasicCredentials) -> Result<Caller, ApiError> {
    let device = account.as_ref().and_then(|account| account.device(credentials.device));
    let hash = device.map_or_else(SaltedTokenHash::of_nobody, |device| device.auth.clone());
    match (hash.verify(&credentials.password), account) {
        (true, Some(account)) => Ok(Caller { account, device: credentials.device }),
        _ => Err(ApiError::Unauthorized),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(String, u8, String)> {
        let header = format!("Basic {}", STANDARD.encode(text));
        BasicCredentials::parse(&header).map(|c| (c.user, c.device.get(), c.password.to_string()))
    }

    #[test]
    fn headers() {
        let read = |user: &str, device, password: &str| Some((user.to_owned(), device, password.to_owned()));
        assert_eq!(parse("+4917:secret"), read("+4917", 1, "secret"));
        assert_eq!(parse("aci.2:se:cr:et"), read("aci", 2, "se:cr:et"));
        for bad in
            ["", ":", "user:", ":password", "user", "  :x", "user:  ", "user.:x", "user.0:x", "user.999:x", ".1:x"]
        {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        for bad in ["", "Basic", "Basic ", "basic dTpw", "Bearer dTpw", "Basic !!!", "Basic  dTpw"] {
            assert!(BasicCredentials::parse(bad).is_none(), "{bad:?}");
        }
        assert!(BasicCredentials::parse("Basic dTpw").is_some());
    }
}
