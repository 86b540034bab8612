//! What the demo's client has: identities, keys and a password, all real, and the body it registers with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_storage::chance::Chance;

/// A client about to register.
pub struct Client {
    pub password: String,
    aci: Identity,
    pni: Identity,
    registration_ids: [u32; 2],
    access_key: [u8; 16],
}

struct Identity {
    pair: IdentityKeyPair,
    keys: ClientKeys,
}

impl Client {
    pub fn generate(chance: &Chance) -> Self {
        let identity = || {
            let pair = IdentityKeyPair::generate();
            let keys = ClientKeys::generate(&pair);
            Identity { pair, keys }
        };
        Self {
            password: hex::encode(chance.bytes::<18>()),
            aci: identity(),
            pni: identity(),
            registration_ids: [(); 2].map(|()| 1 + chance.below(0x3FFF)),
            access_key: chance.bytes(),
        }
    }

    /// The body of `POST /v1/registration`.
    pub fn registration(&self, session: &str) -> Value {
        let key = |identity: &Identity| STANDARD.encode(identity.pair.public().serialize());
        json!({
            "sessionId": session,
            "skipDeviceTransfer": true,
            "accountAttributes": {
                "fetchesMessages": true,
                "registrationId": self.registration_ids[0],
                "pniRegistrationId": self.registration_ids[1],
                "capabilities": {"spqr": true, "storage": true},
                "unidentifiedAccessKey": STANDARD.encode(self.access_key),
                "discoverableByPhoneNumber": true,
            },
            "aciIdentityKey": key(&self.aci),
            "pniIdentityKey": key(&self.pni),
            "aciSignedPreKey": self.aci.keys.signed,
            "pniSignedPreKey": self.pni.keys.signed,
            "aciPqLastResortPreKey": self.aci.keys.last_resort,
            "pniPqLastResortPreKey": self.pni.keys.last_resort,
        })
    }
}
