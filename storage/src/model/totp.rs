//! One-time passwords by time (contract registration §14): HMAC-SHA256, six digits, steps of 30 seconds (RFC 6238).
//!
//! An account has at most two keys that it has confirmed, and one that waits to be: drawn by the registry, told once, and of use
//! to nobody until its owner shows a code of it. Who may guess how often is the service's.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

use super::{Account, Opaque};
use crate::chance::Chance;
use crate::clock::Timestamp;

/// Digits of a code.
pub const DIGITS: u32 = 6;
/// How long a code is a key's.
pub const STEP: Duration = Duration::from_secs(30);
/// Keys that an account may have confirmed.
pub const MOST_KEYS: usize = 2;
/// The longest label of a key.
pub const LONGEST_LABEL: usize = 160;
/// What one client library reads (its ids end there).
const IDS: u32 = 128;
/// A key is confirmed within this time, or never.
const WAITS_FOR: Duration = Duration::from_secs(86_400);
const STEP_MS: i64 = 30_000;
/// A code may have been read this long ago.
const DELAY: Duration = Duration::from_secs(15);

/// A confirmed key. Its `Debug` tells no key: [`Opaque`] shows a length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpKey {
    /// Below 128, and drawn: who comes late to remove one key does not meet the next one.
    pub id: u8,
    pub key: Opaque,
    /// Encrypted by the client, at most 160 bytes.
    pub label: Opaque,
}

/// A key that is not confirmed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingTotpKey {
    pub key: Opaque,
    /// From then on it can no longer be confirmed.
    pub until: Timestamp,
}

/// Why a key was not made or not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotpError {
    #[error("the account has as many keys as it may have")]
    Full,
    #[error("no key waits to be confirmed")]
    NothingPending,
    #[error("the code is not right")]
    Wrong,
}

impl PendingTotpKey {
    pub fn draw(chance: &Chance, now: Timestamp) -> Self {
        Self { key: Opaque::from(&chance.bytes::<32>()[..]), until: now.plus(WAITS_FOR) }
    }
}

impl Account {
    /// Puts a key there to be confirmed, in place of one that was.
    ///
    /// # Errors
    /// [`TotpError::Full`]: it could not be confirmed.
    pub fn offer_totp(&mut self, pending: PendingTotpKey) -> Result<(), TotpError> {
        if self.totp.len() >= MOST_KEYS {
            return Err(TotpError::Full);
        }
        self.pending_totp = Some(pending);
        Ok(())
    }

    /// Confirms the key that waits, by a code of it, and says its id. When none waits, a code of a key that is confirmed says that
    /// one's id: its owner did not hear of it. Nothing is changed then.
    pub fn confirm_totp(
        &mut self,
        code: u32,
        label: &Opaque,
        chance: &Chance,
        now: Timestamp,
    ) -> Result<u8, TotpError> {
        let Some(pending) = self.pending_totp.as_ref().filter(|pending| now < pending.until) else {
            let known = self.totp.iter().find(|key| is_code_of(&key.key, code, now));
            return known.map(|key| key.id).ok_or(TotpError::NothingPending);
        };
        if !is_code_of(&pending.key, code, now) {
            return Err(TotpError::Wrong);
        }
        if self.totp.len() >= MOST_KEYS {
            return Err(TotpError::Full);
        }
        let id = self.free_totp_id(chance);
        self.totp.push(TotpKey { id, key: pending.key.clone(), label: label.clone() });
        self.pending_totp = None;
        Ok(id)
    }

    fn free_totp_id(&self, chance: &Chance) -> u8 {
        loop {
            let id = u8::try_from(chance.below(IDS)).expect("ids are below 128");
            if self.totp.iter().all(|key| key.id != id) {
                return id;
            }
        }
    }
}

/// Is this what an account with these keys has to present? Without keys only nothing is right. Every key and moment is
/// tried, so the time taken tells nothing.
pub fn accepts(keys: &[TotpKey], presented: Option<u32>, now: Timestamp) -> bool {
    let Some(presented) = presented else { return keys.is_empty() };
    keys.iter().fold(false, |any, key| any | is_code_of(&key.key, presented, now))
}

/// Both moments are compared, whatever comes of the first.
fn is_code_of(key: &Opaque, presented: u32, now: Timestamp) -> bool {
    let moments = [now, now.minus(DELAY)];
    let right = moments.map(|moment| code(key.as_bytes(), moment).ct_eq(&presented));
    right.into_iter().fold(Choice::from(0), |any, this| any | this).into()
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
        let keys = |key: &[u8]| TotpKey { id: 0, key: key.into(), label: Opaque::from(Vec::new()) };
        let both = [keys(b"another"), keys(KEY)];
        let now = code(KEY, at(60));
        assert!(accepts(&both, Some(now), at(60)) && accepts(&both, Some(now), Timestamp::from_millis(104_999)));
        assert!(!accepts(&both, Some(now), at(105)) && !accepts(&both, Some(now), Timestamp::from_millis(59_999)));
        assert!(!accepts(&both, None, at(60)) && !accepts(&both[..1], Some(now), at(60)));
        assert!(accepts(&[], None, at(60)) && !accepts(&[], Some(now), at(60)));
    }
}
