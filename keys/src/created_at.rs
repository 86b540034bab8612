//! When a device was added, sealed for the account's owner: whoever looks at the list of devices through a stolen session, or at
//! what it was answered, does not learn it (contract keys-devices §3.10).
//!
//! HPKE (RFC 9180) in base mode to the ACI identity key. The time is bound to the device and its registration id, so that one
//! device's cannot be shown as another's.

use std::convert::Infallible;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use signet_storage::chance::Chance;
use signet_storage::clock::Timestamp;
use signet_storage::ids::{DeviceId, RegistrationId};

use crate::IdentityKey;

/// Names the suite: clients may have to tell it from a later one.
const TYPE: u8 = 1;
const INFO: &[u8] = b"deviceCreatedAt";
const ENCAPSULATED: usize = 32;
/// The type, the encapsulated key, the time, and the tag.
const LENGTH: usize = 1 + ENCAPSULATED + 8 + 16;

type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;

/// Seals the time for whoever has the private half of `identity`. Two seals of one time differ.
///
/// Nothing for an identity key of low order, with which nothing can be agreed. No account is registered with one.
pub fn seal(
    identity: &IdentityKey,
    device: DeviceId,
    registration: RegistrationId,
    created: Timestamp,
    chance: &Chance,
) -> Option<[u8; LENGTH]> {
    let [_, u @ ..] = identity.as_bytes();
    let (recipient, aad) = (Public::from_bytes(u).ok()?, bound_to(device, registration));
    let time = created.millis().to_be_bytes();
    let sealed = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &recipient,
        INFO,
        &time,
        &aad,
        &mut Draws(chance),
    );
    let (encapsulated, ciphertext) = sealed.ok()?;
    [&[TYPE], encapsulated.to_bytes().as_slice(), &ciphertext].concat().try_into().ok()
}

/// The client's half: `private` is the ACI identity key's.
pub(crate) fn open(
    private: &[u8; 32],
    device: DeviceId,
    registration: RegistrationId,
    sealed: &[u8],
) -> Option<Timestamp> {
    let (&TYPE, rest) = sealed.split_first()? else { return None };
    let (encapsulated, ciphertext) = rest.split_at_checked(ENCAPSULATED)?;
    let (private, encapsulated) = (Private::from_bytes(private).ok()?, Encapsulated::from_bytes(encapsulated).ok()?);
    let opened = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &encapsulated,
        INFO,
        ciphertext,
        &bound_to(device, registration),
    );
    Some(Timestamp::from_millis(i64::from_be_bytes(opened.ok()?.try_into().ok()?)))
}

fn bound_to(device: DeviceId, registration: RegistrationId) -> [u8; 5] {
    let [a, b, c, d] = u32::from(registration.get()).to_be_bytes();
    [device.get(), a, b, c, d]
}

/// Our chance, as the crate wants to draw from it.
struct Draws<'a>(&'a Chance);

impl TryRng for Draws<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.0.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.0.bytes()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Draws<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::IdentityKeyPair;

    const CREATED: Timestamp = Timestamp::from_millis(1_700_000_000_123);

    fn device(id: u8) -> DeviceId {
        DeviceId::try_from(id).expect("in range")
    }

    fn registration(id: i64) -> RegistrationId {
        RegistrationId::try_from(id).expect("in range")
    }

    fn sealed(pair: &IdentityKeyPair) -> [u8; LENGTH] {
        seal(pair.public(), device(2), registration(0x1234), CREATED, &Chance::system()).expect("a good key")
    }

    #[test]
    fn the_owner_opens_what_was_sealed() {
        let pair = IdentityKeyPair::generate();
        let sealed = sealed(&pair);
        assert_eq!((sealed.len(), sealed[0]), (57, 1));
        assert_eq!(pair.open_created_at(device(2), registration(0x1234), &sealed), Some(CREATED));
        assert_ne!(self::sealed(&pair), sealed, "drawn anew");
    }

    /// Sealed by a published client library for the identity key of vector V1 (contract §2.5).
    #[test]
    fn what_a_client_library_sealed_is_opened() {
        let private = hex::decode("c097248412e58bf05df487968205132794178e367637f5818f81e0e6ce73e865").expect("hex");
        let pair = IdentityKeyPair::from_bytes(private.try_into().expect("32 bytes"));
        let sealed = "012da88ba9a7d3670500e61e37b27a29aa43728034a65f5af4533c48400d8c080a\
                      c2f28114fb26a40e3d22ec56e8edd3417287a595801b7948";
        let sealed = hex::decode(sealed).expect("hex");
        assert_eq!(pair.open_created_at(device(2), registration(0x1234), &sealed), Some(CREATED));
    }

    #[test]
    fn nobody_else_does_and_for_no_other_device() {
        let (pair, other) = (IdentityKeyPair::generate(), IdentityKeyPair::generate());
        let sealed = sealed(&pair);
        assert_eq!(other.open_created_at(device(2), registration(0x1234), &sealed), None);
        for (id, number) in [(3, 0x1234), (2, 0x1235), (2, 0x3412)] {
            assert_eq!(pair.open_created_at(device(id), registration(number), &sealed), None, "{id} {number}");
        }
        for n in 0..LENGTH {
            let mut changed = sealed;
            changed[n] ^= 1;
            assert_eq!(pair.open_created_at(device(2), registration(0x1234), &changed), None, "byte {n}");
            assert_eq!(pair.open_created_at(device(2), registration(0x1234), &sealed[..n]), None, "cut at {n}");
        }
    }

    /// What is bound to the time, and how it is named, byte for byte as the contract says.
    #[test]
    fn info_and_associated_data() {
        assert_eq!(INFO, b"deviceCreatedAt");
        assert_eq!(bound_to(device(2), registration(0x1234)), [2, 0, 0, 0x12, 0x34]);
    }

    #[test]
    fn a_key_that_agrees_with_nothing_seals_nothing() {
        let zero = IdentityKey::from_bytes(&[&[5], [0; 32].as_slice()].concat()).expect("33 bytes");
        assert_eq!(seal(&zero, device(2), registration(1), CREATED, &Chance::system()), None);
    }
}
