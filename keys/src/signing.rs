//! What a client holds: private keys, and the pre-keys it signs with them. For demos, benches and tests.
//!
//! The registry never calls this module; it sees public keys only. Only identity keys keep their private half: nobody
//! here ever writes a message, so the private halves of pre-keys are thrown away. Contract `keys-devices.md` §2.6.

use std::fmt;

use curve25519_dalek::scalar::clamp_integer;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ml_kem::{DecapsulationKey1024, KeyExport};
use sha2::{Digest, Sha512};
use signet_storage::clock::Timestamp;
use signet_storage::ids::{DeviceId, RegistrationId};

use crate::created_at;
use crate::identity::IdentityKey;
use crate::prekey::{EcPreKey, KemPreKey, KeyId, SignedPreKey};
use crate::public::{EcPublicKey, KemPublicKey, Signature};

/// A private identity key with its public half. `Debug` shows the public half only.
#[derive(Clone)]
pub struct IdentityKeyPair {
    private: [u8; 32],
    /// The Ed25519 form of the public key, with its natural sign.
    edwards: [u8; 32],
    public: IdentityKey,
}

impl IdentityKeyPair {
    pub fn generate() -> Self {
        Self::from_bytes(random())
    }

    /// Any 32 bytes; they are clamped. The same bytes give the same key.
    pub fn from_bytes(private: [u8; 32]) -> Self {
        let private = clamp_integer(private);
        let point = EdwardsPoint::mul_base_clamped(private);
        let public = IdentityKey::new(EcPublicKey::from_montgomery(&point.to_montgomery().0));
        Self { private, edwards: point.compress().0, public }
    }

    pub fn public(&self) -> &IdentityKey {
        &self.public
    }

    pub fn sign(&self, message: &[u8]) -> Signature {
        self.sign_with(message, &random())
    }

    /// As [`sign`](Self::sign), with the 64 random bytes given.
    pub fn sign_with(&self, message: &[u8], random: &[u8; 64]) -> Signature {
        let mut domain = [0xff; 32];
        domain[0] = 0xfe;
        let nonce = hash_to_scalar(&[&domain, &self.private, message, random]);
        let nonce_point = EdwardsPoint::mul_base(&nonce).compress().0;
        let challenge = hash_to_scalar(&[&nonce_point, &self.edwards, message]);
        let answer = nonce + challenge * Scalar::from_bytes_mod_order(self.private);

        let mut signature = [0; Signature::LENGTH];
        signature[..32].copy_from_slice(&nonce_point);
        signature[32..].copy_from_slice(answer.as_bytes());
        signature[63] |= self.edwards[31] & 0x80;
        Signature::from_bytes(&signature).expect("an array of 64 bytes")
    }

    /// When this device was added, from what the registry sealed.
    pub fn open_created_at(&self, device: DeviceId, registration: RegistrationId, sealed: &[u8]) -> Option<Timestamp> {
        created_at::open(&self.private, device, registration, sealed)
    }

    /// A signed pre-key with a fresh key.
    pub fn signed_pre_key(&self, id: KeyId) -> SignedPreKey {
        self.sign_ec(id, ec_public_key(random()), &random())
    }

    /// A one-time or last-resort pre-key with a fresh key.
    pub fn kem_pre_key(&self, id: KeyId) -> KemPreKey {
        self.sign_kem(id, kem_public_key(random()), &random())
    }

    fn sign_ec(&self, id: KeyId, key: EcPublicKey, random: &[u8; 64]) -> SignedPreKey {
        let signature = self.sign_with(key.as_bytes(), random);
        SignedPreKey { id, key, signature }
    }

    fn sign_kem(&self, id: KeyId, key: KemPublicKey, random: &[u8; 64]) -> KemPreKey {
        let signature = self.sign_with(key.as_bytes(), random);
        KemPreKey { id, key, signature }
    }
}

impl fmt::Debug for IdentityKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityKeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

/// What a device registers with beside the identity key, signed by it.
#[derive(Clone, Debug)]
pub struct ClientKeys {
    pub signed: SignedPreKey,
    pub last_resort: KemPreKey,
}

impl ClientKeys {
    pub fn generate(identity: &IdentityKeyPair) -> Self {
        Self::from_seed(identity, random())
    }

    /// The same identity and seed give the same keys and signatures, byte for byte.
    pub fn from_seed(identity: &IdentityKeyPair, seed: [u8; 32]) -> Self {
        let part = |label: &str| Sha512::new().chain_update(seed).chain_update(label).finalize().into();
        let ec_key = ec_public_key(half(part("signed pre-key")));
        let kem_key = kem_public_key(part("last-resort pre-key"));
        Self {
            signed: identity.sign_ec(KeyId::FIRST, ec_key, &part("signed pre-key signature")),
            last_resort: identity.sign_kem(KeyId::FIRST, kem_key, &part("last-resort pre-key signature")),
        }
    }
}

/// A one-time Curve25519 pre-key with a fresh key.
pub fn ec_pre_key(id: KeyId) -> EcPreKey {
    EcPreKey { id, key: ec_public_key(random()) }
}

fn ec_public_key(private: [u8; 32]) -> EcPublicKey {
    EcPublicKey::from_montgomery(&EdwardsPoint::mul_base_clamped(private).to_montgomery().0)
}

/// ML-KEM-1024 and Kyber-1024 share the form of their public keys, so this is a real one behind Kyber's type byte.
fn kem_public_key(seed: [u8; 64]) -> KemPublicKey {
    let key = DecapsulationKey1024::from_seed(seed.into()).encapsulation_key().to_bytes();
    let serialised = [&[KemPublicKey::TYPE], key.as_slice()].concat();
    KemPublicKey::from_bytes(&serialised).expect("an ML-KEM-1024 encapsulation key has 1568 bytes")
}

fn hash_to_scalar(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    parts.iter().for_each(|part| hash.update(part));
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn half(bytes: [u8; 64]) -> [u8; 32] {
    std::array::from_fn(|i| bytes[i])
}

#[allow(clippy::disallowed_methods, reason = "a client's own chance; what must repeat is given a seed")]
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public_of(private: [u8; 32]) -> String {
        hex::encode(IdentityKeyPair::from_bytes(private).public().as_bytes())
    }

    /// The private keys that §2.5 names.
    #[test]
    fn private_keys_of_the_vectors() {
        let v1 = hex::decode("c097248412e58bf05df487968205132794178e367637f5818f81e0e6ce73e865").expect("hex");
        let v1 = v1.try_into().expect("32 bytes");
        assert_eq!(public_of(v1), "05ab7e717d4a163b7d9a1d8071dfe9dcf8cdcd1cea3339b6356be84d887e322c64");
        assert_eq!(public_of([0x00; 32]), "052fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74");
        assert_eq!(public_of([0xff; 32]), "05847c0d2c375234f365e660955187a3735a0f7613d1609d3a6a4d8c53aeaa5a22");
        // The bytes of A that §2.5 derives for V1.
        let edwards = "6e76ed464e9784130e359de1d7cd59c71d12abb745b0c436f7a2a0c93bc562c4";
        assert_eq!(hex::encode(IdentityKeyPair::from_bytes(v1).edwards), edwards);
    }

    #[test]
    fn both_signs_occur_and_verify() {
        let mut signs = [0; 2];
        for private in 0..32 {
            let pair = IdentityKeyPair::from_bytes([private; 32]);
            let signature = pair.sign(b"message");
            assert!(pair.public().verify(b"message", &signature));
            signs[usize::from(signature.as_bytes()[63] >> 7)] += 1;
        }
        assert!(signs[0] > 0 && signs[1] > 0);
    }

    #[test]
    fn seeds_decide_everything_and_chance_does_not_repeat() {
        let pair = IdentityKeyPair::from_bytes([7; 32]);
        let [a, b, c] = [1, 1, 2].map(|seed| ClientKeys::from_seed(&pair, [seed; 32]));
        assert_eq!((&a.signed, &a.last_resort), (&b.signed, &b.last_resort));
        assert!(a.signed != c.signed && a.last_resort != c.last_resort);
        assert_ne!(ClientKeys::generate(&pair).signed, ClientKeys::generate(&pair).signed);
        assert_ne!(IdentityKeyPair::generate().public(), IdentityKeyPair::generate().public());
        assert_ne!(pair.sign(b"m"), pair.sign(b"m"));
        assert_ne!(ec_pre_key(KeyId::FIRST), ec_pre_key(KeyId::FIRST));
    }

    #[test]
    fn fresh_pre_keys_are_signed() {
        let pair = IdentityKeyPair::generate();
        assert!(pair.signed_pre_key(KeyId::MAX).is_signed_by(pair.public()));
        assert!(pair.kem_pre_key(KeyId::MAX).is_signed_by(pair.public()));
    }

    #[test]
    fn debug_keeps_the_private_half() {
        let pair = IdentityKeyPair::from_bytes([0x11; 32]);
        assert!(!format!("{pair:?}").contains("1111") && format!("{pair:?}").contains("IdentityKey("));
    }

    proptest! {
        #[test]
        fn what_was_signed_verifies(private: [u8; 32], message: Vec<u8>) {
            let pair = IdentityKeyPair::from_bytes(private);
            let signature = pair.sign(&message);
            prop_assert!(pair.public().verify(&message, &signature));
            prop_assert!(!pair.public().is_low_order());
            prop_assert!(!IdentityKeyPair::generate().public().verify(&message, &signature));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn any_flipped_bit_fails(private: [u8; 32], signed: [u8; 32]) {
            let pair = IdentityKeyPair::from_bytes(private);
            let key = ec_public_key(signed);
            let signature = pair.sign(key.as_bytes());
            for bit in 0..512 {
                let mut mauled = *signature.as_bytes();
                mauled[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!pair.public().verify(key.as_bytes(), &Signature::from_bytes(&mauled)?), "signature {}", bit);
            }
            for bit in 0..33 * 8 {
                let mut mauled = *key.as_bytes();
                mauled[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!pair.public().verify(&mauled, &signature), "message {}", bit);
            }
        }
    }
}
