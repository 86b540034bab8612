//! What the demo's client has: identities, keys and a password, all real, and the body it registers with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_keys::KeyId;
use signet_keys::signing::{self, ClientKeys, IdentityKeyPair};
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

    /// What lets somebody write to it unseen.
    pub fn access_key(&self) -> String {
        STANDARD.encode(self.access_key)
    }

    /// The body of `PUT /v2/keys`: so many fresh one-time keys of each kind.
    pub fn one_time_keys(&self, count: usize) -> Value {
        let ids = || (1..).map_while(|id| KeyId::new(id).ok()).take(count);
        json!({
            "preKeys": ids().map(signing::ec_pre_key).collect::<Vec<_>>(),
            "pqPreKeys": ids().map(|id| self.aci.pair.kem_pre_key(id)).collect::<Vec<_>>(),
        })
    }

    /// The body of `PUT /v1/devices/link`: a further device, with keys of its own and the account's identities.
    pub fn linking(&self, token: &str, chance: &Chance) -> Value {
        let [aci, pni] = [&self.aci, &self.pni].map(|identity| ClientKeys::generate(&identity.pair));
        json!({
            "verificationCode": token,
            "accountAttributes": {
                "fetchesMessages": true,
                "registrationId": 1 + chance.below(0x3FFF),
                "pniRegistrationId": 1 + chance.below(0x3FFF),
                "capabilities": {"spqr": true},
            },
            "aciSignedPreKey": aci.signed,
            "pniSignedPreKey": pni.signed,
            "aciPqLastResortPreKey": aci.last_resort,
            "pniPqLastResortPreKey": pni.last_resort,
        })
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
