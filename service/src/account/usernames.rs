//! Usernames and their links (contract registration §9.4, §9.5). The registry knows hashes of names and encrypted names, no name.
//!
//! Here is what a device may do with the name of its account and what anybody may ask; whose a name is, the store decides
//! (`signet_storage::accounts`). The REST half of each step reads the body and writes the answer, the other half is for gRPC, too.

mod confirm;
mod link;
mod look_up;
mod reserve;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signet_storage::model::Opaque;

use crate::error::ApiError;

const HASH_BYTES: usize = 32;
const MOST_ENCRYPTED: usize = 128;

/// # Errors
/// 422 if it is not as long as a hash.
fn hash(bytes: &[u8]) -> Result<Opaque, ApiError> {
    if bytes.len() == HASH_BYTES { Ok(bytes.into()) } else { Err(ApiError::Unprocessable) }
}

/// A name that only those can read who have the link.
///
/// # Errors
/// 422 if it is empty or too long.
fn encrypted(bytes: &[u8]) -> Result<Opaque, ApiError> {
    if (1..=MOST_ENCRYPTED).contains(&bytes.len()) { Ok(bytes.into()) } else { Err(ApiError::Unprocessable) }
}

/// As bodies have hashes and encrypted names.
fn encoded(bytes: &Opaque) -> String {
    URL_SAFE_NO_PAD.encode(bytes.as_bytes())
}
