//! The usernames of a simulation: a few that everybody wants, as clients present them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use signet_storage::model::Opaque;

/// How many there are.
pub const NAMES: u8 = 4;

/// Hashes and proofs by the client library, in hex: the first four of the contract's vectors (username-proof §4.2).
const MADE: [[&str; 2]; NAMES as usize] = [
    [
        "40bb2ef5ee0623030702e2fe4968b8ecd7362f429dd9435ae4c4616458394e77",
        "6c47fb56c384df4bfa3a769bd6ba9905013a3bed4e184e035afdfb38affb920bbe34c4d29b77cf192e55546fe997c2734d4f\
         b48622228a491aa50404e0bd6007e9eb9fdad677eaaee4a323b26525d3fd7463a7ff32e086f620f3634bb5a4e502d3aab87c\
         7ff7e74292e415f3f4bf69a3b65fae499bdde405480c56fa4143fc09",
    ],
    [
        "a801edcf0d80ef39524cdc57befedd8919fe67d8acd40b51d1262a8ca186cd61",
        "8a19baafd117a37116695ddd880860c227152a7f4cc7c57968e653f1f5f2570f60ae17cfd9ad55e47b317b52bd282282a17d\
         0c0a2365657762923f81d21d5607b8ff8f1b9cae66c4e51e8fd92a28bd9622f757092588ddcf6ead98e321aec808629317a6\
         667be0c32c0238291e22c80dc7e1aad8ce10315595acd4fa346e5503",
    ],
    [
        "1ac23b4a87d73b1865aac38774b232dce3fcca3140a0156d0a267394902a8c38",
        "a95cac025517fccfd109c06ee5f529460437a7479b0140b8b49734c43993e306fadd678febfa5d57c014b6228ed006df5020\
         979c9c8a89501a018059a1a1c3025e9167d358396e2b8171114373adde1411701f24569ed14dc82b36ac8a3e460db85db85d\
         2e84fedc1cc2be875655b62063415c133c7a504da6b45466cd1dc00d",
    ],
    [
        "aeb907c56e7516e714613b0dc681bf54349a41e064d73148cadcc58faefff80b",
        "de39870554e002a6a50adf0642152c20cf7c8eb069f78ceaadf2f46c6f896f0a7375f3e5d5e9f62214c950fafa9305a787bd\
         cbd0588d1230c401d6f790206e01b2b6efeb604538cb271893873a4cf97457b9f646ce1f21105bcef3a678ef18096c67ea15\
         7d7311cd24624e5d4f82a09aac65c9a6dad828913dcb178872e40f0f",
    ],
];

pub struct Name {
    pub hash: Opaque,
    pub proof: Vec<u8>,
}

static POOL: LazyLock<Vec<Name>> = LazyLock::new(|| {
    let bytes = |text: &str| hex::decode(text).expect("hex");
    MADE.iter().map(|[hash, proof]| Name { hash: Opaque::from(bytes(hash)), proof: bytes(proof) }).collect()
});

pub fn name(name: u8) -> &'static Name {
    &POOL[usize::from(name % NAMES)]
}

pub fn encoded(hash: &Opaque) -> String {
    URL_SAFE_NO_PAD.encode(hash.as_bytes())
}

pub fn reservation(wanted: u8) -> Value {
    json!({"usernameHashes": [encoded(&name(wanted).hash)]})
}

/// The encrypted name is not looked at by anybody here.
pub fn confirmation(wanted: u8, with_link: bool) -> Value {
    let Name { hash, proof } = name(wanted);
    let link = with_link.then(|| URL_SAFE_NO_PAD.encode([wanted; 112]));
    json!({"usernameHash": encoded(hash), "zkProof": URL_SAFE_NO_PAD.encode(proof), "encryptedUsername": link})
}

pub fn link(keep: bool) -> Value {
    json!({"usernameLinkEncryptedValue": URL_SAFE_NO_PAD.encode([9; 112]), "keepLinkHandle": keep})
}
