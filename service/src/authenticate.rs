//! Basic credentials of a device (contract keys-devices §5.1, §5.3; registration §13.3, §13.4).
//!
//! Not here: who must be the primary device, and what a route does for callers it does not know.
//!
//! Invariant: a wrong password, an unknown account and an unknown device are told apart neither by the answer nor by the work
//! done for it: one look at the cache, one hash, one read of the store, one hash, whatever the cache holds. A malformed header
//! gets the same answer and costs nothing; whoever sent it knows what it is.

use std::sync::Arc;

use base64::Engine as _;
use signet_storage::AccountsManager;
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::model::Account;
use zeroize::Zeroizing;

use crate::call::{Caller, Headers};
use crate::error::ApiError;
use crate::registry::Registry;
use crate::wire::STANDARD_EITHER;

/// `user:password` as the header had it.
pub struct BasicCredentials {
    /// Without the `.device` that may end it.
    pub user: String,
    pub device: DeviceId,
    pub password: Zeroizing<String>,
}

impl BasicCredentials {
    /// The header's value where the route itself reads it (registration, linking): exactly `Basic`, a space, and credentials.
    pub fn parse(header: &str) -> Option<Self> {
        Self::decode(header.strip_prefix("Basic ")?)
    }

    /// The header's value everywhere else: the scheme in any case.
    fn parse_any_case(header: &str) -> Option<Self> {
        let (scheme, credentials) = header.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("Basic") { Self::decode(credentials) } else { None }
    }

    /// Standard base64, padded or not, of `user:password`, split at the first colon, neither of them blank. After the first dot
    /// of the user comes a device.
    fn decode(credentials: &str) -> Option<Self> {
        let decoded = Zeroizing::new(STANDARD_EITHER.decode(credentials).ok()?);
        let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        let (user, device) = match user.split_once('.') {
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
async fn device(accounts: &AccountsManager, headers: &Headers) -> Result<Caller, ApiError> {
    let credentials = headers.get("authorization").and_then(BasicCredentials::parse_any_case);
    let credentials = credentials.ok_or(ApiError::Unauthorized)?;
    let aci: AccountId = credentials.user.parse().map_err(|_| ApiError::Unauthorized)?;
    if let Some(caller) = judge(accounts.get_cached(aci).await, &credentials) {
        return Ok(seen(accounts, caller).await);
    }
    // In a box, as what is done once a day is: these futures are large, and every request would move them about.
    Box::pin(by_the_account(accounts, aci, &credentials)).await
}

/// As [`device`], where these headers are an attempt to say who asks: a refusal is noted for the audit.
///
/// # Errors
/// As [`device`].
pub async fn attempt(registry: &Registry, headers: &Headers) -> Result<Caller, ApiError> {
    let caller = device(&registry.accounts, headers).await;
    if matches!(caller, Err(ApiError::Unauthorized)) {
        registry.events.authentication_refused();
    }
    caller
}

/// The cached copy may be older than the password, so only the account itself can refuse.
async fn by_the_account(
    accounts: &AccountsManager,
    aci: AccountId,
    credentials: &BasicCredentials,
) -> Result<Caller, ApiError> {
    let as_of = accounts.clock().now();
    let account = accounts.get(aci).await?;
    let caller = judge(account.map(Arc::new), credentials).ok_or(ApiError::Unauthorized)?;
    // Not before it is known who asks: that there is an account to be cached must not show in the time of a refusal.
    accounts.remember(&caller.account, as_of).await;
    Ok(seen(accounts, caller).await)
}

/// Notes, once a day, that the device was heard of. Should that fail, the next request tries again.
async fn seen(accounts: &AccountsManager, caller: Caller) -> Caller {
    let now = accounts.clock().now();
    let device = caller.account.device(caller.device);
    if device.is_some_and(|device| device.is_unseen(caller.account.aci, now)) {
        let noted = Box::pin(accounts.note_seen(caller.account.aci, caller.device)).await;
        let outcome = if noted.is_ok() { "noted" } else { "failed" };
        metrics::counter!("signet_seen_total", "outcome" => outcome).increment(1);
    }
    caller
}

/// Whoever these credentials are of, if the account lets them in. One hash, also where there is no account or no such device.
fn judge(account: Option<Arc<Account>>, credentials: &BasicCredentials) -> Option<Caller> {
    let device = account.as_ref().and_then(|account| account.device(credentials.device));
    let hash = device.map_or_else(SaltedTokenHash::of_nobody, |device| device.auth.clone());
    let verified = hash.verify(&credentials.password);
    account.filter(|_| verified).map(|account| Caller { account, device: credentials.device })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

    use super::*;

    fn parse(text: &str) -> Option<(String, u8, String)> {
        let read =
            |header: &str| BasicCredentials::parse(header).map(|c| (c.user, c.device.get(), c.password.to_string()));
        let (padded, bare) = (STANDARD.encode(text), STANDARD_NO_PAD.encode(text));
        let parsed = read(&format!("Basic {padded}"));
        assert_eq!(read(&format!("Basic {bare}")), parsed, "{text:?} without padding");
        parsed
    }

    #[test]
    fn credentials() {
        let read = |user: &str, device, password: &str| Some((user.to_owned(), device, password.to_owned()));
        assert_eq!(parse("+4917:secret"), read("+4917", 1, "secret"));
        assert_eq!(parse("aci.2:se:cr:et"), read("aci", 2, "se:cr:et"));
        assert_eq!(parse("aci.127:p"), read("aci", 127, "p"));
        for bad in [
            "",
            ":",
            "user:",
            ":password",
            "user",
            "  :x",
            "user:  ",
            "user.:x",
            "user.0:x",
            "user.128:x",
            "user.999:x",
            "user.-1:x",
            "user.x:x",
            ".:x",
            ".4:x",
            "a.7.8:x",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    /// `dTpw` is `u:p`. Columns: where the route reads the header itself, and everywhere else.
    #[test]
    fn schemes() {
        for (header, itself, elsewhere) in [
            ("Basic dTpw", true, true),
            ("basic dTpw", false, true),
            ("BASIC dTpw", false, true),
            ("bAsIc dTpw", false, true),
            ("Basic  dTpw", false, false),
            ("Basic\tdTpw", false, false),
            (" Basic dTpw", false, false),
            ("Basic dTpw ", false, false),
            ("BasicdTpw", false, false),
            ("Bearer dTpw", false, false),
            ("Basic", false, false),
            ("Basic ", false, false),
            ("Basic !!!", false, false),
            ("dTpw", false, false),
            ("", false, false),
        ] {
            assert_eq!(BasicCredentials::parse(header).is_some(), itself, "{header:?}");
            assert_eq!(BasicCredentials::parse_any_case(header).is_some(), elsewhere, "{header:?}");
        }
    }
}
