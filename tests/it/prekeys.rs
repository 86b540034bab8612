//! The pre-key routes (contract keys-devices §1, real-client §7).

#![allow(clippy::unwrap_used, reason = "tests")]

mod access;
mod bundles;
mod census;
mod crash;
mod identity_check;
mod lifecycle;
mod lost_replies;
mod marks;
mod own;
mod races;
mod upload;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_config::{Config, LimitId};
use signet_keys::signing::{IdentityKeyPair, ec_pre_key};
use signet_keys::{CheckedDeviceKeys, KeyId};
use signet_storage::accounts::Ids;
use signet_storage::ids::{AccountId, DeviceId};
use signet_tests::client::basic;
use signet_tests::table::put;
use signet_tests::{Answer, SignalClient, TestRegistry};

/// The access key that people say at registration.
const UAK: [u8; 16] = [7; 16];

/// Somebody who has registered.
struct Person {
    number: String,
    me: SignalClient,
    aci: String,
    pni: String,
}

fn start() -> TestRegistry {
    start_with(|_| {})
}

/// Who takes keys is not limited unless a test says so.
fn start_with(change: impl FnOnce(&mut Config)) -> TestRegistry {
    TestRegistry::start_with(|config| {
        let mut generous = config.limits.get(LimitId::Prekeys);
        generous.size = 100_000;
        config.limits.set(LimitId::Prekeys, generous);
        change(config);
    })
}

impl Person {
    async fn register(t: &TestRegistry, number: &str) -> Self {
        Self::register_as(t, number, SignalClient::generate(), &[]).await
    }

    /// Registers, again perhaps, with changes to the body.
    async fn register_as(t: &TestRegistry, number: &str, me: SignalClient, changes: &[(&str, Option<Value>)]) -> Self {
        let session = t.verified_session(number).await;
        let mut body = me.registration(&session);
        changes.iter().for_each(|(pointer, value)| put(&mut body, pointer, value.clone()));
        let answer = t.client.register(number, &me.password, &body).await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        let id = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        Self { number: number.to_owned(), aci: id("uuid"), pni: id("pni"), me }
    }

    fn aci(&self) -> AccountId {
        self.aci.parse().unwrap()
    }

    fn credentials(&self, device: u8) -> String {
        basic(&format!("{}.{device}", self.aci), &self.me.password)
    }

    async fn ask(&self, t: &TestRegistry, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.ask_as(1, t, method, path, body).await
    }

    /// As one of the devices; all have one password here.
    async fn ask_as(&self, device: u8, t: &TestRegistry, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        t.client.send(method, path, &[("authorization", &self.credentials(device))], body).await
    }

    async fn upload(&self, t: &TestRegistry, body: &Value) -> Answer {
        self.ask(t, "PUT", "/v2/keys", body.to_string()).await
    }

    /// What is left, of EC and of KEM keys.
    async fn count(&self, t: &TestRegistry, query: &str) -> (u64, u64) {
        self.count_of(1, t, query).await
    }

    async fn count_of(&self, device: u8, t: &TestRegistry, query: &str) -> (u64, u64) {
        let counts = self.ask_as(device, t, "GET", &format!("/v2/keys{query}"), "").await.expect(200);
        (counts["count"].as_u64().unwrap(), counts["pqCount"].as_u64().unwrap())
    }

    /// A second device, put there by hand, with the first one's password and keys.
    async fn link(&self, t: &TestRegistry, id: u8) {
        let (aci, pni) = (checked(&self.me.aci, &self.me.aci_keys), checked(&self.me.pni, &self.me.pni_keys));
        let link = |account: &mut signet_storage::model::Account, _| {
            let mut device = account.devices[0].clone();
            device.id = DeviceId::try_from(id).unwrap();
            let (ids, of) = (Ids { aci: account.aci, pni: account.pni }, (&device).into());
            let writes = t.registry.keys.writes_for_new_device(ids, device.id, &of, &aci, &pni);
            account.devices.push(device);
            ((), writes)
        };
        t.registry.accounts.update("test", self.aci(), link).await.unwrap().expect("the account is there");
    }

    async fn change(&self, t: &TestRegistry, change: impl Fn(&mut signet_storage::model::Account)) {
        let change = |account: &mut signet_storage::model::Account, _| (change(account), Vec::new());
        t.registry.accounts.update("test", self.aci(), change).await.unwrap().expect("the account is there");
    }
}

fn checked(identity: &IdentityKeyPair, keys: &signet_keys::signing::ClientKeys) -> CheckedDeviceKeys {
    let (signed, last_resort) = (keys.signed.clone(), keys.last_resort.clone());
    CheckedDeviceKeys::check(identity.public().clone(), signed, last_resort).expect("our own signatures")
}

fn uak(key: &[u8]) -> String {
    STANDARD.encode(key)
}

/// Keys taken by somebody without an account.
async fn take(t: &TestRegistry, identifier: &str, device: &str) -> Answer {
    let path = format!("/v2/keys/{identifier}/{device}");
    t.client.send("GET", &path, &[("unidentified-access-key", &uak(&UAK))], "").await
}

/// The ids of the one-time keys in the first device's bundle; none is the last resort, which has id 1 and this test's sets have not.
fn one_time(bundle: &Value) -> (Option<u64>, Option<u64>) {
    let device = &bundle["devices"][0];
    let kem = device["pqPreKey"]["keyId"].as_u64().expect("there is always one");
    (device["preKey"]["keyId"].as_u64(), (kem != 1).then_some(kem))
}

fn id(id: u32) -> KeyId {
    KeyId::new(id.into()).unwrap()
}

fn ec(ids: RangeInclusive<u32>) -> Value {
    json!(ids.map(|n| ec_pre_key(id(n))).collect::<Vec<_>>())
}

fn kem(identity: &IdentityKeyPair, ids: RangeInclusive<u32>) -> Value {
    json!(ids.map(|n| identity.kem_pre_key(id(n))).collect::<Vec<_>>())
}

/// An upload of one-time keys of both kinds.
fn both(identity: &IdentityKeyPair, ids: RangeInclusive<u32>) -> Value {
    json!({"preKeys": ec(ids.clone()), "pqPreKeys": kem(identity, ids)})
}

/// All of `found`, which must not hold anything twice.
#[track_caller]
fn distinct(found: impl IntoIterator<Item = u64>) -> BTreeSet<u64> {
    let mut seen = BTreeSet::new();
    for id in found {
        assert!(seen.insert(id), "key {id} was handed out twice");
    }
    seen
}
