//! The primary waits for the device whose link token it has shown (contract keys-devices §3.4, §3.5).
//!
//! The reference holds the answer back until the primary has fetched the messages that were sent before the link. A registry
//! has no messages, so there is nothing to wait for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use signet_config::LimitId;
use signet_storage::cache::CacheDown;
use signet_storage::ids::DeviceId;

use super::WaitingController;
use crate::call::{Call, Reply};
use crate::error::ApiError;
use crate::mailbox::Mailbox;
use crate::wire::URL_SAFE_EITHER;

/// The SHA-256 of a link token: whoever knows it has had the token.
pub struct TokenIdentifier([u8; 32]);

impl TokenIdentifier {
    /// URL-safe base64, padded or not.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_EITHER.decode(text).ok()?.try_into().ok().map(Self)
    }

    pub const fn of(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    fn key(&self) -> String {
        format!("linked_device::{}", URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Tells the primary that waits, now or within an hour, which device was linked with this token. `device` is its info as in
/// the list of devices.
///
/// # Errors
/// If the cache does not answer. The device is linked all the same; the primary finds it in the list.
pub async fn announce(mailbox: &Mailbox, token: &TokenIdentifier, device: &impl Serialize) -> Result<(), CacheDown> {
    mailbox.put(&token.key(), super::letter(device)).await
}

impl WaitingController {
    /// `GET /v1/devices/wait_for_linked_device/{tokenIdentifier}`
    pub async fn wait_for_linked_device(&self, call: Call) -> Result<Reply, ApiError> {
        let timeout = super::timeout(&call)?;
        let token = TokenIdentifier::parse(call.param("tokenIdentifier")).ok_or(ApiError::BadRequest)?;
        let caller = call.caller()?;
        if caller.device != DeviceId::PRIMARY {
            return Err(ApiError::Unauthorized);
        }
        self.limits.take(LimitId::WaitForLinkedDevice, &caller.account.aci.to_string()).await?;
        Ok(super::answer(self.mailbox.wait(&token.key(), timeout).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_32_bytes_however_it_is_written() {
        let known = "hH44zAcP0-0uzQsfo6unDv6XpVWUK2zubQ7wkwPIEpA";
        let key = |text: &str| TokenIdentifier::parse(text).map(|token| token.key());
        let expected = Some(format!("linked_device::{known}"));
        assert_eq!(key(known), expected);
        assert_eq!(key(&format!("{known}=")), expected, "padding makes no other token of it");
        for bad in ["", "rubbish", &known[1..], &format!("{known}A"), &known.replace('-', "+")] {
            assert_eq!(key(bad), None, "{bad}");
        }
    }
}
