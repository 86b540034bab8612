//! Two nodes behind a plain TCP balancer are restarted in turn while clients work, over sockets, REST and gRPC. No request fails: each
//! is answered once and done once, and whoever has to go elsewhere is told so (architecture, "Stopping").
//!
//! `SIGNET_RESTART_ROUNDS` sets the number of restarts (default 6).

mod balancer;
mod clients;
mod line;
mod toll;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use signet_config::{CacheKind, Config, Secret, StorageTarget};
use signet_storage::{Storage, World};
use signet_tests::Audit;
use signet_tests::http_engine::HttpEngine;
use signet_tests::process::Serving;
use signet_tests::redis::RedisServer;
use tempfile::{TempDir, tempdir};

use crate::tls::authority::{Authority, P256};
use balancer::{Balancer, Balancing, Door};
use clients::{Town, Way};
use line::Version;
use toll::Toll;

/// Answers that have to come between two restarts: without them, nothing is shown.
const BETWEEN: usize = 100;

/// What the nodes share.
struct Pair {
    store: HttpEngine,
    redis: RedisServer,
    authority: Authority,
    flags: Vec<String>,
    data: [TempDir; 2],
}

impl Pair {
    async fn new() -> Self {
        let (store, redis, authority) = (HttpEngine::start().await, RedisServer::start(), Authority::new());
        let [certificate, key] = authority.issue("leaf", P256, 30).map(|path| path.display().to_string());
        let secret = "11".repeat(32);
        let mut settings = vec![
            "storage.target=endpoint".to_owned(),
            format!("storage.endpoint={}", store.url()),
            "cache.kind=redis".to_owned(),
            format!("cache.url={}", redis.url()),
            format!("devices.link_secret={secret}"),
            format!("verification.code_key={secret}"),
            format!("server.certificate={certificate}"),
            format!("server.certificate_key={key}"),
            "server.plain=127.0.0.1:0".to_owned(),
            "log.filter=error".to_owned(),
        ];
        for limit in ["address", "registration_per_address", "prekeys", "wait_for_linked_device", "allocate_device"] {
            settings.push(format!("limits.{limit}.size=1000000"));
        }
        let flags = settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect();
        Self { store, redis, authority, flags, data: [tempdir().unwrap(), tempdir().unwrap()] }
    }

    async fn start(&self, node: usize) -> Serving {
        let (data, flags) = (self.data[node].path().to_owned(), self.flags.clone());
        let start = move || Serving::start(&data, &flags.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    /// What the nodes write to, opened by the test as well.
    async fn storage(&self) -> Storage {
        let mut config = Config::for_testing();
        config.storage.target = StorageTarget::Endpoint;
        config.storage.endpoint = Some(self.store.url());
        config.cache.kind = CacheKind::Redis;
        config.cache.url = Some(Secret::new(self.redis.url()));
        Storage::open(&config, World::real()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it keeps every core busy, and others that look at the clock do not: tests/run runs it by itself"]
async fn a_pair_that_is_restarted_under_load_fails_no_request() {
    restart(Balancing::ByReadiness, Door::Http).await;
}

/// The balancer asks no node whether it is ready, and learns that one is gone from a refused connection. REST goes by the same
/// entrance as sockets: `server.http` closes new connections that it has not begun to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it keeps every core busy, and others that look at the clock do not: tests/run runs it by itself"]
async fn nor_if_the_balancer_knows_nothing() {
    restart(Balancing::Blind, Door::Plain).await;
}

#[allow(clippy::disallowed_methods, reason = "this is about real time")]
async fn restart(balancing: Balancing, rest: Door) {
    let rounds: usize = std::env::var("SIGNET_RESTART_ROUNDS").map_or(6, |text| text.parse().expect("a number"));
    let pair = Pair::new().await;
    let mut nodes = vec![pair.start(0).await, pair.start(1).await];
    let balancer = Balancer::start(nodes.iter().map(balancer::Node::of).collect(), balancing).await;
    let storage = pair.storage().await;
    let toll = Arc::new(Toll::default());
    let town = Arc::new(Town::new(&balancer, rest, &pair.authority.root(), storage.clone(), toll.clone()));
    let ways = [
        (Way::Socket(Door::Plain, Version::One), 5),
        (Way::Socket(Door::Tls, Version::One), 4),
        (Way::Socket(Door::Tls, Version::Two), 4),
        (Way::Rest, 6),
    ];
    let mut working: Vec<_> = ways
        .into_iter()
        .flat_map(|(way, clients)| (0..clients).map(move |_| way))
        .map(|way| tokio::spawn(town.clone().work(way)))
        .collect();
    for way in [Way::Socket(Door::Tls, Version::One), Way::Rest] {
        working.push(tokio::spawn(town.clone().wait(way)));
    }
    (0..2).for_each(|_| working.push(tokio::spawn(town.clone().call())));

    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        toll.goes_on(BETWEEN).await;
        let node = round % 2;
        let started = Instant::now();
        let stopping = nodes.remove(node);
        stopping.signal("TERM");
        let ended = tokio::task::spawn_blocking(move || stopping.wait()).await.unwrap();
        slowest = slowest.max(started.elapsed());
        assert_eq!(ended, Some(0), "round {round}: {toll}");
        nodes.insert(node, pair.start(node).await);
        balancer.put(node, balancer::Node::of(&nodes[node]));
    }
    toll.goes_on(BETWEEN).await;
    town.close();
    join_all(working).await.into_iter().for_each(|client| client.expect("no panic"));

    println!("{balancing:?}: {rounds} restarts, of which none took longer than {slowest:.1?}: {toll}");
    toll.expect_no_failures();
    assert!(toll.farewells() >= rounds * 2, "hardly anybody was sent away: this shows nothing");
    let audit = Audit::of(&storage).await.expect_clean();
    assert_eq!(audit.accounts.len(), toll.registered(), "whoever was told so has an account, and nobody else");
}
