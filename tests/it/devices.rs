//! Further devices over HTTP, rule by rule of the contract (keys-devices §3): the list, link tokens, linking, removal,
//! capabilities.

#![allow(clippy::unwrap_used, reason = "tests")]

mod capabilities;
mod code;
mod fields;
mod list;
mod lost_replies;
mod order;
mod parallel;
mod remove;
mod stored;
mod token;

use std::time::Duration;

use serde_json::Value;
use signet::events::{Event, Happened};
use signet_config::{Config, LimitId};
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::model::Account;
use signet_tests::table::put;
use signet_tests::{Answer, SignalClient, TestRegistry};
use tokio::sync::mpsc::Receiver;

const NUMBER: &str = "+12025550123";
const MS: Duration = Duration::from_millis(1);
const MOST: usize = Account::MOST_DEVICES;

/// One change to a body that is right (`None` removes).
type Change<'a> = (&'a str, Option<Value>);

/// A registry, and an account with one device.
struct Home {
    t: TestRegistry,
    owner: SignalClient,
    aci: AccountId,
}

/// A device, as it signs in.
#[derive(Clone)]
struct Device {
    id: u64,
    user: String,
    password: String,
}

impl Home {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Limits are generous unless changed.
    async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::at(TestRegistry::start_with(|config| {
            for limiter in [LimitId::AllocateDevice, LimitId::VerifyDevice] {
                limit(config, limiter, 10_000);
            }
            change(config);
        }))
        .await
    }

    async fn at(t: TestRegistry) -> Self {
        let (owner, session) = (SignalClient::generate(), t.verified_session(NUMBER).await);
        let answer = t.client.register(NUMBER, &owner.password, &owner.registration(&session)).await.expect(201);
        let aci = answer["uuid"].as_str().unwrap().parse().unwrap();
        Self { t, owner, aci }
    }

    fn primary(&self) -> Device {
        Device { id: 1, user: self.aci.to_string(), password: self.owner.password.clone() }
    }

    async fn ask(&self, method: &str, path: &str, who: &Device) -> Answer {
        self.t.client.send_as(method, path, &who.user, &who.password).await
    }

    /// A token of its own: those of one millisecond are one.
    async fn token(&self) -> String {
        self.t.advance(MS);
        let code = self.ask("GET", "/v1/devices/provisioning/code", &self.primary()).await.expect(200);
        code["verificationCode"].as_str().unwrap().to_owned()
    }

    /// A body that passes every check, with some things changed.
    fn body(&self, token: &str, changes: &[Change<'_>]) -> Value {
        let mut body = self.owner.linking(token);
        changes.iter().for_each(|(pointer, value)| put(&mut body, pointer, value.clone()));
        body
    }

    async fn try_link(&self, token: &str, changes: &[Change<'_>]) -> Answer {
        self.t.client.link("device's password", &self.body(token, changes)).await
    }

    /// The status of a request with these changes.
    async fn status(&self, token: &str, changes: &[Change<'_>]) -> u16 {
        let answer = self.try_link(token, changes).await;
        if answer.status >= 400 && answer.status != 411 {
            assert_eq!(answer.text, "", "refusals have no body");
        }
        answer.status
    }

    async fn link(&self) -> Device {
        self.link_with(&[]).await
    }

    async fn link_with(&self, changes: &[Change<'_>]) -> Device {
        let token = self.token().await;
        let password = token[..20].to_owned();
        let answer = self.t.client.link(&password, &self.body(&token, changes)).await.expect(200);
        let id = answer["deviceId"].as_u64().unwrap();
        Device { id, user: format!("{}.{id}", self.aci), password }
    }

    /// As many devices as there may be; those that were linked.
    async fn fill(&self) -> Vec<Device> {
        let mut linked = Vec::new();
        while self.account().await.devices.len() < MOST {
            linked.push(self.link().await);
        }
        linked
    }

    async fn unlink(&self, by: &Device, id: u64) -> Answer {
        self.ask("DELETE", &format!("/v1/devices/{id}"), by).await
    }

    async fn whoami(&self, who: &Device) -> u16 {
        self.t.client.whoami(&who.user, &who.password).await.status
    }

    async fn account(&self) -> Account {
        self.t.registry.accounts.get(self.aci).await.unwrap().expect("the account is there")
    }

    async fn ids(&self) -> Vec<u8> {
        self.account().await.devices.iter().map(|device| device.id.get()).collect()
    }

    async fn change(&self, change: impl Fn(&mut Account)) {
        let change = |account: &mut Account, _| (change(account), Vec::new());
        self.t.registry.accounts.update("test", self.aci, change).await.unwrap().expect("the account is there");
    }

    fn listen(&self) -> Receiver<Happened> {
        self.t.registry.events.subscribe("test", 1000)
    }
}

/// What was published since the last time this was asked.
fn heard(events: &mut Receiver<Happened>) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).map(|happened| happened.event).collect()
}

fn limit(config: &mut Config, id: LimitId, size: u64) {
    let mut limit = config.limits.get(id);
    limit.size = size;
    config.limits.set(id, limit);
}

fn device(id: u8) -> DeviceId {
    DeviceId::try_from(id).unwrap()
}
