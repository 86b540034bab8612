//! The vectors of contract §2.5, and what must make a signature fail.

use super::*;

struct Vector {
    public: &'static str,
    message: &'static str,
    signature: &'static str,
}

impl Vector {
    fn public(&self) -> IdentityKey {
        IdentityKey::from_bytes(&bytes(self.public)).expect("33 bytes")
    }

    fn signature(&self) -> Signature {
        Signature::from_bytes(&bytes(self.signature)).expect("64 bytes")
    }

    fn verifies(&self) -> bool {
        self.public().verify(&bytes(self.message), &self.signature())
    }
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

const V1: Vector = Vector {
    public: "05ab7e717d4a163b7d9a1d8071dfe9dcf8cdcd1cea3339b6356be84d887e322c64",
    message: "05edce9d9c415ca78cb7252e72c2c4a554d3eb29485a0e1d503118d1a82d99fb4a",
    signature: "5de88ca9a89b4a115da79109c67c9c7464a3e4180274f1cb8c63c2984e286dfb\
                ede82deb9dcd9fae0bfbb821569b3d9001bd8130cd11d486cef047bd60b86e88",
};

/// V1 with s + L for s.
const V1M: Vector = Vector {
    signature: "5de88ca9a89b4a115da79109c67c9c7464a3e4180274f1cb8c63c2984e286dfb\
                dabc2348b830b206e297b0c434951ca501bd8130cd11d486cef047bd60b86e98",
    ..V1
};

/// V1 with bit 255 of the public key set.
const V1N: Vector = Vector { public: "05ab7e717d4a163b7d9a1d8071dfe9dcf8cdcd1cea3339b6356be84d887e322ce4", ..V1 };

const V2: Vector = Vector {
    public: "058854ead3e3a8fe3a286644cd1b3538be14dfd5797653c9fd7d3d85ae2b12b926",
    message: "080212210539450d63ebd0752c0fd4038b9d07a916f5e174b756d409b5ca79f4c97400631e",
    signature: "64c5a38b1e927497d3d4786b101a623ab34a7da3954fae126b04dba9d7a3604e\
                d88cdc8550950f0d4a9134ceb7e19b94139151d2c3d6e1c81e9d1128aafca806",
};

const V3: Vector = Vector {
    public: "054918d08fbdfa83e00c29f8f8073a22ef35df2bea903aff81af03ccbc45c6e93a",
    message: "0803122105bc9d1d290be964810dfa7e94856480a3f7060d004c9762c24c575a1522353a5a",
    signature: "c11ec3c401eb0107ab38f8600e8720a63169e0e2eb8a3fae24f63099f85ea319\
                c3c1c46d3454706ae2a679d1fee690a488adda98a2290b66c906bb60295ed781",
};

const V4: Vector = Vector {
    public: "052fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74",
    message: "08d786df9a07122105847c0d2c375234f365e660955187a3735a0f7613d1609d3a6a4d8c53aeaa5a22",
    signature: "e0b9ebacdfc3aa2827f7924b697784d1c25e44ca05dd433e1a38dc6382eb2730\
                d419ca9a250b1be9d5a9463e61efd6781777a91b83c97b844d014206e2829785",
};

const V5: Vector = Vector {
    public: "05847c0d2c375234f365e660955187a3735a0f7613d1609d3a6a4d8c53aeaa5a22",
    message: "100119697a000000000000222105d75b13e15c7700079dd226f51e5a790ba395e819e88a74d0cf5cedfad8b4\
              334840d786df9a07322461616161616161612d373030302d313165622d623332612d333362386138613438376136",
    signature: "e62667bce627caed56ca2ab309b6ae7bc890a30a7482c0e1fd77ec9c3b7528ab\
                fd45c8c42b240509a71d973ef5e0f1dbd2685fe01410f0fdbaa8fb247a67e08f",
};

#[test]
fn every_vector_verifies() {
    for (name, vector) in [("V1", V1), ("V1m", V1M), ("V1n", V1N), ("V2", V2), ("V3", V3), ("V4", V4), ("V5", V5)] {
        assert!(vector.verifies(), "{name}");
    }
}

#[test]
fn a_vector_does_not_verify_under_another_key_or_message() {
    let all = [V1, V2, V3, V4, V5];
    for (i, signer) in all.iter().enumerate() {
        for (j, other) in all.iter().enumerate().filter(|(j, _)| *j != i) {
            assert!(!other.public().verify(&bytes(signer.message), &signer.signature()), "key {j} for {i}");
            assert!(!signer.public().verify(&bytes(other.message), &signer.signature()), "message {j} for {i}");
        }
    }
}

#[test]
fn every_flipped_bit_of_a_signature_fails() {
    for vector in [V1, V1M, V1N, V2, V3, V4, V5] {
        for bit in 0..512 {
            let mut mauled = *vector.signature().as_bytes();
            mauled[bit / 8] ^= 1 << (bit % 8);
            let mauled = Signature::from_bytes(&mauled).expect("64 bytes");
            assert!(!vector.public().verify(&bytes(vector.message), &mauled), "bit {bit}");
        }
    }
}

#[test]
fn every_flipped_bit_of_a_signed_key_fails() {
    for bit in 0..33 * 8 {
        let mut message = bytes(V1.message);
        message[bit / 8] ^= 1 << (bit % 8);
        assert!(!V1.public().verify(&message, &V1.signature()), "bit {bit}");
    }
    let longer = [bytes(V1.message), vec![0]].concat();
    assert!(!V1.public().verify(&longer, &V1.signature()) && !V1.public().verify(&longer[..32], &V1.signature()));
}

#[test]
fn s_of_2_to_the_253_or_more_fails() {
    for high in [0x20, 0x40, 0x60] {
        let mut mauled = *V1.signature().as_bytes();
        mauled[63] = (mauled[63] & 0x9f) | high;
        assert!(!V1.public().verify(&bytes(V1.message), &Signature::from_bytes(&mauled).expect("64 bytes")));
    }
}

/// u as 32 little-endian bytes: a small number, or p minus one.
fn key_of(first: u8, rest: u8, last: u8) -> IdentityKey {
    let mut u = [rest; 32];
    (u[0], u[31]) = (first, last);
    IdentityKey::new(EcPublicKey::from_montgomery(&u))
}

#[test]
fn u_of_minus_one_never_verifies() {
    let minus_one = key_of(0xec, 0xff, 0x7f);
    assert!(minus_one.is_low_order());
    assert!(!minus_one.verify(b"", &V1.signature()) && !minus_one.verify(b"", &V2.signature()));
}

#[test]
fn a_low_order_key_is_told_apart_but_may_verify() {
    // u = 1 and u = p + 1, of order 4; u = 0 and u = p, of order 2.
    let ones = [key_of(1, 0, 0), key_of(0xee, 0xff, 0x7f)];
    let zeros = [key_of(0, 0, 0), key_of(0xed, 0xff, 0x7f), key_of(0, 0, 0x80)];
    // The two of order 8.
    let eights = [
        "05e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "055f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ]
    .map(|text| IdentityKey::from_bytes(&bytes(text)).expect("33 bytes"));
    assert!(ones.iter().chain(&zeros).chain(&eights).all(IdentityKey::is_low_order));
    assert!([V1, V1N, V2, V3, V4, V5].iter().all(|vector| !vector.public().is_low_order()));

    // u = 0 gives A = (0, -1). With s = 0 and R the neutral element, half of all messages verify, whatever the sign bit.
    for sign in [0, 0x80] {
        let mut forged = [0; 64];
        (forged[0], forged[63]) = (1, sign);
        let forged = Signature::from_bytes(&forged).expect("64 bytes");
        let hits = (0..64_u8).filter(|message| zeros[0].verify(&[*message], &forged)).count();
        assert!((8..56).contains(&hits), "{hits} of 64");
    }
}

#[test]
fn fingerprint_and_debug() {
    assert_eq!(hex::encode(V1.public().fingerprint()), "df0f4baf");
    assert_eq!(format!("{:?}", V1.public()), "IdentityKey(ab7e717d…)");
}

#[test]
fn json_is_padded_base64_and_padding_in_is_optional() {
    let key = V1.public();
    let json = serde_json::to_string(&key).expect("text");
    assert_eq!(json, format!("\"{}\"", key.to_base64()));
    assert_eq!(serde_json::from_str::<IdentityKey>(&json).expect("a key"), key);
    for bad in [r#""""#, "null", "5", r#""BQ""#, r#""é""#] {
        assert!(serde_json::from_str::<IdentityKey>(bad).is_err(), "{bad}");
    }
}
