//! gRPC over HTTP/2 (contract keys-devices §8, real-client §10): what is answered, what is refused and how, and that REST and gRPC
//! are two ways to one registry.
//!
//! The tests have a thread beside their own: a connection of HTTP/2 ends in order only while its client answers.

#![allow(clippy::unwrap_used, reason = "tests")]

mod accounts;
mod credentials;
mod devices;
mod edge;
mod frames;
mod identity_check;
mod keys;
mod number;
mod prekeys;
mod usernames;

use serde_json::Value;
use signet::grpc::proto::org::signal::chat::account::accounts_anonymous_client::AccountsAnonymousClient;
use signet::grpc::proto::org::signal::chat::account::accounts_client::AccountsClient;
use signet::grpc::proto::org::signal::chat::common::{self, IdentityType, ServiceIdentifier};
use signet::grpc::proto::org::signal::chat::credentials::credentials_anonymous_client::CredentialsAnonymousClient;
use signet::grpc::proto::org::signal::chat::credentials::credentials_client::CredentialsClient;
use signet::grpc::proto::org::signal::chat::device::devices_client::DevicesClient;
use signet::grpc::proto::org::signal::chat::keys::keys_anonymous_client::KeysAnonymousClient;
use signet::grpc::proto::org::signal::chat::keys::keys_client::KeysClient;
use signet_config::{Config, LimitId};
use signet_keys::signing::{IdentityKeyPair, ec_pre_key};
use signet_keys::{EcPreKey, KemPreKey, KeyId};
use signet_storage::ids::AccountId;
use signet_storage::model::Account;
use signet_tests::client::basic;
use signet_tests::grpc::{Channel, Wire};
use signet_tests::table::put;
use signet_tests::{Answer, SignalClient, TestRegistry};
use tonic::Request;
use uuid::Uuid;

const NUMBER: &str = "+12025550123";
const OTHER: &str = "+12025550124";
/// The access key that people say at registration.
const UAK: [u8; 16] = [7; 16];
const NOBODY: Uuid = Uuid::from_u128(0x4000_8000_0000_0000_0000);

/// A registry, and the way to it.
struct Exchange {
    t: TestRegistry,
    wire: Wire,
}

/// A device of somebody who has registered.
struct Person {
    me: SignalClient,
    aci: Uuid,
    pni: Uuid,
    device: u64,
    password: String,
}

impl Exchange {
    fn open() -> Self {
        Self::open_with(|_| {})
    }

    /// Limits are generous unless changed.
    fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let t = TestRegistry::start_with(|config| {
            for limiter in [LimitId::Prekeys, LimitId::AllocateDevice, LimitId::VerifyDevice] {
                limit(config, limiter, 10_000);
            }
            change(config);
        });
        let wire = Wire::to(t.plain);
        Self { t, wire }
    }

    fn keys(&self) -> KeysClient<Channel> {
        KeysClient::with_origin(self.wire.channel.clone(), self.wire.origin.clone())
    }

    fn keys_anonymous(&self) -> KeysAnonymousClient<Channel> {
        KeysAnonymousClient::with_origin(self.wire.channel.clone(), self.wire.origin.clone())
    }

    fn devices(&self) -> DevicesClient<Channel> {
        DevicesClient::with_origin(self.wire.channel.clone(), self.wire.origin.clone())
    }

    fn accounts(&self) -> AccountsClient<Channel> {
        AccountsClient::with_origin(self.wire.channel.clone(), self.wire.origin.clone())
    }

    fn accounts_anonymous(&self) -> AccountsAnonymousClient<Channel> {
        AccountsAnonymousClient::with_origin(self.wire.channel.clone(), self.wire.origin.clone())
    }

    fn credentials(&self) -> CredentialsClient<Channel> {
        CredentialsClient::with_origin(self.wire.channel.clone(), self.wire.origin.clone())
    }

    fn credentials_anonymous(&self) -> CredentialsAnonymousClient<Channel> {
        CredentialsAnonymousClient::with_origin(self.wire.channel.clone(), self.wire.origin.clone())
    }

    async fn register(&self, number: &str) -> Person {
        self.register_with(number, &[]).await
    }

    async fn register_with(&self, number: &str, changes: &[(&str, Option<Value>)]) -> Person {
        let (me, session) = (SignalClient::generate(), self.t.verified_session(number).await);
        let mut body = me.registration(&session);
        changes.iter().for_each(|(pointer, value)| put(&mut body, pointer, value.clone()));
        let answer = self.t.client.register(number, &me.password, &body).await.expect(201);
        let id = |name: &str| answer[name].as_str().unwrap().parse().unwrap();
        Person { aci: id("uuid"), pni: id("pni"), device: 1, password: me.password.clone(), me }
    }

    /// A further device of this account.
    async fn link(&self, owner: &Person) -> Person {
        self.t.advance(std::time::Duration::from_millis(1));
        let code = self.rest(owner, "GET", "/v1/devices/provisioning/code", "").await.expect(200);
        let token = code["verificationCode"].as_str().unwrap();
        let answer = self.t.client.link("device's password", &owner.me.linking(token)).await.expect(200);
        Person {
            me: SignalClient::generate(),
            aci: owner.aci,
            pni: owner.pni,
            device: answer["deviceId"].as_u64().unwrap(),
            password: "device's password".to_owned(),
        }
    }

    /// The same registry by REST.
    async fn rest(&self, who: &Person, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.t.client.send(method, path, &[("authorization", &who.credentials())], body).await
    }

    async fn account(&self, who: &Person) -> Account {
        self.t.registry.accounts.get(who.aci()).await.unwrap().expect("the account is there")
    }

    async fn change(&self, who: &Person, change: impl Fn(&mut Account)) {
        let change = |account: &mut Account, _| (change(account), Vec::new());
        self.t.registry.accounts.update("test", who.aci(), change).await.unwrap().expect("the account is there");
    }
}

impl Person {
    fn aci(&self) -> AccountId {
        AccountId::from_uuid(self.aci)
    }

    fn credentials(&self) -> String {
        basic(&format!("{}.{}", self.aci, self.device), &self.password)
    }

    /// A call of this device.
    fn says<T>(&self, message: T) -> Request<T> {
        with_credentials(message, &self.credentials())
    }
}

fn with_credentials<T>(message: T, credentials: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", credentials.parse().unwrap());
    request
}

fn aci(uuid: Uuid) -> Option<ServiceIdentifier> {
    Some(ServiceIdentifier { identity_type: IdentityType::Aci.into(), uuid: uuid.into_bytes().into() })
}

fn pni(uuid: Uuid) -> Option<ServiceIdentifier> {
    Some(ServiceIdentifier { identity_type: IdentityType::Pni.into(), uuid: uuid.into_bytes().into() })
}

fn limit(config: &mut Config, id: LimitId, size: u64) {
    let mut limit = config.limits.get(id);
    limit.size = size;
    config.limits.set(id, limit);
}

fn ec(id: u32) -> common::EcPreKey {
    let EcPreKey { id, key } = ec_pre_key(key_id(id));
    common::EcPreKey { key_id: id.get().try_into().unwrap(), public_key: key.as_bytes().to_vec() }
}

fn kem(identity: &IdentityKeyPair, id: u32) -> common::KemSignedPreKey {
    let KemPreKey { id, key, signature } = identity.kem_pre_key(key_id(id));
    let (public_key, signature) = (key.as_bytes().to_vec(), signature.as_bytes().to_vec());
    common::KemSignedPreKey { key_id: id.get().try_into().unwrap(), public_key, signature }
}

fn signed(identity: &IdentityKeyPair, id: u32) -> common::EcSignedPreKey {
    let key = identity.signed_pre_key(key_id(id));
    let (public_key, signature) = (key.key.as_bytes().to_vec(), key.signature.as_bytes().to_vec());
    common::EcSignedPreKey { key_id: key.id.get().try_into().unwrap(), public_key, signature }
}

fn key_id(id: u32) -> KeyId {
    KeyId::new(id.into()).unwrap()
}
