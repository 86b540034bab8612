//! An account's own devices and what they change of it: tokens, lock, attributes, one-time passwords, the report of what is known,
//! and its end (contract registration §6.1, §9, §10.4, §11.8, §14; keys-devices §8.4). Status tables are run over REST and over a
//! socket; gRPC has its own messages and so its own rows.

#![allow(clippy::unwrap_used, reason = "tests")]

mod attributes;
mod end;
mod full;
mod lock;
mod push;
mod report;
mod settings;
mod totp;

use std::time::Duration;

use serde_json::Value;
use signet::grpc::proto::org::signal::chat::account::accounts_anonymous_client::AccountsAnonymousClient;
use signet::grpc::proto::org::signal::chat::account::accounts_client::AccountsClient;
use signet_config::{Config, LimitId};
use signet_storage::chance::Chance;
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::model::{Account, Device};
use signet_tests::client::basic;
use signet_tests::grpc::{Channel, Wire};
use signet_tests::table::put;
use signet_tests::{Answer, SignalClient, Socket, TestRegistry};
use tonic::Request;

const NUMBER: &str = "+12025550123";
const DAY: Duration = Duration::from_secs(86_400);

/// A way in, of those that have the same routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    Rest,
    Socket,
}

const WAYS: [Via; 2] = [Via::Rest, Via::Socket];

/// A registry, and an account with a primary device.
struct Home {
    t: TestRegistry,
    owner: SignalClient,
    aci: AccountId,
}

/// A device as it signs in.
#[derive(Clone, Debug)]
struct Login {
    id: DeviceId,
    user: String,
    password: String,
}

impl Home {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Limits are generous unless changed.
    async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let t = TestRegistry::start_with(|config| {
            for limiter in
                [LimitId::AllocateDevice, LimitId::VerifyDevice, LimitId::CheckTotp, LimitId::SetRegistrationLock]
            {
                limit(config, limiter, 10_000);
            }
            change(config);
        });
        let (owner, session) = (SignalClient::generate(), t.verified_session(NUMBER).await);
        let answer = t.client.register(NUMBER, &owner.password, &owner.registration(&session)).await.expect(201);
        let aci = answer["uuid"].as_str().unwrap().parse().unwrap();
        Self { t, owner, aci }
    }

    fn primary(&self) -> Login {
        Login { id: DeviceId::PRIMARY, user: self.aci.to_string(), password: self.owner.password.clone() }
    }

    async fn link(&self) -> Login {
        self.t.advance(Duration::from_millis(1));
        let code = self.ask(Via::Rest, &self.primary(), "GET", "/v1/devices/provisioning/code", "").await.expect(200);
        let token = code["verificationCode"].as_str().unwrap();
        let password = hex::encode(Chance::system().bytes::<12>());
        let linked = self.t.client.link(&password, &self.owner.linking(token)).await.expect(200);
        let id = u8::try_from(linked["deviceId"].as_u64().unwrap()).unwrap();
        Login { id: DeviceId::try_from(id).unwrap(), user: format!("{}.{id}", self.aci), password }
    }

    async fn ask(&self, via: Via, who: &Login, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.ask_with(via, who, method, path, &[], body).await
    }

    async fn ask_with(
        &self,
        via: Via,
        who: &Login,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        match via {
            Via::Rest => {
                let credentials = basic(&who.user, &who.password);
                let all: Vec<_> = headers.iter().copied().chain([("authorization", credentials.as_str())]).collect();
                self.t.client.send(method, path, &all, body).await
            }
            Via::Socket => {
                let mut socket = Socket::of_device(self.t.plain, &who.user, &who.password).await;
                socket.send(method, path, headers, body).await
            }
        }
    }

    /// The status of a request whose refusal says nothing more.
    async fn status(&self, via: Via, method: &str, path: &str, body: impl Into<Vec<u8>>) -> u16 {
        let answer = self.ask(via, &self.primary(), method, path, body).await;
        let silent = answer.text.is_empty() || [200, 400].contains(&answer.status);
        assert!(silent, "{method} {path}: {answer:?}");
        answer.status
    }

    /// Somebody with the wrong password, by REST: a socket lets nobody in who is not known.
    async fn status_of_nobody(&self, method: &str, path: &str) -> u16 {
        let nobody = Login { password: "wrong".to_owned(), ..self.primary() };
        self.ask(Via::Rest, &nobody, method, path, "{}").await.status
    }

    async fn account(&self) -> Account {
        self.t.registry.accounts.get(self.aci).await.unwrap().expect("the account is there")
    }

    async fn device(&self, who: &Login) -> Device {
        self.account().await.device(who.id).cloned().expect("the device is there")
    }

    async fn change(&self, change: impl Fn(&mut Account)) {
        let change = |account: &mut Account, _| (change(account), Vec::new());
        self.t.registry.accounts.update("test", self.aci, change).await.unwrap().expect("the account is there");
    }

    /// The owner's number registers again: what is changed of the body, and what comes of it.
    async fn register_again(&self, who: &SignalClient, changes: &[(&str, Option<Value>)]) -> Answer {
        let session = self.t.verified_session(NUMBER).await;
        let mut body = who.registration(&session);
        changes.iter().for_each(|(pointer, value)| put(&mut body, pointer, value.clone()));
        self.t.client.register(NUMBER, &who.password, &body).await
    }

    fn wire(&self) -> Wire {
        Wire::to(self.t.plain)
    }

    fn grpc(&self) -> AccountsClient<Channel> {
        let wire = self.wire();
        AccountsClient::with_origin(wire.channel, wire.origin)
    }

    fn grpc_anonymous(&self) -> AccountsAnonymousClient<Channel> {
        let wire = self.wire();
        AccountsAnonymousClient::with_origin(wire.channel, wire.origin)
    }
}

impl Login {
    /// A call by gRPC of this device.
    fn says<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", basic(&self.user, &self.password).parse().unwrap());
        request
    }
}

fn limit(config: &mut Config, id: LimitId, size: u64) {
    let mut limit = config.limits.get(id);
    limit.size = size;
    config.limits.set(id, limit);
}
