//! One-time passwords by time (contract registration §14): HMAC-SHA256, six digits, steps of 30 seconds (RFC 6238).
//!
//! Only the verification that a registration needs is here. How somebody sets keys is a later matter; an account has at most two.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};
use uuid::Uuid;

use super::Opaque;
use crate::clock::Timestamp;

const STEP_MS: i64 = 30_000;
/// A code may have been read this long ago.
const DELAY: Duration = Duration::from_secs(15);

/// A confirmed key. Its `Debug` tells no key: [`Opaque`] shows a length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpKey {
    pub id: Uuid,
    pub key: Opaque,
    /// Encrypted by the client, at most 160 bytes.
    pub label: Opaque,
}

/// Is this what an account with these keys has to present? Without keys only nothing is right. Every key and moment is
/// tried, so the time taken tells nothing.
pub fn accepts(keys: &[TotpKey], presented: Option<u32>, now: Timestamp) -> bool {
    let Some(presented) = presented else { return keys.is_empty() };
    let delay = i64::try_from(DELAY.as_millis()).expect("15 seconds");
    let moments = [now, Timestamp::from_millis(now.millis() - delay)];
    let right = keys.iter().flat_map(|key| moments.map(|moment| code(key.key.as_bytes(), moment).ct_eq(&presented)));
    right.fold(Choice::from(0), |any, this| any | this).into()
}

/// The six digits of this key at this moment. Clients and tests compute the same.
pub fn code(key: &[u8], now: Timestamp) -> u32 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(&now.millis().div_euclid(STEP_MS).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    // RFC 4226 §5.3: four bytes, from where the last nibble says, without the sign.
    let at = usize::from(digest[31] & 0xf);
    let word = u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]);
    (word & 0x7fff_ffff) % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"12345678901234567890123456789012";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// RFC 6238, appendix B, SHA-256; the last six of its eight digits.
    #[test]
    fn vectors() {
        for (seconds, expected) in [
            (59, 119_246),
            (1_111_111_109, 84_774),
            (1_111_111_111, 62_674),
            (1_234_567_890, 819_424),
            (2_000_000_000, 698_825),
            (20_000_000_000, 737_706),
        ] {
            assert_eq!(code(KEY, at(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_right_until_fifteen_seconds_after_its_step() {
        let keys = |key: &[u8]| TotpKey { id: Uuid::nil(), key: key.into(), label: Opaque::from(Vec::new()) };
        let both = [keys(b"another"), keys(KEY)];
        let now = code(KEY, at(60));
        assert!(accepts(&both, Some(now), at(60)) && accepts(&both, Some(now), Timestamp::from_millis(104_999)));
        assert!(!accepts(&both, Some(now), at(105)) && !accepts(&both, Some(now), Timestamp::from_millis(59_999)));
        assert!(!accepts(&both, None, at(60)) && !accepts(&both[..1], Some(now), at(60)));
        assert!(accepts(&[], None, at(60)) && !accepts(&[], Some(now), at(60)));
    }
}
