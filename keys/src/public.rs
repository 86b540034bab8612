//! Public keys and signatures as bytes of the right length and type, and nothing more.
//!
//! A value of these types has been decoded; whether a signature belongs to a key is said by
//! [`IdentityKey::verify`](crate::IdentityKey::verify) alone, and the curve is not looked at here. Contract
//! `keys-devices.md` §0.2 (base64), §1.2 (JSON), §2.1 (type bytes and lengths).
//!
//! Text in is the standard alphabet, padded or not. Text out is padded for keys and unpadded for signatures.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, STANDARD_PAD_INDIFFERENT};
use serde::{Deserialize, Serialize};

/// Why bytes or text are no key material. It says nothing of the content, hence is safe to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKey {
    #[error("not base64 of the standard alphabet")]
    Base64,
    #[error("{found} bytes where {expected} belong")]
    Length { expected: usize, found: usize },
    #[error("type byte {found:#04x} where {expected:#04x} belongs")]
    Type { expected: u8, found: u8 },
    #[error("key id outside 0 to 2^31-1")]
    KeyId,
}

/// A Curve25519 public key: type byte 5, then 32 bytes of Montgomery u, little-endian.
///
/// Any u is taken: not canonical, of low order, on the twist. Exactly 33 bytes are demanded.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EcPublicKey([u8; Self::LENGTH]);

impl EcPublicKey {
    pub const LENGTH: usize = 33;
    pub const TYPE: u8 = 0x05;

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedKey> {
        let bytes = exactly(bytes)?;
        demand_type(&bytes, Self::TYPE)?;
        Ok(Self(bytes))
    }

    pub fn from_base64(text: &str) -> Result<Self, MalformedKey> {
        Self::from_bytes(&decode(text)?)
    }

    pub(crate) fn from_montgomery(u: &[u8; 32]) -> Self {
        let mut bytes = [Self::TYPE; Self::LENGTH];
        bytes[1..].copy_from_slice(u);
        Self(bytes)
    }

    /// The serialised key, type byte included: also what is stored and what is signed.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The u coordinate as it was sent, bit 255 included.
    pub(crate) fn montgomery(&self) -> [u8; 32] {
        let [_, u @ ..] = self.0;
        u
    }

    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

/// A Kyber-1024 public key: type byte 8, then 1568 bytes. Coefficients are not looked at.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KemPublicKey(Box<[u8; Self::LENGTH]>);

impl KemPublicKey {
    pub const LENGTH: usize = 1569;
    pub const TYPE: u8 = 0x08;

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedKey> {
        let bytes = Box::new(exactly(bytes)?);
        demand_type(&*bytes, Self::TYPE)?;
        Ok(Self(bytes))
    }

    pub fn from_base64(text: &str) -> Result<Self, MalformedKey> {
        Self::from_bytes(&decode(text)?)
    }

    /// The serialised key, type byte included: also what is stored and what is signed.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.as_bytes())
    }
}

/// An XEdDSA signature, 64 bytes, not yet checked against anything.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signature([u8; Self::LENGTH]);

impl Signature {
    pub const LENGTH: usize = 64;

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedKey> {
        exactly(bytes).map(Self)
    }

    pub fn from_base64(text: &str) -> Result<Self, MalformedKey> {
        Self::from_bytes(&decode(text)?)
    }

    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// Unpadded, unlike keys.
    pub fn to_base64(&self) -> String {
        STANDARD_NO_PAD.encode(self.0)
    }
}

fn decode(text: &str) -> Result<Vec<u8>, MalformedKey> {
    STANDARD_PAD_INDIFFERENT.decode(text).map_err(|_| MalformedKey::Base64)
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], MalformedKey> {
    bytes.try_into().map_err(|_| MalformedKey::Length { expected: N, found: bytes.len() })
}

fn demand_type(bytes: &[u8], expected: u8) -> Result<(), MalformedKey> {
    match bytes.first() {
        Some(&found) if found != expected => Err(MalformedKey::Type { expected, found }),
        _ => Ok(()),
    }
}

impl TryFrom<String> for EcPublicKey {
    type Error = MalformedKey;
    fn try_from(text: String) -> Result<Self, MalformedKey> {
        Self::from_base64(&text)
    }
}

impl TryFrom<String> for KemPublicKey {
    type Error = MalformedKey;
    fn try_from(text: String) -> Result<Self, MalformedKey> {
        Self::from_base64(&text)
    }
}

impl TryFrom<String> for Signature {
    type Error = MalformedKey;
    fn try_from(text: String) -> Result<Self, MalformedKey> {
        Self::from_base64(&text)
    }
}

impl From<EcPublicKey> for String {
    fn from(key: EcPublicKey) -> Self {
        key.to_base64()
    }
}

impl From<KemPublicKey> for String {
    fn from(key: KemPublicKey) -> Self {
        key.to_base64()
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        signature.to_base64()
    }
}

impl fmt::Debug for EcPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "EcPublicKey", &self.0[1..])
    }
}

impl fmt::Debug for KemPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "KemPublicKey", &self.0[1..])
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Signature", &self.0)
    }
}

/// Enough of the bytes to tell two values apart in a log, and no more. The type byte is left out: it is always the same.
pub(crate) fn show(f: &mut fmt::Formatter<'_>, name: &str, bytes: &[u8]) -> fmt::Result {
    write!(f, "{name}(")?;
    bytes.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
    f.write_str("…)")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn length_and_type_are_exact() {
        let ec = [EcPublicKey::TYPE; EcPublicKey::LENGTH];
        assert!(EcPublicKey::from_bytes(&ec).is_ok());
        assert_eq!(EcPublicKey::from_bytes(&ec[1..]), Err(MalformedKey::Length { expected: 33, found: 32 }));
        assert_eq!(EcPublicKey::from_bytes(&[5; 34]), Err(MalformedKey::Length { expected: 33, found: 34 }));
        assert_eq!(EcPublicKey::from_bytes(&[8; 33]), Err(MalformedKey::Type { expected: 5, found: 8 }));

        assert!(KemPublicKey::from_bytes(&[8; 1569]).is_ok());
        assert!(KemPublicKey::from_bytes(&[8; 1568]).is_err() && KemPublicKey::from_bytes(&[7; 1185]).is_err());
        assert_eq!(KemPublicKey::from_bytes(&[10; 1569]), Err(MalformedKey::Type { expected: 8, found: 10 }));

        assert!(Signature::from_bytes(&[0; 64]).is_ok());
        assert!(Signature::from_bytes(&[]).is_err() && Signature::from_bytes(&[0; 65]).is_err());
    }

    #[test]
    fn text_goes_out_padded_for_kem_keys_and_unpadded_for_signatures() {
        // 33 and 1569 are divisible by three, so that only signatures show a difference.
        let signature = Signature([7; 64]);
        assert_eq!(signature.to_base64().len(), 86);
        assert!(!signature.to_base64().contains('='));
        let padded = format!("{}==", signature.to_base64());
        assert_eq!(Signature::from_base64(&padded), Ok(signature));
        let urlsafe = Signature([0xff; 64]).to_base64().replace('/', "_");
        assert_eq!(Signature::from_base64(&urlsafe), Err(MalformedKey::Base64));
    }

    #[test]
    fn debug_shows_four_bytes() {
        let key = EcPublicKey::from_montgomery(&[0xab; 32]);
        assert_eq!(format!("{key:?}"), "EcPublicKey(abababab…)");
        assert_eq!(format!("{:?}", KemPublicKey(Box::new([8; 1569]))), "KemPublicKey(08080808…)");
        assert_eq!(format!("{:?}", Signature([1; 64])), "Signature(01010101…)");
    }

    proptest! {
        #[test]
        fn bytes_and_text_round_trip(u: [u8; 32], low: [u8; 32], high: [u8; 32], fill: u8) {
            let ec = EcPublicKey::from_montgomery(&u);
            prop_assert_eq!(EcPublicKey::from_bytes(ec.as_bytes()), Ok(ec.clone()));
            prop_assert_eq!(EcPublicKey::from_base64(&ec.to_base64()), Ok(ec.clone()));

            let signature = Signature::from_bytes(&[low, high].concat())?;
            for text in [signature.to_base64(), STANDARD.encode(signature.as_bytes())] {
                prop_assert_eq!(Signature::from_base64(&text), Ok(signature.clone()));
            }

            let mut bytes = [fill; KemPublicKey::LENGTH];
            bytes[0] = KemPublicKey::TYPE;
            let kem = KemPublicKey::from_bytes(&bytes)?;
            prop_assert_eq!(KemPublicKey::from_base64(&kem.to_base64()), Ok(kem));
        }

        #[test]
        fn reading_never_panics(text in ".{0,120}", near in "[A-Za-z0-9+/=]{0,90}", bytes: Vec<u8>) {
            for text in [text, near] {
                let _ = (EcPublicKey::from_base64(&text), KemPublicKey::from_base64(&text), Signature::from_base64(&text));
            }
            let _ = (EcPublicKey::from_bytes(&bytes), KemPublicKey::from_bytes(&bytes), Signature::from_bytes(&bytes));
        }
    }
}
