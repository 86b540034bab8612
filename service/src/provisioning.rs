//! A device that is linked hands the new one what it needs to know, sealed, by the address that the new one shows (contract
//! keys-devices §4.2).
//!
//! Nothing is kept: the new device listens on its address at that moment, or nobody does. Whoever holds its connection is
//! subscribed to the [`channel`] of the address, on whichever node.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use signet_config::LimitId;
use signet_storage::cache::Cache;

use crate::call::{Call, Reply};
use crate::error::ApiError;
use crate::limits::Limits;
use crate::wire;

const LONGEST_MESSAGE: usize = 256 * 1024;

pub struct ProvisioningController {
    pub cache: Cache,
    pub limits: Limits,
}

#[derive(Deserialize)]
struct Body {
    body: String,
}

impl ProvisioningController {
    /// `PUT /v1/provisioning/{destination}`
    pub async fn hand_over(&self, call: Call) -> Result<Reply, ApiError> {
        let Body { body } = wire::read(&call.body)?;
        if body.is_empty() {
            return Err(ApiError::Unprocessable);
        }
        if body.len() > LONGEST_MESSAGE {
            return Err(ApiError::BadRequest);
        }
        self.limits.take(LimitId::Messages, &call.caller()?.account.aci.to_string()).await?;
        let message = decode(&body).ok_or(ApiError::Unprocessable)?;
        let heard_by = self.cache.publish(&channel(call.param("destination")), message.into()).await?;
        Ok(Reply::empty(if heard_by == 0 { 404 } else { 204 }))
    }
}

/// Where the bytes meant for this address are published.
pub fn channel(address: &str) -> String {
    format!("provisioning::{address}")
}

/// Base64 as mail has it: line breaks and whatever else does not belong there are skipped, and padding ends it.
fn decode(text: &str) -> Option<Vec<u8>> {
    const MIME: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true),
    );
    let message = text.split('=').next().unwrap_or_default();
    let digits: Vec<u8> =
        message.bytes().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).collect();
    MIME.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn base64_of_mail_is_read_leniently() {
        for text in ["aGVsbG8=", "aGVsbG8", "aGVs\r\nbG8=\r\n", " a-G_V\ts!b\u{e9}G8= ", "aGVsbG9=", "aGVsbG8=junk"] {
            assert_eq!(decode(text).as_deref(), Some(&b"hello"[..]), "{text:?}");
        }
        assert_eq!(decode("!!"), Some(vec![]));
        assert_eq!(decode("aGVsb"), None, "six bits are no byte");
    }
}
