//! The vectors of the contract, 200 proofs of the clients' library, and every bit of two of them flipped.

use super::*;

const CONTRACT: &str = include_str!("../../vectors/username-proofs.txt");
const LIBRARY: &str = include_str!("../../vectors/username-proofs-of-the-library.txt");

fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.splitn(5, ' ').collect())
}

fn bytes(hex: &str) -> Vec<u8> {
    if hex == "-" { Vec::new() } else { hex::decode(hex).expect("hex") }
}

/// Hash and proof of a line that is accepted.
fn accepted(id: &str) -> (Vec<u8>, Vec<u8>) {
    let line = lines(CONTRACT).find(|line| line[1] == id).expect("a vector");
    (bytes(line[2]), bytes(line[3]))
}

#[test]
fn verdicts_are_those_of_the_contract() {
    let (mut accepted, mut refused) = (0, 0);
    for line in lines(CONTRACT) {
        let expected = line[0] == "accept";
        assert_eq!(verify(&bytes(line[2]), &bytes(line[3])).is_ok(), expected, "{} {}", line[1], line[4]);
        *(if expected { &mut accepted } else { &mut refused }) += 1;
    }
    assert_eq!((accepted, refused), (23, 50));
}

#[test]
fn what_the_library_proves_is_proved() {
    let mut proofs: Vec<_> = lines(LIBRARY).map(|line| (line[0], bytes(line[1]), bytes(line[2]))).collect();
    assert_eq!(proofs.len(), 200);
    for (name, hash, proof) in &proofs {
        assert_eq!(verify(hash, proof), Ok(()), "{name}");
    }
    // Each is a proof of its own hash alone.
    proofs.rotate_left(1);
    for ((name, _, proof), line) in proofs.iter().zip(lines(LIBRARY)) {
        assert_eq!(verify(&bytes(line[1]), proof), Err(NotProved), "{name}");
    }
}

#[test]
fn every_flipped_bit_counts() {
    for id in ["V01", "V16"] {
        let (hash, proof) = accepted(id);
        assert_eq!((hash.len() * 8, proof.len() * 8), (256, 1024));
        let flipped = |bytes: &[u8], bit: usize| {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        for bit in 0..1024 {
            assert_eq!(verify(&hash, &flipped(&proof, bit)), Err(NotProved), "{id}: bit {bit} of the proof");
        }
        for bit in 0..256 {
            assert_eq!(verify(&flipped(&hash, bit), &proof), Err(NotProved), "{id}: bit {bit} of the hash");
        }
    }
}

#[test]
fn every_other_length_is_refused() {
    let (hash, proof) = accepted("V01");
    let long = [&proof[..], &[0; 200]].concat();
    for length in (0..=300).filter(|length| *length != LENGTH) {
        assert_eq!(verify(&hash, &long[..length]), Err(NotProved), "{length}");
    }
    let long = [&hash[..], &[0; 40]].concat();
    for length in (0..=64).filter(|length| *length != 32) {
        assert_eq!(verify(&long[..length], &proof), Err(NotProved), "{length}");
    }
}
