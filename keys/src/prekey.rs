//! Pre-keys as clients upload them and as they are handed out: a key id, a public key, and for most kinds a signature.
//!
//! Decoded, not verified: [`crate::checked`] turns them into evidence. The JSON of contract `keys-devices.md` §1.2 is read
//! and written by the types themselves; a field that is missing, null or undecodable is an error of deserialising (422).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identity::IdentityKey;
use crate::public::{EcPublicKey, KemPublicKey, MalformedKey, Signature};

/// The number a client gave to a pre-key, 0 to 2^31-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct KeyId(u32);

impl KeyId {
    pub const FIRST: Self = Self(1);
    pub const MAX: Self = Self(i32::MAX.unsigned_abs());

    pub fn new(id: i64) -> Result<Self, MalformedKey> {
        u32::try_from(id).ok().filter(|id| *id <= Self::MAX.0).map(Self).ok_or(MalformedKey::KeyId)
    }

    pub const fn get(self) -> u32 {
        self.0
    }

    /// Eight bytes, big-endian: the form in digests and in sort keys.
    pub fn to_be_bytes(self) -> [u8; 8] {
        u64::from(self.0).to_be_bytes()
    }
}

impl TryFrom<i64> for KeyId {
    type Error = MalformedKey;
    fn try_from(id: i64) -> Result<Self, MalformedKey> {
        Self::new(id)
    }
}

impl From<KeyId> for u32 {
    fn from(id: KeyId) -> Self {
        id.0
    }
}

/// A one-time Curve25519 key. It carries no signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcPreKey {
    #[serde(rename = "keyId")]
    pub id: KeyId,
    #[serde(rename = "publicKey")]
    pub key: EcPublicKey,
}

/// The Curve25519 key that is handed out again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedPreKey {
    #[serde(rename = "keyId")]
    pub id: KeyId,
    #[serde(rename = "publicKey")]
    pub key: EcPublicKey,
    pub signature: Signature,
}

/// A Kyber-1024 key: one-time, or the last resort when no one-time key is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KemPreKey {
    #[serde(rename = "keyId")]
    pub id: KeyId,
    #[serde(rename = "publicKey")]
    pub key: KemPublicKey,
    pub signature: Signature,
}

impl SignedPreKey {
    /// Whether the signature is by `identity`, over the whole serialised key (§2.2).
    pub fn is_signed_by(&self, identity: &IdentityKey) -> bool {
        identity.verify(self.key.as_bytes(), &self.signature)
    }
}

impl KemPreKey {
    /// Whether the signature is by `identity`, over the whole serialised key (§2.2).
    pub fn is_signed_by(&self, identity: &IdentityKey) -> bool {
        identity.verify(self.key.as_bytes(), &self.signature)
    }
}

/// What client and server compare to see that they hold the same repeated-use keys (§1.4): SHA-256, 32 bytes.
pub fn bundle_digest(identity: &IdentityKey, signed: &SignedPreKey, last_resort: &KemPreKey) -> [u8; 32] {
    Sha256::new()
        .chain_update(identity.as_bytes())
        .chain_update(signed.id.to_be_bytes())
        .chain_update(signed.key.as_bytes())
        .chain_update(last_resort.id.to_be_bytes())
        .chain_update(last_resort.key.as_bytes())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURE: &str = r#"{"keyId":1234,"publicKey":"BQ+NbroQtVKyFaCSfqzSw8Wy72Ff22RSa5ERKTv5DIk2"}"#;

    fn signature() -> Signature {
        Signature::from_bytes(&[9; 64]).expect("64 bytes")
    }

    fn kem_key() -> KemPublicKey {
        let mut bytes = [0; KemPublicKey::LENGTH];
        bytes[0] = KemPublicKey::TYPE;
        KemPublicKey::from_bytes(&bytes).expect("1569 bytes")
    }

    fn ec_key(text: &str) -> EcPublicKey {
        EcPublicKey::from_bytes(&hex::decode(text).expect("hex")).expect("33 bytes")
    }

    #[test]
    fn the_fixture_reads_and_writes_back() {
        let key: EcPreKey = serde_json::from_str(FIXTURE).expect("the fixture");
        assert_eq!(key.id.get(), 1234);
        assert_eq!(serde_json::to_string(&key).expect("json"), FIXTURE);
    }

    #[test]
    fn json_of_signed_keys_goes_both_ways() {
        let key = ec_key("05edce9d9c415ca78cb7252e72c2c4a554d3eb29485a0e1d503118d1a82d99fb4a");
        let signed = SignedPreKey { id: KeyId(17), key, signature: signature() };
        let json = serde_json::to_value(&signed).expect("json");
        assert_eq!(json["signature"], signed.signature.to_base64());
        assert_eq!(json["publicKey"], signed.key.to_base64());
        assert_eq!(serde_json::from_value::<SignedPreKey>(json).expect("a key"), signed);

        let kem = KemPreKey { id: KeyId::MAX, key: kem_key(), signature: signature() };
        let json = serde_json::to_value(&kem).expect("json");
        assert_eq!(json["keyId"], 2_147_483_647);
        assert_eq!(serde_json::from_value::<KemPreKey>(json).expect("a key"), kem);
    }

    #[test]
    fn what_is_missing_or_malformed_is_an_error() {
        let good = serde_json::json!({"keyId": 0, "publicKey": ec_key(&format!("05{}", "00".repeat(32))),
            "signature": format!("{}==", signature().to_base64()), "unknown": [1]});
        assert!(serde_json::from_value::<SignedPreKey>(good.clone()).is_ok());
        let unreadable = serde_json::json!(["", "!", "AAAA", null, 1, [], {}]);
        for field in ["publicKey", "signature"] {
            for value in unreadable.as_array().expect("a list") {
                let mut bad = good.clone();
                bad[field] = value.clone();
                assert!(serde_json::from_value::<SignedPreKey>(bad).is_err(), "{field} {value}");
            }
        }
        for id in [serde_json::json!(-1), 2_147_483_648_u64.into(), u64::MAX.into(), "1".into(), 1.5.into(), ().into()]
        {
            let mut bad = good.clone();
            bad["keyId"] = id.clone();
            assert!(serde_json::from_value::<SignedPreKey>(bad).is_err(), "keyId {id}");
        }
        for field in ["keyId", "publicKey", "signature"] {
            let mut bad = good.clone();
            bad.as_object_mut().expect("an object").remove(field);
            assert!(serde_json::from_value::<SignedPreKey>(bad).is_err(), "no {field}");
        }
    }

    /// The vector of §1.4.
    #[test]
    fn digest() {
        let identity = ec_key("05ab7e717d4a163b7d9a1d8071dfe9dcf8cdcd1cea3339b6356be84d887e322c64");
        let key = ec_key("05edce9d9c415ca78cb7252e72c2c4a554d3eb29485a0e1d503118d1a82d99fb4a");
        let signed = SignedPreKey { id: KeyId(17), key, signature: signature() };
        let last_resort = KemPreKey { id: KeyId(19), key: kem_key(), signature: signature() };
        let digest = bundle_digest(&IdentityKey::new(identity), &signed, &last_resort);
        assert_eq!(hex::encode(digest), "7c4c52a53ed502d43afa27aec480c960da6278f13820848835e40acac68de465");
    }
}
