//! A registration lock as it is kept: a PHC string, which says with which parameters and salt it was made.

use std::fmt;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Params, Version};
use serde::{Deserialize, Serialize};

/// `$argon2id$v=19$m=…,t=…,p=…$salt$hash`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredLock(String);

/// More iterations than this are no setting of ours, but somebody's wish to keep us busy.
const MOST_ITERATIONS: u32 = 100;

/// What a PHC string says.
pub(super) struct Parts {
    pub params: Params,
    pub salt: Vec<u8>,
    pub output: Vec<u8>,
}

impl StoredLock {
    pub(super) fn of(params: &Params, salt: &[u8], output: &[u8]) -> Self {
        let hash = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(params).expect("three numbers fit"),
            salt: Some(Salt::new(salt).expect("16 bytes are a salt")),
            hash: Some(Output::new(output).expect("32 bytes are an output")),
        };
        Self(hash.to_string())
    }

    /// `None` if this is not Argon2id, version 19, whole.
    pub(super) fn parts(&self) -> Option<Parts> {
        let hash = PasswordHash::new(&self.0).ok()?;
        if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
            return None;
        }
        let (salt, output) = (hash.salt?, hash.hash?);
        let params = Params::try_from(&hash).ok().filter(|params| params.t_cost() <= MOST_ITERATIONS)?;
        Some(Parts { params, salt: salt.to_vec(), output: output.as_bytes().to_vec() })
    }
}

impl Parts {
    pub fn is_made_with(&self, params: &Params) -> bool {
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        costs(&self.params) == costs(params)
    }
}

/// For tests, and for whoever brings hashes from elsewhere. What is not a PHC string is found out when it is verified.
impl From<String> for StoredLock {
    fn from(phc: String) -> Self {
        Self(phc)
    }
}

impl fmt::Debug for StoredLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredLock(…)")
    }
}
