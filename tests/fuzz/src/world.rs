//! A registry, and somebody who lives in it: an account with two devices, keys, sessions and tokens.
//!
//! Invariant: each input meets an account with the same devices. After one that ended that, or after many of them, everything is made
//! anew.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use signet::Registry;
use signet::call::{Call, Credentials, Headers, Reply};
use signet::routes::{self, Found};
use signet::verification::sender::CodeSender;
use signet_config::{Config, Limit, LimitId, StorageTarget};
use signet_storage::chance::Chance;
use signet_storage::clock::{ManualClock, Timestamp};
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{AccountId, DeviceId};
use signet_storage::{Storage, World as Outside};
use tokio::runtime::Runtime;

use crate::good;

/// A morning in 2026.
const BEGINNING: Timestamp = Timestamp::from_millis(1_783_929_600_000);
/// Rows that inputs leave behind make each one slower.
const INPUTS: u32 = 2_000;

pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub const NUMBER: &str = "+12025550100";
/// Nobody's.
pub const OTHER_NUMBER: &str = "+12025550101";
pub const PASSWORD: &str = "a password of the primary";
pub const LINKED_PASSWORD: &str = "a password of the linked one";

pub struct World {
    pub runtime: Runtime,
    pub registry: Arc<Registry>,
    pub known: Known,
    devices: Devices,
    inputs: u32,
}

/// Of the account, if it is there.
type Devices = Option<Vec<(DeviceId, SaltedTokenHash)>>;

/// What the somebody knows, as it goes over the wire.
#[derive(Clone, Default)]
pub struct Known {
    pub aci: String,
    pub pni: String,
    /// Of the account's number, and verified; of the other one, and not.
    pub sessions: [String; 2],
    pub link_token: String,
    pub token_identifier: String,
    /// `user:password` for a secure value recovery service.
    pub svr: String,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Runs this in a world that is as it was made, or nearly so.
pub fn with_world(run: impl AsyncFnOnce(&World)) {
    WORLD.with_borrow_mut(|slot| {
        let mut world = slot.take().unwrap_or_else(World::build);
        world.runtime.block_on(run(&world));
        world.inputs += 1;
        if world.inputs < INPUTS && world.is_as_it_was() {
            *slot = Some(world);
        }
    });
}

impl World {
    fn build() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let (registry, known) = runtime.block_on(settle());
        let mut world = Self { runtime, registry, known, devices: None, inputs: 0 };
        world.devices = world.devices_now();
        world
    }

    fn is_as_it_was(&self) -> bool {
        self.devices == self.devices_now()
    }

    fn devices_now(&self) -> Devices {
        let aci: AccountId = self.known.aci.parse().expect("an ACI");
        let account = self.runtime.block_on(self.registry.accounts.get(aci)).expect("a store in memory answers")?;
        Some(account.devices.into_iter().map(|device| (device.id, device.auth)).collect())
    }
}

async fn settle() -> (Arc<Registry>, Known) {
    let clock = ManualClock::starting_at(BEGINNING);
    let outside = Outside { clock: clock.clock(), chance: Chance::seeded(1), faults: None, inline: true };
    let config = config();
    let storage = Storage::open(&config, outside).await.expect("a store in memory");
    let sender = CodeSender::open(&config, &storage.clock, &storage.chance).await.expect("an outbox");
    let registry = Arc::new(Registry::build(&config, storage, sender).unwrap_or_else(|_| panic!("a registry")));
    let mut known = Known::default();
    for (n, number) in [NUMBER, OTHER_NUMBER].into_iter().enumerate() {
        let begun = ask(&registry, "POST", "/v1/verification/session", None, good::session(number)).await;
        known.sessions[n] = text(&begun, "id");
    }
    let path = format!("/v1/verification/session/{}/code", known.sessions[0]);
    ask(&registry, "POST", &path, None, good::code_request()).await;
    let code = registry.outbox.letter(NUMBER).and_then(|letter| letter.code).expect("a code was sent");
    ask(&registry, "PUT", &path, None, serde_json::json!({"code": code.reveal()})).await;
    let me = basic(NUMBER, PASSWORD);
    let made = ask(&registry, "POST", "/v1/registration", Some(&me), good::registration(&known.sessions[0])).await;
    (known.aci, known.pni) = (text(&made, "uuid"), text(&made, "pni"));
    let me = basic(&known.aci, PASSWORD);
    for _ in 0..2 {
        clock.advance(Duration::from_millis(1));
        let token = ask(&registry, "GET", "/v1/devices/provisioning/code", Some(&me), Value::Null).await;
        if known.link_token.is_empty() {
            let body = good::linking(&text(&token, "verificationCode"));
            ask(&registry, "PUT", "/v1/devices/link", Some(&basic("new", LINKED_PASSWORD)), body).await;
        }
        known.link_token = text(&token, "verificationCode");
        known.token_identifier = text(&token, "tokenIdentifier");
    }
    let reply = call(&registry, "PUT", "/v2/keys", &[("authorization", &me)], good::keys(3).to_string().into()).await;
    assert_eq!(reply.status, 204);
    let svr = ask(&registry, "GET", "/v2/svr/auth", Some(&me), Value::Null).await;
    known.svr = format!("{}:{}", text(&svr, "username"), text(&svr, "password"));
    (registry, known)
}

/// A call through the route that this path is of; it must do what it is to do.
async fn ask(registry: &Registry, method: &str, path: &str, authorization: Option<&str>, body: Value) -> Value {
    let authorization = authorization.map(|value| ("authorization", value));
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let reply = call(registry, method, path, authorization.as_slice(), body).await;
    assert!((200..300).contains(&reply.status), "{method} {path}: {}", reply.status);
    reply.body.map_or(Value::Null, |body| serde_json::from_slice(&body).expect("JSON"))
}

pub async fn call(registry: &Registry, method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Reply {
    let Found::Route(route, params) = routes::find(method, path) else { panic!("{method} {path}: no route") };
    let mut fields = Headers::default();
    headers.iter().for_each(|(name, value)| fields.push(name, value));
    let (client, credentials) = (Some(CLIENT), Credentials::InHeaders);
    let call = Call { params, query: Vec::new(), headers: fields, body, client, credentials, caller: None };
    routes::serve(registry, route, call).await
}

pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_else(|| panic!("no {field}")).to_owned()
}

/// What is limited is limited by chance here: a budget that is used up would hide what lies behind it.
fn config() -> Config {
    let mut config = Config::for_testing();
    config.storage.target = StorageTarget::Embedded;
    config.recovery.by_aci = true;
    config.accounts.change_number_wait = Duration::ZERO;
    for id in LimitId::ALL {
        let limit = config.limits.get(*id);
        config.limits.set(*id, Limit { size: 1_000_000, per: Duration::from_millis(1), ..limit });
    }
    config
}
