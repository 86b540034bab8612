//! The registry of a simulation: a real one, in this process, on the calling task, without sockets and threads. Its time, its
//! chance, its faults and its cache are in our hands.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use signet_config::{Config, Limit, LimitId, StorageTarget, SweepKind};
use signet_storage::clock::{ManualClock, Timestamp};
use signet_storage::dynamo::faults::Faults;
use signet_storage::{Chance, Storage, World};

use super::model::{CACHED, IDLE_ACCOUNT, IDLE_LINKED, IDLE_PRIMARY, KEEPS_NUMBER};
use crate::call::{Call, Credentials, Headers, Method};
use crate::registry::Registry;
use crate::routes::{self, Found};
use crate::sweep::{Plan, Sweeper};
use crate::verification::sender::CodeSender;

/// A morning in 2026.
const BEGINNING: Timestamp = Timestamp::from_millis(1_783_929_600_000 + 9 * 3_600_000);
/// Requests to the store take up to so many ms each way when several are under way.
const LATENCY: u32 = 3;

pub struct Town {
    pub registry: Registry,
    pub clock: ManualClock,
    pub faults: Faults,
    sweeper: Sweeper,
    chance: Chance,
}

/// An answer as a client has it.
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Town {
    pub async fn build(seed: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let clock = ManualClock::starting_at(BEGINNING);
        let (faults, chance) = (Faults::default(), Chance::seeded(seed));
        fastrand::seed(seed);
        let world = World { clock: clock.clock(), chance: chance.clone(), faults: Some(faults.clone()), inline: true };
        let config = config();
        let storage = Storage::open(&config, world).await?;
        let sender = CodeSender::open(&config, &storage.clock, &storage.chance).await?;
        let registry = Registry::build(&config, storage, sender)?;
        let Registry { storage, accounts, keys, events, .. } = &registry;
        let sweeper = Sweeper::new(storage, accounts.clone(), keys.clone(), events.clone(), config.sweep.clone());
        Ok(Self { registry, clock, faults, sweeper, chance })
    }

    pub fn now(&self) -> i64 {
        self.registry.clock.now().millis()
    }

    /// From here on chance depends on this seed alone, so that what was left out before does not change what comes now.
    pub fn begin(&self, seed: u64, percent: u32, crowded: bool) {
        self.chance.reseed(seed);
        fastrand::seed(seed);
        self.faults.heal();
        if percent > 0 {
            self.faults.at_random(Chance::seeded(seed ^ 1), percent);
        }
        if crowded {
            self.faults.latency(Chance::seeded(seed ^ 2), LATENCY);
        }
    }

    /// Everything works again, and whatever was still under way has come to its end.
    pub async fn settle(&self, disturbed: bool) {
        if disturbed {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        self.faults.heal();
    }

    /// A sweep that takes away whatever it may. Says whether it came to its end.
    pub async fn sweep(&self, cut: Option<u32>) -> bool {
        self.registry.sweep().await;
        let plan = Plan { kinds: SweepKind::ALL.to_vec(), apply: true, ends_primaries: true, rate: 0 };
        let walk = async {
            let mut next = plan.begin();
            while let Some(from) = next {
                match self.sweeper.step(&plan, from).await {
                    Ok(piece) => next = piece.next,
                    Err(_) => return false,
                }
            }
            true
        };
        match cut {
            None => walk.await,
            Some(after) => tokio::time::timeout(Duration::from_millis(after.into()), walk).await.unwrap_or(false),
        }
    }

    /// One call through the route that this path is of.
    pub async fn call(&self, method: Method, path: &str, authorization: Option<&str>, body: Option<Value>) -> Reply {
        let authorization = authorization.map(|authorization| ("authorization", authorization));
        self.call_with(method, path, authorization.as_slice(), body).await
    }

    /// The same with any headers.
    pub async fn call_with(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Reply {
        let Found::Route(route, params) = routes::find(method.as_str(), path) else {
            panic!("{} {path} is not in the table", method.as_str());
        };
        let mut fields = Headers::default();
        headers.iter().for_each(|(name, value)| fields.push(name, value));
        let call = Call {
            params,
            query: Vec::new(),
            headers: fields,
            body: body.map_or_else(Bytes::new, |body| body.to_string().into()),
            client: Some([192, 0, 2, 1].into()),
            credentials: Credentials::InHeaders,
            caller: None,
        };
        let reply = routes::serve(&self.registry, route, call).await;
        let body = reply.body.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or(Value::Null);
        Reply { status: reply.status, body }
    }

    /// The code that the sender holds for this number.
    pub fn letter(&self, number: &str) -> Option<u32> {
        self.registry.outbox.letter(number)?.code?.reveal().parse().ok()
    }
}

/// What is limited for other reasons than the simulation's is not limited here.
fn config() -> Config {
    let mut config = Config::for_testing();
    config.storage.target = StorageTarget::Embedded;
    config.recovery.by_aci = true;
    let span = |ms: i64| Duration::from_millis(ms.unsigned_abs());
    config.accounts.change_number_wait = span(KEEPS_NUMBER);
    config.sweep.idle_linked_after = span(IDLE_LINKED);
    config.sweep.idle_primary_after = span(IDLE_PRIMARY);
    config.sweep.idle_account_after = span(IDLE_ACCOUNT);
    config.cache.stale_at_most = Duration::from_millis(CACHED.unsigned_abs());
    for id in LimitId::ALL.iter().filter(|id| **id != LimitId::Pin) {
        let limit = config.limits.get(*id);
        config.limits.set(*id, Limit { size: 1_000_000, per: Duration::from_millis(1), ..limit });
    }
    config
}
