//! An account that changes its number, rule by rule of the contract (registration §10, §11.7; §16 no. 9, 10, 13, 16, 17).

#![allow(clippy::unwrap_used, reason = "tests")]

mod bodies;
mod displaced;
mod equivalent;
mod lock;
mod lost_replies;
mod order;
mod races;
mod recovery;
mod same;
mod waiting;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use signet::events::{Event, Happened};
use signet_config::{Config, LimitId};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_storage::ids::AccountId;
use signet_storage::model::Account;
use signet_tests::client::basic;
use signet_tests::table::put;
use signet_tests::{Answer, SignalClient, Socket, TestRegistry};
use tokio::sync::mpsc::Receiver;

const PATH: &str = "/v2/accounts/number";
const HERE: &str = "+12025550101";
const THERE: &str = "+12025550102";
/// Two ways to write one line in Benin.
const OLD_FORM: &str = "+22997123456";
const NEW_FORM: &str = "+2290197123456";
const PIN: &str = "27182818";
const WRONG: &str = "31415926";
const LOCK: &str = "/accountAttributes/registrationLock";
const NEW_PASSWORD: &str = "/accountAttributes/recoveryPassword";
const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const COMMIT: &str = "TransactWriteItems";

/// One change to a body that is right (`None` removes).
type Change<'a> = (&'a str, Option<Value>);

/// A registry in which nobody has to wait.
struct Town {
    t: TestRegistry,
}

/// Somebody who has registered, at their primary device.
struct Person {
    me: SignalClient,
    aci: AccountId,
}

/// How a request comes in.
#[derive(Clone, Copy, Debug)]
enum Via {
    Rest,
    Socket,
}

impl Via {
    const ALL: [Self; 2] = [Self::Rest, Self::Socket];
}

impl Town {
    fn open() -> Self {
        Self::open_with(|_| {})
    }

    fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let t = TestRegistry::start_with(|config| {
            config.accounts.change_number_wait = Duration::ZERO;
            for limiter in [LimitId::AllocateDevice, LimitId::VerifyDevice] {
                let mut generous = config.limits.get(limiter);
                generous.size = 10_000;
                config.limits.set(limiter, generous);
            }
            change(config);
        });
        Self { t }
    }

    async fn settle(&self, number: &str) -> Person {
        self.settle_with(number, &[]).await
    }

    async fn settle_with(&self, number: &str, changes: &[Change<'_>]) -> Person {
        let me = SignalClient::generate();
        let answer = self.register(&me, number, changes).await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        Person { me, aci: answer.json()["uuid"].as_str().unwrap().parse().unwrap() }
    }

    async fn register(&self, me: &SignalClient, number: &str, changes: &[Change<'_>]) -> Answer {
        let session = self.t.verified_session(number).await;
        let body = changed(me.registration(&session), changes);
        self.t.client.register(number, &me.password, &body).await
    }

    /// A further device; returns how it signs in.
    async fn link(&self, who: &Person) -> (String, &'static str) {
        self.t.advance(MS);
        let (user, password) = (who.aci.to_string(), &who.me.password);
        let code = self.t.client.send_as("GET", "/v1/devices/provisioning/code", &user, password).await.expect(200);
        let body = who.me.linking(code["verificationCode"].as_str().unwrap());
        let linked = self.t.client.link("a device's password", &body).await.expect(200);
        (format!("{user}.{}", linked["deviceId"]), "a device's password")
    }

    async fn account(&self, who: &Person) -> Account {
        self.stored(who).await.expect("the account is there")
    }

    async fn stored(&self, who: &Person) -> Option<Account> {
        self.t.registry.accounts.get(who.aci).await.unwrap()
    }

    async fn whoami(&self, who: &Person) -> Answer {
        self.t.client.whoami(&who.aci.to_string(), &who.me.password).await
    }

    /// A body that is right: a session proves the number, and every device has its keys and, but for the primary one, a message.
    async fn body(&self, who: &Person, number: &str) -> Value {
        let session = self.t.verified_session(number).await;
        self.body_by(who, number, json!({"sessionId": session})).await
    }

    async fn body_by(&self, who: &Person, number: &str, proof: Value) -> Value {
        let devices: Vec<_> =
            self.account(who).await.devices.iter().map(|d| (d.id.get(), d.registration_id.get())).collect();
        let mut body = number_change(&devices, number);
        body.as_object_mut().unwrap().extend(proof.as_object().unwrap().clone());
        body
    }

    async fn send(&self, via: Via, user: &str, password: &str, body: impl ToString) -> Answer {
        let headers = [("content-type", "application/json"), ("authorization", &basic(user, password))];
        match via {
            Via::Rest => self.t.client.send("PUT", PATH, &headers, body.to_string()).await,
            Via::Socket => {
                let mut socket = Socket::of_device(self.t.plain, user, password).await;
                socket.send("PUT", PATH, &headers[..1], body.to_string()).await
            }
        }
    }

    async fn ask(&self, via: Via, who: &Person, body: &Value) -> Answer {
        self.send(via, &who.aci.to_string(), &who.me.password, body).await
    }

    /// As it should be done.
    async fn moves(&self, who: &Person, number: &str) -> Answer {
        let body = self.body(who, number).await;
        self.ask(Via::Rest, who, &body).await
    }

    fn listen(&self) -> Receiver<Happened> {
        self.t.registry.events.subscribe("test", 1000)
    }
}

fn changed(mut body: Value, changes: &[Change<'_>]) -> Value {
    changes.iter().for_each(|(pointer, value)| put(&mut body, pointer, value.clone()));
    body
}

/// All but the proof, for devices with these ids and registration ids.
fn number_change(devices: &[(u8, u16)], number: &str) -> Value {
    let pni = IdentityKeyPair::generate();
    let (mut signed, mut last_resort, mut ids) = (Map::new(), Map::new(), Map::new());
    for (device, _) in devices {
        let keys = ClientKeys::generate(&pni);
        signed.insert(device.to_string(), json!(keys.signed));
        last_resort.insert(device.to_string(), json!(keys.last_resort));
        ids.insert(device.to_string(), json!(1000 + u16::from(*device)));
    }
    let messages: Vec<_> = devices.iter().filter(|(device, _)| *device != 1).map(|(d, id)| message(*d, *id)).collect();
    json!({
        "number": number,
        "pniIdentityKey": STANDARD.encode(pni.public().serialize()),
        "deviceMessages": messages,
        "devicePniSignedPrekeys": signed,
        "devicePniPqLastResortPrekeys": last_resort,
        "pniRegistrationIds": ids,
    })
}

fn message(device: u8, registration_id: u16) -> Value {
    let content = STANDARD.encode([7; 40]);
    json!({"type": 1, "destinationDeviceId": device, "destinationRegistrationId": registration_id, "content": content})
}

/// What was published since the last time this was asked.
fn heard(events: &mut Receiver<Happened>) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).map(|happened| happened.event).collect()
}
