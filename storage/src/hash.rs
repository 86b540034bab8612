//! Salted hashes of device passwords and recovery passwords (contract registration §13.2).
//!
//! A device password and a recovery password are random and not chosen by people, so one fast salted HKDF is enough and keeps authentication at
//! half a microsecond; what people choose themselves (a PIN) does not belong here and gets Argon2.
//!
//! Invariant: the token itself is never stored; a frozen hash (`!` in front) verifies nothing.

use std::fmt;

use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::chance::Chance;

/// `2.` + 64 hex digits, and the 32 hex digits of its salt.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaltedTokenHash {
    hash: String,
    salt: String,
}

impl SaltedTokenHash {
    pub fn of(token: &str, chance: &Chance) -> Self {
        Self::with_salt(token, hex::encode(chance.bytes::<16>()))
    }

    fn with_salt(token: &str, salt: String) -> Self {
        Self { hash: derive(token, &salt), salt }
    }

    /// Does `token` hash to this? Takes the same time whatever the answer.
    pub fn verify(&self, token: &str) -> bool {
        #[cfg(feature = "test-util")]
        VERIFIED.with(|verified| verified.set(verified.get() + 1));
        derive(token, &self.salt).as_bytes().ct_eq(self.hash.as_bytes()).into()
    }

    /// The same hash, of which it is known that it verifies nothing any more. Freezing twice is freezing once.
    pub fn freeze(&mut self) {
        if !self.is_frozen() {
            self.hash.insert(0, '!');
        }
    }

    pub fn is_frozen(&self) -> bool {
        self.hash.starts_with('!')
    }

    /// Drawn anew for each token: it tells what was registered with one token from what was with the next.
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// Something to compare with when there is no account, so that a look-up for nobody costs the same as for somebody.
    pub fn of_nobody() -> Self {
        Self { hash: "!".repeat(66), salt: "0".repeat(32) }
    }
}

#[cfg(feature = "test-util")]
thread_local! {
    static VERIFIED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// How many tokens this thread has verified: what a refusal costs is counted and not timed.
#[cfg(feature = "test-util")]
pub fn verified_here() -> u64 {
    VERIFIED.get()
}

impl fmt::Debug for SaltedTokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltedTokenHash(…)")
    }
}

/// The salt goes in as its hex characters, not decoded: odd, but it is what the contract's vectors say.
fn derive(token: &str, salt: &str) -> String {
    let mut out = [0; 32];
    Hkdf::<Sha256>::new(Some(salt.as_bytes()), token.as_bytes())
        .expand(b"authtoken", &mut out)
        .expect("32 bytes are a length HKDF-SHA256 can give");
    let mut text = [0; 64];
    hex::encode_to_slice(out, &mut text).expect("two digits for each byte");
    ["2.", std::str::from_utf8(&text).expect("digits are text")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract keys-devices §5.2.
    #[test]
    fn the_vector_of_device_passwords() {
        let salt = "000102030405060708090a0b0c0d0e0f".to_owned();
        let hash = "2.92bb3db10a5d2cd18b02846dbfeaf56d2fa96357357f324a1885a589132163fe";
        assert_eq!(SaltedTokenHash::with_salt("mypassword", salt).hash, hash);
    }

    /// Contract registration §15.
    #[test]
    fn vectors() {
        let salt = "000102030405060708090a0b0c0d0e0f";
        for (token, hash) in [
            ("password".to_owned(), "2.89a58a1680c5be4b4a3e52574283e9622d03c4f5a65768771dee4e71adc09df1"),
            ("a".repeat(64), "2.7a5c5560345e1bd75c1fc70d33c51f24fd948336e945d530712a02ccb19c840b"),
            (
                hex::encode((0..32).collect::<Vec<u8>>()),
                "2.094a7167d7ec5aba3d3a7a4464e25b0172f48cefd064b533d9197189e5716e8e",
            ),
        ] {
            assert_eq!(SaltedTokenHash::with_salt(&token, salt.to_owned()).hash, hash);
        }
    }

    #[test]
    fn only_the_right_token_verifies_and_nobody_never_does() {
        let hash = SaltedTokenHash::of("right", &Chance::system());
        assert!(hash.verify("right"));
        assert!(!hash.verify("wrong") && !hash.verify(""));
        assert!(!SaltedTokenHash::of_nobody().verify("right"));
        let mut frozen = hash.clone();
        frozen.freeze();
        let once = frozen.clone();
        frozen.freeze();
        assert!(frozen == once && frozen.hash[1..] == hash.hash && !frozen.verify("right") && !hash.is_frozen());
    }
}
