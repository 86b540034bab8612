//! The primary waits for the device whose link token it has shown (contract keys-devices §3.4, §3.5).
//!
//! The reference holds the answer back until the primary has fetched the messages that were sent before the link. A registry
//! has no messages, so there is nothing to wait for.

use base64::Engine as _;
use serde::Serialize;
use signet_config::LimitId;
use signet_storage::cache::CacheDown;
use signet_storage::ids::DeviceId;
use signet_storage::model::LinkTokenId;

use super::WaitingController;
use crate::call::{Call, Reply};
use crate::error::ApiError;
use crate::mailbox::Mailbox;
use crate::wire::URL_SAFE_EITHER;

/// URL-safe base64 of 32 bytes, padded or not.
fn parse(text: &str) -> Option<LinkTokenId> {
    LinkTokenId::from_bytes(&URL_SAFE_EITHER.decode(text).ok()?).ok()
}

fn key(token: &LinkTokenId) -> String {
    format!("linked_device::{}", token.encoded())
}

/// Tells the primary that waits, now or within an hour, which device was linked with this token. `device` is its info as in
/// the list of devices.
///
/// # Errors
/// If the cache does not answer. The device is linked all the same; the primary finds it in the list.
pub async fn announce(mailbox: &Mailbox, token: &LinkTokenId, device: &impl Serialize) -> Result<(), CacheDown> {
    mailbox.put(&key(token), super::letter(device)).await
}

impl WaitingController {
    /// `GET /v1/devices/wait_for_linked_device/{tokenIdentifier}`
    pub async fn wait_for_linked_device(&self, call: Call) -> Result<Reply, ApiError> {
        let timeout = super::timeout(&call)?;
        let token = parse(call.param("tokenIdentifier")).ok_or(ApiError::BadRequest)?;
        let caller = call.caller()?;
        if caller.device != DeviceId::PRIMARY {
            return Err(ApiError::Unauthorized);
        }
        self.limits.take(LimitId::WaitForLinkedDevice, &caller.account.aci.to_string()).await?;
        Ok(super::answer(self.mailbox.wait(&key(&token), timeout).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_32_bytes_however_it_is_written() {
        let known = "hH44zAcP0-0uzQsfo6unDv6XpVWUK2zubQ7wkwPIEpA";
        let key = |text: &str| parse(text).map(|token| key(&token));
        let expected = Some(format!("linked_device::{known}"));
        assert_eq!(key(known), expected);
        assert_eq!(key(&format!("{known}=")), expected, "padding makes no other token of it");
        for bad in ["", "rubbish", &known[1..], &format!("{known}A"), &known.replace('-', "+")] {
            assert_eq!(key(bad), None, "{bad}");
        }
    }
}
