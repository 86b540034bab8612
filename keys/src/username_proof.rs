//! Does somebody know the username behind this hash? (contract username-proof §0, §2) The hash is a commitment to three numbers that
//! the name gives; the proof is of Schnorr's kind and tells nothing about them.
//!
//! It is not bound to an account or a time, and not even to a name: numbers that no name gives can be proved as well. What it
//! keeps out is whoever only saw the hash. Whose the name is, the registry decides by its claims.
//!
//! Invariant: what is accepted is what the clients' library accepts, to the bit. All of it is public, so variable time is fine.

use std::sync::LazyLock;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_COMPRESSED;
use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::traits::VartimeMultiscalarMul as _;
use curve25519_dalek::{RistrettoPoint, Scalar};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The generators that the three numbers are multiplied with.
const GENERATORS: [[u8; 32]; 3] = [
    *b"\x60\xb9\x93\x66\x3a\x3d\xae\xcc\x4c\x85\x2f\x53\x35\x47\xe3\x05\x38\x8c\x2a\x50\xa5\x83\x93\xea\x27\x7d\xe4\xab\xf3\xde\x54\x3a",
    *b"\xf2\xb6\xf1\xc8\x26\xfa\x36\x40\x20\x6f\x3b\x58\xb2\x28\x6b\xde\xfd\xfd\xa6\xa5\x4f\xf9\x02\xf2\x04\xa7\x2d\xe7\x37\xd2\x61\x57",
    *b"\x06\x06\xbd\x3a\xbf\xce\x4e\x96\x17\xd4\x48\xfb\x2c\xae\xb6\xcc\x02\x8e\xc9\xa2\xb6\x2b\x10\xb3\xd9\xeb\x29\x48\xda\x6f\x3f\x53",
];
static POINTS: LazyLock<[RistrettoPoint; 3]> =
    LazyLock::new(|| GENERATORS.map(|bytes| CompressedRistretto(bytes).decompress().expect("generators are points")));

const LABEL: &[u8] = b"POKSHO_Ristretto_SHOHMACSHA256";
/// One equation: point 1 is the sum of three products, of scalars 0 to 2 and points 2 to 4. Point 0, of which it says nothing, is
/// the base point.
const STATEMENT: [u8; 9] = [1, 1, 3, 0, 2, 1, 3, 2, 4];

/// A challenge and three responses.
const SCALARS: usize = 4;
const LENGTH: usize = SCALARS * 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof is not one of this hash")]
pub struct NotProved;

/// Is this a proof of the hash?
///
/// # Errors
/// One and the same, whatever is wrong with them.
pub fn verify(hash: &[u8], proof: &[u8]) -> Result<(), NotProved> {
    let hash: [u8; 32] = hash.try_into().map_err(|_| NotProved)?;
    let point = CompressedRistretto(hash).decompress().ok_or(NotProved)?;
    let [challenge, responses @ ..] = scalars(proof).ok_or(NotProved)?;
    let [g1, g2, g3] = *POINTS;
    let [s1, s2, s3] = responses;
    let commitment = RistrettoPoint::vartime_multiscalar_mul([s1, s2, s3, -challenge], [g1, g2, g3, point]);
    (challenge_of(&hash, &commitment.compress().0) == challenge).then_some(()).ok_or(NotProved)
}

/// All of them in the one way that each can be written.
fn scalars(proof: &[u8]) -> Option<[Scalar; SCALARS]> {
    let proof: &[u8; LENGTH] = proof.try_into().ok()?;
    let mut scalars = [Scalar::ZERO; SCALARS];
    for (scalar, bytes) in scalars.iter_mut().zip(proof.as_chunks().0) {
        *scalar = Scalar::from_canonical_bytes(*bytes).into_option()?;
    }
    Some(scalars)
}

/// The challenge that follows from the statement, the hash and the commitment (§2.4). The hash comes twice: as a point of the
/// statement, and as the message.
fn challenge_of(hash: &[u8; 32], commitment: &[u8; 32]) -> Scalar {
    const RATCHET: u8 = 0;
    const SQUEEZE: u8 = 1;
    let [g1, g2, g3] = &GENERATORS;
    let state = chain(&[0; 32], &[LABEL], RATCHET);
    let base = RISTRETTO_BASEPOINT_COMPRESSED.as_bytes();
    let state = chain(&state, &[&STATEMENT, base, hash, g1, g2, g3], RATCHET);
    let state = chain(&state, &[commitment, hash], RATCHET);
    let mut wide = [0; 64];
    let (low, high) = wide.split_at_mut(32);
    low.copy_from_slice(&chain(&state, &[&0_u64.to_be_bytes()], SQUEEZE));
    high.copy_from_slice(&chain(&state, &[&1_u64.to_be_bytes()], SQUEEZE));
    Scalar::from_bytes_mod_order_wide(&wide)
}

/// HMAC with the state as its key; what it is for comes last.
fn chain(state: &[u8; 32], message: &[&[u8]], purpose: u8) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(state).expect("HMAC takes keys of any length");
    message.iter().for_each(|part| mac.update(part));
    mac.update(&[purpose]);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
