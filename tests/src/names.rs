//! Usernames with proofs that the clients' own library made: the registry has a verifier and nobody here a prover.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use signet_storage::model::Opaque;

const PROOFS: &str = include_str!("../../keys/vectors/username-proofs-of-the-library.txt");

/// A name as its owner knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: &'static str,
    pub hash: Vec<u8>,
    pub proof: Vec<u8>,
}

/// All of them: 200, no two alike.
pub fn all() -> impl Iterator<Item = Name> {
    PROOFS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut parts = line.split(' ');
        let mut next = || parts.next().expect("a name, its hash and its proof");
        let text = next();
        let mut bytes = || hex::decode(next()).expect("hex");
        Name { text, hash: bytes(), proof: bytes() }
    })
}

/// The nth.
pub fn name(n: usize) -> Name {
    all().nth(n).expect("there are 200")
}

/// As it goes over the wire.
pub fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Name {
    /// As the registry keeps it.
    pub fn opaque(&self) -> Opaque {
        self.hash.as_slice().into()
    }

    pub fn encoded(&self) -> String {
        url(&self.hash)
    }

    /// The body of a confirmation, with or without a link.
    pub fn confirmation(&self, encrypted: Option<&[u8]>) -> Value {
        json!({
            "usernameHash": self.encoded(),
            "zkProof": url(&self.proof),
            "encryptedUsername": encrypted.map(url),
        })
    }
}

/// The body of a reservation.
pub fn reservation(names: &[&Name]) -> Value {
    json!({"usernameHashes": names.iter().map(|name| name.encoded()).collect::<Vec<_>>()})
}
