//! Numbers that have an account: its lock, its recovery passwords, who takes it over and how it ends (contract registration
//! §3.4, §3.5, §6, §7, §11, §13.3, §14).

#![allow(clippy::unwrap_used, reason = "tests")]

mod again;
mod contention;
mod freeze;
mod lock;
mod lock_rules;
mod look;
mod lost_replies;
mod order;
mod recovery;
mod redis_down;
mod removed;
mod totp;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet::events::{Event, Happened};
use signet_config::{Config, Limit, LimitId, OnFailure};
use signet_keys::CheckedDeviceKeys;
use signet_storage::accounts::Ids;
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::model::Account;
use signet_tests::client::basic;
use signet_tests::table::put;
use signet_tests::{Answer, SignalClient, TestRegistry};
use tokio::sync::mpsc::Receiver;

const NUMBER: &str = "+12025550123";
const PIN: &str = "27182818";
const WRONG: &str = "31415926";
const DAY: Duration = Duration::from_secs(86_400);
const MS: Duration = Duration::from_millis(1);
/// After a wrong lock nobody guesses for so long.
const PAUSE: Duration = Duration::from_secs(300);
const COMMIT: &str = "TransactWriteItems";

const LOCK: &str = "/accountAttributes/registrationLock";
const NEW_PASSWORD: &str = "/accountAttributes/recoveryPassword";

/// A registry, somebody who lives there, and somebody who comes.
struct House {
    t: TestRegistry,
    owner: SignalClient,
    newcomer: SignalClient,
}

/// An account, and a session that proves its number for ten minutes. Registering by it leaves recovery passwords alone.
struct Home {
    number: String,
    aci: AccountId,
    session: String,
}

/// How the newcomer proves to be the owner. All of them are true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Session,
    /// Kind B: the number's recovery password.
    Number,
    /// Kind C: the account's.
    Aci,
}

/// The recovery password that owners set.
fn password() -> Value {
    json!(STANDARD.encode([9; 32]))
}

impl House {
    /// With recovery by ACI.
    fn open() -> Self {
        Self::open_with(|_| {})
    }

    fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let t = TestRegistry::start_with(|config| {
            config.recovery.by_aci = true;
            change(config);
        });
        Self::at(t)
    }

    fn at(t: TestRegistry) -> Self {
        Self { t, owner: SignalClient::generate(), newcomer: SignalClient::generate() }
    }

    /// The owner registers, with this lock and a recovery password.
    async fn settle(&self, number: &str, lock: Option<&str>) -> Home {
        self.settle_with(number, &[(LOCK, lock.map(|lock| json!(lock)))]).await
    }

    async fn settle_with(&self, number: &str, changes: &[(&str, Option<Value>)]) -> Home {
        let session = self.t.verified_session(number).await;
        let mut body = self.owner.registration(&session);
        put(&mut body, NEW_PASSWORD, Some(password()));
        changes.iter().for_each(|(pointer, value)| put(&mut body, pointer, value.clone()));
        let answer = self.t.client.register(number, &self.owner.password, &body).await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        let aci = answer.json()["uuid"].as_str().unwrap().parse().unwrap();
        Home { number: number.to_owned(), aci, session }
    }

    /// A body of the newcomer's that proves the home to be theirs. Tests change one thing of it.
    fn body(&self, home: &Home, by: By, lock: Option<&str>) -> Value {
        let mut body = self.newcomer.registration(&home.session);
        put(&mut body, LOCK, lock.map(|lock| json!(lock)));
        if by != By::Session {
            put(&mut body, "/sessionId", None);
            put(&mut body, "/recoveryPassword", Some(password()));
            put(&mut body, NEW_PASSWORD, Some(password()));
        }
        body
    }

    async fn come(&self, home: &Home, by: By, lock: Option<&str>) -> Answer {
        self.send(home, by, &self.body(home, by, lock)).await
    }

    async fn come_with(&self, home: &Home, by: By, changes: &[(&str, Option<Value>)]) -> Answer {
        let mut body = self.body(home, by, None);
        changes.iter().for_each(|(pointer, value)| put(&mut body, pointer, value.clone()));
        self.send(home, by, &body).await
    }

    async fn send(&self, home: &Home, by: By, body: &Value) -> Answer {
        let aci = home.aci.to_string();
        let user = if by == By::Aci { &aci } else { &home.number };
        self.t.client.register(user, &self.newcomer.password, body).await
    }

    async fn whoami(&self, home: &Home, who: &SignalClient) -> Answer {
        self.t.client.whoami(&home.aci.to_string(), &who.password).await
    }

    async fn remove(&self, home: &Home, who: &SignalClient) -> Answer {
        let authorization = basic(&home.aci.to_string(), &who.password);
        self.t.client.send("DELETE", "/v1/accounts/me", &[("authorization", &authorization)], "").await
    }

    async fn renew_session(&self, home: &mut Home) {
        home.session = self.t.verified_session(&home.number).await;
    }

    async fn account(&self, home: &Home) -> Account {
        self.t.registry.accounts.get(home.aci).await.unwrap().expect("the account is there")
    }

    /// Are the number's and the account's recovery passwords there?
    async fn recovery(&self, home: &Home) -> (bool, bool) {
        let account = self.account(home).await;
        let pni = account.pni.to_string();
        let rows = self.t.rows(Rows::Recovery).await;
        let of_number = rows.iter().any(|row| row["pni"].as_s() == Ok(&pni));
        (of_number, account.recovery_password.is_some())
    }

    async fn change(&self, home: &Home, change: impl Fn(&mut Account)) {
        let change = |account: &mut Account, _| (change(account), Vec::new());
        self.t.registry.accounts.update("test", home.aci, change).await.unwrap().expect("the account is there");
    }

    /// A further device under this very id, with the owner's keys and password, also where nobody would be let in now.
    async fn link(&self, home: &Home, id: DeviceId) {
        let keys = &self.t.registry.keys;
        let (aci_keys, pni_keys) = device_keys(&self.owner);
        let link = |account: &mut Account, _| {
            let mut device = account.devices[0].clone();
            device.id = id;
            let of = (&device).into();
            account.devices.push(device);
            let ids = Ids { aci: account.aci, pni: account.pni };
            ((), keys.writes_for_new_device(ids, id, &of, &aci_keys, &pni_keys))
        };
        self.t.registry.accounts.update("test", home.aci, link).await.unwrap().expect("the account is there");
    }

    fn listen(&self) -> Receiver<Happened> {
        self.t.registry.events.subscribe("test", 1000)
    }
}

fn device_keys(client: &SignalClient) -> (CheckedDeviceKeys, CheckedDeviceKeys) {
    let check = |identity: &signet_keys::signing::IdentityKeyPair, keys: &signet_keys::signing::ClientKeys| {
        let (signed, last_resort) = (keys.signed.clone(), keys.last_resort.clone());
        CheckedDeviceKeys::check(identity.public().clone(), signed, last_resort).expect("our own signatures")
    };
    (check(&client.aci, &client.aci_keys), check(&client.pni, &client.pni_keys))
}

/// What was published since the last time this was asked.
fn heard(events: &mut Receiver<Happened>) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).map(|happened| happened.event).collect()
}

fn limit(config: &mut Config, id: LimitId, size: u64, per: Duration) {
    let limit = Limit { size, per, on_failure: OnFailure::Refuse, ..config.limits.get(id) };
    config.limits.set(id, limit);
}

/// Which limiter refused, and for how many seconds.
#[track_caller]
fn refused_by(answer: &Answer) -> (u16, Option<&str>, Option<&str>) {
    assert_eq!(answer.text, "", "refusals by a limiter have no body");
    (answer.status, answer.header("x-ratelimit-limiter"), answer.header("retry-after"))
}
