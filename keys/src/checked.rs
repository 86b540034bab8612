//! Pre-keys whose signatures were verified. A check hands out evidence: these types have private fields and no other
//! constructor than `check`, so who holds one need not verify again, and who stores keys can demand one.
//!
//! Two shapes, because the wire has two: a device that joins brings exactly one signed and one last-resort key
//! ([`CheckedDeviceKeys`], contract `registration.md` §3.2); an upload brings any part of the set ([`CheckedKeys`],
//! `keys-devices.md` §1.3). One bad signature refuses the whole.

use crate::identity::IdentityKey;
use crate::prekey::{EcPreKey, KemPreKey, SignedPreKey};

/// Whose signature failed, or that the identity key is unfit. 422 on the wire; safe to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("identity key is of low order")]
    LowOrderIdentity,
    #[error("signature of the signed pre-key does not verify")]
    SignedPreKey,
    #[error("signature of a one-time KEM pre-key does not verify")]
    OneTimeKem,
    #[error("signature of the last-resort KEM pre-key does not verify")]
    LastResort,
}

/// What a new device starts with, for one identity.
#[derive(Clone, Debug)]
pub struct CheckedDeviceKeys {
    identity: IdentityKey,
    signed: SignedPreKey,
    last_resort: KemPreKey,
}

impl CheckedDeviceKeys {
    /// Verifies both signatures over the whole serialised public keys, and refuses an identity key of low order.
    pub fn check(identity: IdentityKey, signed: SignedPreKey, last_resort: KemPreKey) -> Result<Self, KeyError> {
        if identity.is_low_order() {
            return Err(KeyError::LowOrderIdentity);
        }
        if !signed.is_signed_by(&identity) {
            return Err(KeyError::SignedPreKey);
        }
        if !last_resort.is_signed_by(&identity) {
            return Err(KeyError::LastResort);
        }
        Ok(Self { identity, signed, last_resort })
    }

    pub fn identity(&self) -> &IdentityKey {
        &self.identity
    }

    pub fn signed(&self) -> &SignedPreKey {
        &self.signed
    }

    pub fn last_resort(&self) -> &KemPreKey {
        &self.last_resort
    }
}

/// An upload as it was decoded. An absent part stays as it is stored.
#[derive(Clone, Debug, Default)]
pub struct UncheckedKeys {
    pub one_time: Vec<EcPreKey>,
    pub one_time_kem: Vec<KemPreKey>,
    pub signed: Option<SignedPreKey>,
    pub last_resort: Option<KemPreKey>,
}

impl UncheckedKeys {
    /// Verifies every signature there is. `identity` must be the stored key of the account, not one from the request.
    pub fn check(self, identity: &IdentityKey) -> Result<CheckedKeys, KeyError> {
        if self.signed.as_ref().is_some_and(|key| !key.is_signed_by(identity)) {
            return Err(KeyError::SignedPreKey);
        }
        if self.last_resort.as_ref().is_some_and(|key| !key.is_signed_by(identity)) {
            return Err(KeyError::LastResort);
        }
        if self.one_time_kem.iter().any(|key| !key.is_signed_by(identity)) {
            return Err(KeyError::OneTimeKem);
        }
        Ok(CheckedKeys { identity: identity.clone(), keys: self })
    }
}

/// An upload whose signatures are all by [`identity`](Self::identity).
#[derive(Clone, Debug)]
pub struct CheckedKeys {
    identity: IdentityKey,
    keys: UncheckedKeys,
}

impl CheckedKeys {
    /// The key the check was made with, so that a write can demand that it still is the account's.
    pub fn identity(&self) -> &IdentityKey {
        &self.identity
    }

    /// Curve25519 keys carry no signature; they are here because they belong to the same upload.
    pub fn one_time(&self) -> &[EcPreKey] {
        &self.keys.one_time
    }

    pub fn one_time_kem(&self) -> &[KemPreKey] {
        &self.keys.one_time_kem
    }

    pub fn signed(&self) -> Option<&SignedPreKey> {
        self.keys.signed.as_ref()
    }

    pub fn last_resort(&self) -> Option<&KemPreKey> {
        self.keys.last_resort.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::{ClientKeys, IdentityKeyPair};

    fn keys(seed: u8) -> (IdentityKey, SignedPreKey, KemPreKey) {
        let pair = IdentityKeyPair::from_bytes([seed; 32]);
        let keys = ClientKeys::from_seed(&pair, [seed; 32]);
        (pair.public().clone(), keys.signed, keys.last_resort)
    }

    #[test]
    fn good_device_keys_pass_and_come_out_unchanged() {
        let (identity, signed, last_resort) = keys(1);
        let checked =
            CheckedDeviceKeys::check(identity.clone(), signed.clone(), last_resort.clone()).expect("good keys");
        assert_eq!((checked.identity(), checked.signed(), checked.last_resort()), (&identity, &signed, &last_resort));
    }

    #[test]
    fn the_error_names_the_key() {
        let (identity, signed, last_resort) = keys(1);
        let (other, other_signed, other_last_resort) = keys(2);
        let check = CheckedDeviceKeys::check;
        assert_eq!(check(identity.clone(), other_signed, last_resort.clone()).err(), Some(KeyError::SignedPreKey));
        assert_eq!(check(identity.clone(), signed.clone(), other_last_resort).err(), Some(KeyError::LastResort));
        assert_eq!(check(other, signed.clone(), last_resort.clone()).err(), Some(KeyError::SignedPreKey));

        let swapped = KemPreKey { signature: signed.signature.clone(), ..last_resort.clone() };
        assert_eq!(check(identity, signed.clone(), swapped).err(), Some(KeyError::LastResort));

        let zero = IdentityKey::from_bytes(&[&[5], [0; 32].as_slice()].concat()).expect("33 bytes");
        assert_eq!(check(zero, signed, last_resort).err(), Some(KeyError::LowOrderIdentity));
    }

    #[test]
    fn an_upload_is_checked_as_a_whole() {
        let (identity, signed, last_resort) = keys(1);
        let (_, other_signed, other_kem) = keys(2);
        let good = UncheckedKeys {
            one_time: vec![EcPreKey { id: signed.id, key: signed.key.clone() }],
            one_time_kem: vec![last_resort.clone()],
            signed: Some(signed),
            last_resort: Some(last_resort.clone()),
        };
        let checked = good.clone().check(&identity).expect("good keys");
        assert_eq!((checked.one_time().len(), checked.one_time_kem().len()), (1, 1));
        assert!(checked.signed().is_some() && checked.last_resort().is_some() && *checked.identity() == identity);
        assert!(UncheckedKeys::default().check(&identity).is_ok());

        let refused = |keys: UncheckedKeys| keys.check(&identity).err();
        let bad = UncheckedKeys { signed: Some(other_signed), ..good.clone() };
        assert_eq!(refused(bad), Some(KeyError::SignedPreKey));
        let bad = UncheckedKeys { last_resort: Some(other_kem.clone()), ..good.clone() };
        assert_eq!(refused(bad), Some(KeyError::LastResort));
        let bad = UncheckedKeys { one_time_kem: vec![last_resort, other_kem], ..good };
        assert_eq!(refused(bad), Some(KeyError::OneTimeKem));
    }
}
