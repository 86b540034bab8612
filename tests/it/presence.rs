//! Presence (contract keys-devices §5.6, §6.7): one connection for a device in the whole cluster, and none for dead credentials.
//!
//! Two nodes each time: in this process, sharing its cache, and on a real Redis and one DynamoDB endpoint.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use signet::call::Caller;
use signet::presence::{Over, Presence, Principal};
use signet_config::{CacheKind, Config, Secret};
use signet_storage::cache::Cache;
use signet_storage::chance::Chance;
use signet_storage::clock::{Clock, ManualClock};
use signet_storage::dynamo::faults::Faults;
use signet_storage::ids::DeviceId;
use signet_storage::model::Account;
use signet_storage::{Storage, World};
use signet_tests::engine::FUTURE;
use signet_tests::redis::RedisServer;
use signet_tests::registrant::permit;
use signet_tests::{Engine, Registrant, Store};
use tokio::task::JoinHandle;

mod deaths;
mod elsewhere;
mod many;
mod outages;
mod sockets;

/// What the contract allows for the word to go round.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Where it does not matter how soon.
const NOT_FOR_EVER: Duration = Duration::from_secs(10);
const A_WHILE: Duration = Duration::from_millis(150);
const MS: Duration = Duration::from_millis(1);
/// `cache.stale_at_most` unless a test changes it.
const BOUND: Duration = Duration::from_secs(60);

struct Node {
    store: Store,
    presence: Presence,
}

impl Node {
    fn of(store: Store) -> Self {
        let Storage { cache, chance, .. } = store.storage.clone();
        let presence = Presence::new(cache, store.accounts(), chance);
        Self { store, presence }
    }

    fn cache(&self) -> &Cache {
        &self.store.storage.cache
    }

    async fn open(&self, who: &Principal) -> Socket {
        let mut present = self.presence.arrive(who).await;
        Socket(tokio::spawn(async move { present.over().await }))
    }
}

/// Somebody who waits for a socket's end.
struct Socket(JoinHandle<Over>);

impl Socket {
    async fn ends_within(&mut self, time: Duration) -> Option<Over> {
        tokio::time::timeout(time, &mut self.0).await.ok().map(Result::unwrap)
    }

    async fn ends(&mut self) -> Option<Over> {
        self.ends_within(NOT_FOR_EVER).await
    }

    fn lives(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Town {
    nodes: Vec<Node>,
    clock: ManualClock,
    redis: Option<RedisServer>,
    _engine: Option<Engine>,
}

impl Town {
    async fn in_process() -> Self {
        Self::in_process_with(&Config::for_testing()).await
    }

    async fn in_process_with(config: &Config) -> Self {
        let (clock, faults) = (ManualClock::starting_at(FUTURE), Faults::default());
        let world =
            World { clock: clock.clock(), chance: Chance::system(), faults: Some(faults.clone()), inline: true };
        let storage = Storage::open(config, world).await.expect("an engine in memory");
        let store = || Store { storage: storage.clone(), clock: clock.clone(), faults: faults.clone() };
        let nodes = vec![Node::of(store()), Node::of(store())];
        Self { nodes, clock, redis: None, _engine: None }
    }

    async fn on_redis() -> Self {
        Self::on_redis_with(|_| {}).await
    }

    /// In real time. The clock that tests move stands still and tells nothing here.
    async fn on_redis_with(change: impl Fn(&mut Config)) -> Self {
        let (engine, redis) = (Engine::over_http().await, RedisServer::start());
        let mut config = engine.config();
        config.cache.kind = CacheKind::Redis;
        config.cache.url = Some(Secret::new(redis.url()));
        change(&mut config);
        let (clock, mut nodes) = (ManualClock::starting_at(FUTURE), Vec::new());
        for _ in 0..2 {
            let faults = Faults::default();
            let (time, chance) = (Clock::system(), Chance::system());
            let world = World { clock: time, chance, faults: Some(faults.clone()), inline: false };
            let storage = Storage::open(&config, world).await.expect("a node");
            nodes.push(Node::of(Store { storage, clock: clock.clone(), faults }));
        }
        let town = Self { nodes, clock, redis: Some(redis), _engine: Some(engine) };
        town.becomes(true).await;
        town
    }

    fn node(&self, n: usize) -> &Node {
        &self.nodes[n % self.nodes.len()]
    }

    async fn becomes(&self, healthy: bool) {
        for _ in 0..1_000 {
            if self.nodes.iter().all(|node| node.cache().healthy() == healthy) {
                return;
            }
            tokio::time::sleep(10 * MS).await;
        }
        panic!("Redis does not become {}", if healthy { "up" } else { "down" });
    }

    fn subscriptions(&self) -> usize {
        // In this process both nodes have one cache.
        let caches = if self.redis.is_some() { &self.nodes[..] } else { &self.nodes[..1] };
        caches.iter().map(|node| node.cache().subscriptions()).sum()
    }

    async fn until_nothing_is_left(&self) {
        for _ in 0..500 {
            if self.subscriptions() == 0 {
                return;
            }
            tokio::time::sleep(10 * MS).await;
        }
        panic!("{} subscriptions are left", self.subscriptions());
    }
}

async fn on_both(suite: impl AsyncFn(Town)) {
    eprintln!("in the process");
    suite(Town::in_process().await).await;
    eprintln!("in Redis");
    suite(Town::on_redis().await).await;
}

/// Somebody with an account.
struct Owner {
    me: Registrant,
    number: String,
    account: Account,
}

impl Owner {
    async fn settle(town: &Town, number: &str) -> Self {
        let me = Registrant::generate();
        let account = me.register(&town.nodes[0].store, number).await.expect("nobody has the number");
        Self { me, number: number.to_owned(), account }
    }

    /// With so many linked devices.
    async fn settle_with(town: &Town, number: &str, linked: usize) -> Self {
        let mut owner = Self::settle(town, number).await;
        for _ in 0..linked {
            owner.link(town).await;
        }
        owner
    }

    async fn link(&mut self, town: &Town) -> DeviceId {
        // Tokens of one millisecond are one.
        town.clock.advance(MS);
        tokio::time::sleep(MS).await;
        let store = &town.nodes[0].store;
        let permit = permit(self.account.aci, store.now());
        let linked = self.me.link(store, &permit, &self.account, self.me.further_device()).await.expect("a place");
        self.account = linked.account;
        linked.device
    }

    fn principal(&self, device: u8) -> Principal {
        principal(&self.account, device)
    }

    async fn unlink(&self, node: &Node, device: u8) {
        let (asking, device) = (&self.account.devices[0], id(device));
        let keys = |account: &Account| node.store.keys().writes_for_removed_device(account, device);
        let by = (asking.id, &asking.auth);
        node.store.accounts().remove_device(self.account.aci, by, device, keys).await.expect("it is committed");
    }
}

fn principal(account: &Account, device: u8) -> Principal {
    Principal::of(&Caller { account: Arc::new(account.clone()), device: id(device) }).expect("it has the device")
}

fn id(id: u8) -> DeviceId {
    DeviceId::try_from(id).unwrap()
}
