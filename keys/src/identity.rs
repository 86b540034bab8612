//! The identity key of an account, and the only place that knows the signature scheme (XEdDSA).
//!
//! A signature is an Ed25519 signature under the Edwards form of a Curve25519 key; the sign that the Montgomery form lacks
//! travels in the top bit of the signature. Contract `keys-devices.md` §2.3 and §2.4: the answers must equal libsignal's,
//! also for mauled input, so neither `verify_strict` nor a check `s < L` may come in (feature `legacy_compatibility`).

use std::fmt;

use curve25519_dalek::MontgomeryPoint;
use ed25519_dalek::{Verifier, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::public::{EcPublicKey, MalformedKey, Signature, show};

/// A public identity key: 33 bytes with type byte 5. Wire and base64 rules are those of [`EcPublicKey`].
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentityKey(EcPublicKey);

impl IdentityKey {
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedKey> {
        EcPublicKey::from_bytes(bytes).map(Self)
    }

    pub fn from_base64(text: &str) -> Result<Self, MalformedKey> {
        EcPublicKey::from_base64(text).map(Self)
    }

    pub(crate) fn new(key: EcPublicKey) -> Self {
        Self(key)
    }

    /// The serialised key, type byte included: 33 bytes.
    pub fn serialize(&self) -> [u8; EcPublicKey::LENGTH] {
        *self.as_bytes()
    }

    pub fn as_bytes(&self) -> &[u8; EcPublicKey::LENGTH] {
        self.0.as_bytes()
    }

    pub fn to_base64(&self) -> String {
        self.0.to_base64()
    }

    /// Whether this key signed `message`.
    ///
    /// A key of low order verifies some forgeries; that harms its owner only, and is refused at registration by
    /// [`is_low_order`](Self::is_low_order), not here.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        let mut bytes = *signature.as_bytes();
        let sign = bytes[63] >> 7;
        bytes[63] &= 0x7f;
        let Some(point) = MontgomeryPoint(self.0.montgomery()).to_edwards(sign) else { return false };
        // `From` compresses the point anew: where x is 0 the sign bit must come out 0, which setting it by hand would miss.
        VerifyingKey::from(point).verify(message, &ed25519_dalek::Signature::from_bytes(&bytes)).is_ok()
    }

    /// Whether the key has one of the few values, on the curve or its twist, under which everything agrees to zero.
    pub fn is_low_order(&self) -> bool {
        let cofactor = [true, false, false, false]; // 8, highest bit first
        MontgomeryPoint(self.0.montgomery()).mul_bits_be(cofactor.into_iter()) == MontgomeryPoint([0; 32])
    }

    /// The first 4 bytes of SHA-256 over the serialised key (§2.7), by which clients compare keys in bulk.
    pub fn fingerprint(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(self.as_bytes()));
        [a, b, c, d]
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "IdentityKey", &self.as_bytes()[1..])
    }
}

#[cfg(test)]
mod tests;
