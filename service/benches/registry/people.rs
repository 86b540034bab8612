//! Accounts on a served registry, all with the same keys, as a bench needs them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_keys::signing::{self, ClientKeys, IdentityKeyPair};
use signet_keys::{EcPreKey, KemPreKey, KeyId};

use super::load::{Connection, prove_numbers};
use super::server::Server;

const PASSWORD: &str = "a device password of a bench";
/// Sixteen times seven.
pub const ACCESS_KEY: &str = "unidentified-access-key: BwcHBwcHBwcHBwcHBwcHBw==";
pub const KEYS: usize = 100;

pub struct People {
    pub acis: Vec<String>,
    /// As many as there are ACIs.
    pub numbers: Vec<String>,
    pub identity: IdentityKeyPair,
    pni: IdentityKeyPair,
    one_time: Vec<EcPreKey>,
    kem: Vec<KemPreKey>,
}

impl People {
    /// Nobody yet.
    pub fn keys_only() -> Self {
        let identity = IdentityKeyPair::generate();
        let ids = || (0..KEYS).map(|n| KeyId::new(n as i64).expect("a small id"));
        let (one_time, kem) =
            (ids().map(signing::ec_pre_key).collect(), ids().map(|id| identity.kem_pre_key(id)).collect());
        Self { acis: Vec::new(), numbers: Vec::new(), identity, pni: IdentityKeyPair::generate(), one_time, kem }
    }

    pub async fn register(server: &Server, count: usize) -> Self {
        let me = Self::keys_only();
        let keys = |pair: &IdentityKeyPair| (STANDARD.encode(pair.public().serialize()), ClientKeys::generate(pair));
        let (aci, pni) = (keys(&me.identity), keys(&me.pni));
        let (mut acis, mut numbers) = (Vec::new(), Vec::new());
        let proved = prove_numbers(server, count).await;
        let mut connection = Connection::open(server.http).await;
        for (number, session) in proved {
            let body = json!({
                "sessionId": session,
                "skipDeviceTransfer": true,
                "accountAttributes": {
                    "fetchesMessages": true, "registrationId": 1, "pniRegistrationId": 2,
                    "capabilities": {"spqr": true, "storage": true}, "unidentifiedAccessKey": STANDARD.encode([7; 16]),
                },
                "aciIdentityKey": aci.0, "aciSignedPreKey": aci.1.signed, "aciPqLastResortPreKey": aci.1.last_resort,
                "pniIdentityKey": pni.0, "pniSignedPreKey": pni.1.signed, "pniPqLastResortPreKey": pni.1.last_resort,
            });
            let header = format!("authorization: Basic {}", STANDARD.encode(format!("{number}:{PASSWORD}")));
            let (status, told) = connection.send("POST", "/v1/registration", &header, &body.to_string()).await;
            assert_eq!(status, 201, "{told}");
            let told: Value = serde_json::from_str(&told).expect("an account");
            acis.push(told["uuid"].as_str().expect("an ACI").to_owned());
            numbers.push(number);
        }
        Self { acis, numbers, ..me }
    }

    /// A header with somebody's credentials.
    pub fn authorization(&self, n: usize) -> String {
        let aci = &self.acis[n % self.acis.len()];
        format!("authorization: Basic {}", STANDARD.encode(format!("{aci}.1:{PASSWORD}")))
    }

    /// The same of a linked device, which has the same password.
    pub fn authorization_of_device(&self, n: usize, device: u64) -> String {
        let aci = &self.acis[n % self.acis.len()];
        format!("authorization: Basic {}", STANDARD.encode(format!("{aci}.{device}:{PASSWORD}")))
    }

    /// A body that links a device of somebody with this token, by the header of anybody.
    pub fn linking(&self, token: &str) -> (String, String) {
        let [aci, pni] = [&self.identity, &self.pni].map(ClientKeys::generate);
        let body = json!({
            "verificationCode": token,
            "accountAttributes": {
                "fetchesMessages": true, "registrationId": 3, "pniRegistrationId": 4, "capabilities": {"spqr": true},
            },
            "aciSignedPreKey": aci.signed, "aciPqLastResortPreKey": aci.last_resort,
            "pniSignedPreKey": pni.signed, "pniPqLastResortPreKey": pni.last_resort,
        });
        (format!("authorization: Basic {}", STANDARD.encode(format!("nobody:{PASSWORD}"))), body.to_string())
    }

    /// A hundred keys of both kinds. Another round makes another set of the same keys, under other ids.
    pub fn keys(&self, round: usize) -> (Vec<EcPreKey>, Vec<KemPreKey>) {
        let id = |n: KeyId| KeyId::new(i64::from(n.get()) + (round * KEYS) as i64).expect("a small id");
        let one_time = self.one_time.iter().map(|key| EcPreKey { id: id(key.id), ..key.clone() }).collect();
        (one_time, self.kem.iter().map(|key| KemPreKey { id: id(key.id), ..key.clone() }).collect())
    }

    pub fn upload(&self, round: usize) -> String {
        let (one_time, kem) = self.keys(round);
        json!({"preKeys": one_time, "pqPreKeys": kem}).to_string()
    }
}
