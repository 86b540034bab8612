//! Verification codes: six uniform digits, and the only form in which they are kept.
//!
//! There are only a million codes, so a bare hash of one is as good as the code itself. What is stored is an HMAC under a key
//! that the store does not have, over the session's id and a salt: a dump of the table gives no code away, and a code works in
//! its own session only.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Opaque;
use crate::chance::Chance;
use crate::ids::SessionId;

/// The key that codes are stored under. One for the whole registry.
#[derive(Clone)]
pub struct CodeKey(Zeroizing<[u8; 32]>);

impl CodeKey {
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    fn mac(&self, session: &SessionId, salt: &[u8], code: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0[..]).expect("HMAC takes a key of any length");
        mac.update(b"signet verification code");
        mac.update(session.encoded().as_bytes());
        mac.update(salt);
        mac.update(code.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(…)")
    }
}

/// A code on its way to a person. It exists between being drawn and being handed to the sender.
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

impl Code {
    pub fn draw(chance: &Chance) -> Self {
        Self(Zeroizing::new(format!("{:06}", chance.below(1_000_000))))
    }

    /// A code that an operator has chosen, for a test number.
    pub fn fixed(code: &str) -> Self {
        Self(Zeroizing::new(code.to_owned()))
    }

    /// For the sender, and nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// A code as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCode {
    salt: Opaque,
    mac: Opaque,
}

impl StoredCode {
    pub fn of(code: &Code, session: &SessionId, key: &CodeKey, chance: &Chance) -> Self {
        let salt = chance.bytes::<16>();
        Self { salt: Opaque::from(&salt[..]), mac: key.mac(session, &salt, code.reveal()).into() }
    }

    pub fn matches(&self, guess: &str, session: &SessionId, key: &CodeKey) -> bool {
        self.mac.same_as(&key.mac(session, self.salt.as_bytes(), guess))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_works_in_its_session_under_its_key_only() {
        let chance = Chance::system();
        let (session, other) = (SessionId::draw(&chance), SessionId::draw(&chance));
        let (key, other_key) = (CodeKey::new([1; 32]), CodeKey::new([2; 32]));
        let code = Code::draw(&chance);
        let stored = StoredCode::of(&code, &session, &key, &chance);
        assert!(stored.matches(code.reveal(), &session, &key));
        assert!(!stored.matches(code.reveal(), &other, &key));
        assert!(!stored.matches(code.reveal(), &session, &other_key));
        assert!(!stored.matches("", &session, &key));
    }

    /// Every code can be drawn, and none more readily than another (chi-squared over the first three digits and the last
    /// three, 999 degrees of freedom each; 1,300 is beyond ten standard deviations' worth of bad luck).
    #[test]
    fn codes_are_uniform() {
        let chance = Chance::system();
        let draws = 200_000;
        let (mut head, mut tail) = (vec![0_u32; 1000], vec![0_u32; 1000]);
        for _ in 0..draws {
            let code = Code::draw(&chance);
            let number: usize = code.reveal().parse().expect("digits");
            assert_eq!(code.reveal().len(), 6);
            head[number / 1000] += 1;
            tail[number % 1000] += 1;
        }
        let expected = f64::from(draws) / 1000.0;
        for buckets in [head, tail] {
            let chi: f64 = buckets.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
            assert!(chi < 1_300.0, "{chi}");
        }
    }
}
