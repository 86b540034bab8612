//! In the background: of several nodes on one Redis one sweeps, and another one goes on when it dies.

use std::sync::Arc;
use std::time::Duration;

use signet::events::Events;
use signet::stopping::Stopping;
use signet::sweep::background::Background;
use signet_config::{CacheKind, SweepKind};
use signet_storage::chance::Chance;
use signet_storage::clock::Clock;
use signet_storage::dynamo::items::{key, number};
use signet_storage::dynamo::tables::Table;
use signet_storage::{AccountsManager, Storage, World};
use signet_tests::audit;
use signet_tests::http_engine::HttpEngine;
use signet_tests::redis::RedisServer;
use tokio::task::JoinHandle;

const LEASE: Duration = Duration::from_millis(900);

/// Two nodes that share nothing but the store and Redis.
struct Nodes {
    config: signet_config::Config,
    storage: Storage,
    redis: RedisServer,
    _engine: HttpEngine,
}

struct Node {
    background: Arc<Background>,
    stopping: Stopping,
    running: JoinHandle<()>,
}

impl Nodes {
    /// With so many tokens that have run out, of which some are swept a second.
    async fn with(tokens: usize, rate: u64) -> Self {
        let (engine, redis) = (HttpEngine::start().await, RedisServer::start());
        let mut config = signet_config::Config::for_testing();
        config.storage.target = signet_config::StorageTarget::Endpoint;
        config.storage.endpoint = Some(engine.url());
        config.cache.kind = CacheKind::Redis;
        config.cache.url = Some(signet_config::Secret::new(redis.url()));
        config.sweep.every = Duration::from_secs(1);
        config.sweep.rate = rate;
        config.sweep.kinds = vec![SweepKind::Tokens];
        let storage = Storage::open(&config, World::real()).await.unwrap();
        let past = storage.clock.now().seconds() - 100;
        let row = |n| {
            let mut row = key("token", format!("token {n}"));
            row.insert("expires".to_owned(), number(past));
            row
        };
        storage.dynamo.put_all(Table::LinkTokens, (0..tokens).map(row).collect()).await.unwrap();
        Self { config, storage, redis, _engine: engine }
    }

    async fn start(&self) -> Node {
        let storage = Storage::open(&self.config, World::real()).await.unwrap();
        let (accounts, keys) = (AccountsManager::new(&storage), signet_keys::KeysManager::new(&storage));
        let events = Events::new(Clock::system());
        let sweeper = signet::sweep::Sweeper::new(&storage, accounts, keys, events, self.config.sweep.clone());
        let stopping = Stopping::default();
        let background = Background::new(sweeper, storage.cache.clone(), Chance::system(), stopping.clone());
        let background = Arc::new(background.holding_for(LEASE));
        let runs = background.clone();
        let running = tokio::spawn(async move { runs.run().await });
        Node { background, stopping, running }
    }

    async fn left(&self) -> usize {
        audit::rows(&self.storage.dynamo, Table::LinkTokens).await.len()
    }

    async fn until(&self, what: &str, done: impl AsyncFn() -> bool) {
        for _ in 0..600 {
            if done().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not within 30 s: {what}; {} are left", self.left().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_sweeps_and_another_goes_on_when_it_dies() {
    let nodes = Nodes::with(400, 40).await;
    let (a, b) = (nodes.start().await, nodes.start().await);
    let pieces = || [&a, &b].map(|node| node.background.pieces());
    nodes.until("somebody begins", async || pieces().iter().sum::<u64>() >= 3).await;
    // For as long as two leases.
    for _ in 0..20 {
        assert!(pieces().contains(&0), "both work: {:?}", pieces());
        tokio::time::sleep(LEASE / 10).await;
    }
    let (working, waiting) = if a.background.pieces() > 0 { (a, b) } else { (b, a) };
    // As if its machine had lost its power: nothing is let go of.
    working.running.abort();
    let _ = working.running.await;
    let left = nodes.left().await;
    assert!(left > 0 && left < 400, "it died in the middle: {left} are left");
    let stopped_at = working.background.pieces();
    nodes.until("the other one goes on", async || waiting.background.pieces() > 0).await;
    nodes.until("all is swept", async || nodes.left().await == 0).await;
    assert_eq!(working.background.pieces(), stopped_at);
    // It went on where the other one was: not many pieces were swept twice.
    let pieces = stopped_at + waiting.background.pieces();
    assert!(pieces <= 45, "{pieces} pieces of ten for 400 rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_hands_over_at_once() {
    let nodes = Nodes::with(300, 40).await;
    let (a, b) = (nodes.start().await, nodes.start().await);
    nodes.until("somebody begins", async || a.background.pieces() + b.background.pieces() >= 2).await;
    let (working, waiting) = if a.background.pieces() > 0 { (a, b) } else { (b, a) };
    working.stopping.begin(Duration::ZERO);
    tokio::time::timeout(Duration::from_secs(5), working.running).await.expect("it stops").unwrap();
    assert_eq!(nodes.redis.ask(&["EXISTS", "sweep:lease"]), "0", "it has let go");
    nodes.until("the other one goes on", async || waiting.background.pieces() > 0).await;
    waiting.stopping.begin(Duration::ZERO);
    tokio::time::timeout(Duration::from_secs(5), waiting.running).await.expect("it stops").unwrap();
    assert!(nodes.left().await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_lease_keeps_it_and_nobody_else_takes_it() {
    let nodes = Nodes::with(0, 40).await;
    let local = signet_storage::Cache::local(Clock::system());
    let redis = nodes.storage.cache.clone();
    for cache in [local, redis] {
        let hold = async |who: &str, millis| cache.hold("a", who, Duration::from_millis(millis)).await.unwrap();
        assert!(hold("me", 10_000).await && hold("me", 10_000).await && !hold("you", 10_000).await);
        cache.let_go("a", "you").await.unwrap();
        assert!(!hold("you", 10_000).await, "it is not theirs to let go");
        cache.let_go("a", "me").await.unwrap();
        assert!(hold("you", 100).await && !hold("me", 100).await);
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(hold("me", 10_000).await, "it has run out");
    }
}

/// Without the cache nobody sweeps: nobody could know that they are alone.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_cache_nobody_sweeps() {
    let mut nodes = Nodes::with(50, 1_000).await;
    nodes.redis.stop();
    let node = nodes.start().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((node.background.pieces(), nodes.left().await), (0, 50));
    nodes.redis.start_again();
    nodes.until("it is swept", async || nodes.left().await == 0).await;
    node.running.abort();
}
