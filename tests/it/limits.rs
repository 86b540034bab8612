//! Limits that several nodes share in Redis, what happens without it, and the shield that each process has for itself.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use signet_config::{CacheKind, Config, Limit, LimitId, OnFailure, Secret};
use signet_tests::process::Serving;
use signet_tests::redis::RedisServer;
use signet_tests::{Answer, Client, SignalClient, TestRegistry};

mod every_refusal;
mod operators;
mod windows;

const NUMBER: &str = "+12025550160";

/// Asks until the registry says this of its cache; it looks by itself, some times a second.
async fn until_cache_is(client: &Client, state: &str) {
    for _ in 0..400 {
        let ready = client.manage("/readyz").await;
        assert_eq!(ready.status, 200, "a registry without its cache is ready all the same: {}", ready.text);
        if ready.json()["cache"] == json!({"kind": "redis", "state": state}) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the cache does not come to be {state}");
}

fn sharing(redis: &RedisServer, config: &mut Config) {
    config.cache.kind = CacheKind::Redis;
    config.cache.url = Some(Secret::new(redis.url()));
}

fn limit(config: &mut Config, id: LimitId, size: u64, on_failure: OnFailure) {
    config.limits.set(id, Limit::bucket(size, Duration::from_secs(30), on_failure));
}

async fn node(redis: &RedisServer, change: impl FnOnce(&mut Config)) -> TestRegistry {
    let t = TestRegistry::start_with(|config| {
        sharing(redis, config);
        change(config);
    });
    until_cache_is(&t.client, "up").await;
    t
}

#[tokio::test]
async fn nodes_that_share_a_redis_share_their_limits() {
    let redis = RedisServer::start();
    let change = |config: &mut Config| limit(config, LimitId::VerificationSession, 3, OnFailure::Refuse);
    let (one, two) = (node(&redis, change).await, node(&redis, change).await);
    for node in [&one, &two, &one] {
        node.client.begin_session(NUMBER).await.expect(200);
    }
    for node in [&one, &two] {
        let refused = node.client.begin_session(NUMBER).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("30")));
        assert_eq!(refused.header("x-ratelimit-limiter"), Some("verificationSession"));
        node.client.begin_session("+12025550161").await.expect(200);
    }
    // Their clocks stand still; it is the clock of the one that asks which counts.
    two.advance(Duration::from_secs(30));
    two.client.begin_session(NUMBER).await.expect(200);
    assert_eq!(one.client.begin_session(NUMBER).await.status, 429);

    let alone = TestRegistry::start_with(change);
    alone.client.begin_session(NUMBER).await.expect(200);
}

#[tokio::test]
async fn without_redis_each_limit_does_as_it_was_told_and_reads_go_on() {
    let mut redis = RedisServer::start();
    let t = node(&redis, |config| {
        limit(config, LimitId::VerificationSession, 1, OnFailure::Allow);
        limit(config, LimitId::Registration, 2, OnFailure::Refuse);
    })
    .await;
    let me = SignalClient::generate();
    let session = t.verified_session(NUMBER).await;
    let registered = t.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(201);
    let aci = registered["uuid"].as_str().expect("an ACI");
    assert_eq!(t.client.begin_session(NUMBER).await.status, 429, "while Redis is there the limit holds");

    redis.stop();
    until_cache_is(&t.client, "down").await;
    for _ in 0..3 {
        t.client.begin_session(NUMBER).await.expect(200);
        let refused = t.client.register(NUMBER, &me.password, &me.registration(&session)).await;
        assert_eq!((refused.status, refused.text.as_str()), (503, ""));
        assert_eq!(t.client.whoami(aci, &me.password).await.expect(200), whoami_of(&registered));
        assert_eq!(t.client.whoami(aci, "wrong").await.status, 401);
    }

    redis.start_again();
    until_cache_is(&t.client, "up").await;
    t.client.begin_session(NUMBER).await.expect(200);
    assert_eq!(t.client.begin_session(NUMBER).await.status, 429, "and the limit holds again");
    t.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(200);
    t.client.whoami(aci, &me.password).await.expect(200);
}

/// What whoami says of an account that registered with the capability `storage`.
fn whoami_of(registered: &serde_json::Value) -> serde_json::Value {
    let mut who = registered.clone();
    who.as_object_mut().expect("an object").retain(|name, _| name != "deviceId" && name != "reregistration");
    who["storageCapable"] = json!(true);
    who
}

/// The gauge belongs to the process, so this one needs a process of its own.
#[tokio::test]
async fn the_gauge_tells_whether_the_cache_is_up() {
    let mut redis = RedisServer::start();
    let data = tempfile::tempdir().expect("a directory");
    let url = format!("cache.url={}", redis.url());
    let serving = Serving::start(data.path(), &["--set", "cache.kind=redis", "--set", &url]);
    let gauge = async |state: &str, value: &str| {
        until_cache_is(&serving.client, state).await;
        let metrics = serving.client.manage("/metrics").await;
        let line = metrics.text.lines().find(|line| line.starts_with("signet_cache_up"));
        assert_eq!(line, Some(format!("signet_cache_up {value}").as_str()));
    };
    gauge("up", "1").await;
    redis.stop();
    gauge("down", "0").await;
    redis.start_again();
    gauge("up", "1").await;
}

#[tokio::test]
async fn a_registry_starts_without_its_redis_and_finds_it_later() {
    let mut redis = RedisServer::start();
    redis.stop();
    let t = TestRegistry::start_with(|config| {
        sharing(&redis, config);
        limit(config, LimitId::VerificationSession, 1, OnFailure::Refuse);
    });
    until_cache_is(&t.client, "down").await;
    assert_eq!(t.client.begin_session(NUMBER).await.status, 503);
    redis.start_again();
    until_cache_is(&t.client, "up").await;
    t.client.begin_session(NUMBER).await.expect(200);
}

/// A permit comes back so late that no test sees it.
fn shielded(config: &mut Config) {
    let limit = Limit::bucket(3, Duration::from_secs(3600), OnFailure::Allow);
    config.limits.set(LimitId::Address, limit);
}

/// A request from a client that the header names, if it is believed.
async fn from(t: &TestRegistry, forwarded_for: &str) -> Answer {
    t.client.send("GET", "/v1/accounts/whoami", &[("x-forwarded-for", forwarded_for)], "").await
}

#[track_caller]
fn assert_shielded(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (429, ""));
    assert_eq!(answer.header("x-ratelimit-limiter"), Some("address"));
    let wait: u64 = answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("whole seconds");
    assert!((1..=3600).contains(&wait), "{wait}");
    assert!(answer.header("x-signal-timestamp").is_some());
}

#[tokio::test]
async fn one_address_has_so_many_requests_on_whatever_route() {
    let t = TestRegistry::start_with(shielded);
    t.client.begin_session(NUMBER).await.expect(200);
    assert_eq!(t.client.whoami("x", "y").await.status, 401);
    // Nobody is trusted, so what the header says changes nothing.
    assert_eq!(from(&t, "192.0.2.1").await.status, 401);
    assert_shielded(&from(&t, "192.0.2.2").await);
    assert_shielded(&t.client.begin_session(NUMBER).await);
    // Operators are not clients.
    assert_eq!(t.client.manage("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_permit_comes_back_and_the_wait_is_at_least_a_second() {
    let t = TestRegistry::start_with(|config| {
        let limit = Limit::bucket(1, Duration::from_secs(1), OnFailure::Allow);
        config.limits.set(LimitId::Address, limit);
    });
    let answers = futures::future::join_all((0..10).map(|_| t.client.whoami("x", "y"))).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(!refused.is_empty() && refused.len() < answers.len());
    assert!(refused.iter().all(|answer| answer.header("retry-after") == Some("1")));
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(t.client.whoami("x", "y").await.status, 401);
}

#[tokio::test]
async fn trusted_proxies_say_whose_request_it_is() {
    let t = TestRegistry::start_with(|config| {
        shielded(config);
        config.server.trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]
            .map(|proxy| proxy.parse().or_else(|_| proxy.parse::<IpAddr>().map(Into::into)).expect("a network"))
            .to_vec();
    });
    // The last address that is not a proxy's counts; whatever stands further left is hearsay.
    for header in ["192.0.2.1", "6.6.6.6, 192.0.2.1", "192.0.2.1, 10.1.2.3"] {
        assert_eq!(from(&t, header).await.status, 401, "{header}");
    }
    assert_shielded(&from(&t, "192.0.2.1").await);
    assert_shielded(&from(&t, "192.0.2.7, 192.0.2.1").await);
    assert_eq!(from(&t, "192.0.2.2").await.status, 401);
    assert_eq!(from(&t, "192.0.2.1, 192.0.2.2").await.status, 401);
    // A /64 of IPv6 is one client.
    for host in 1..=3 {
        assert_eq!(from(&t, &format!("2001:db8::{host}")).await.status, 401);
    }
    assert_shielded(&from(&t, "[2001:db8::ffff:4]").await);
    assert_eq!(from(&t, "2001:db8:0:1::1").await.status, 401);
    // What cannot be read is the proxy's own.
    for _ in 0..3 {
        assert_eq!(from(&t, "rubbish").await.status, 401);
    }
    assert_shielded(&from(&t, "192.0.2.9, rubbish").await);
}

/// A proxy may write a field of its own behind the client's instead of going on in that one; at either door.
#[tokio::test]
async fn of_several_forwarding_fields_the_last_one_is_nearest() {
    let t = TestRegistry::start_with(|config| {
        shielded(config);
        config.server.trusted_proxies = vec![IpAddr::from([127, 0, 0, 1]).into()];
    });
    for (door, honest) in [(&t.client, "192.0.2.1"), (&Client::new(t.plain, t.management), "192.0.2.2")] {
        let ask = async |claimed: &str| {
            let fields = [("x-forwarded-for", claimed), ("x-forwarded-for", honest)];
            door.send("GET", "/v1/accounts/whoami", &fields, "").await
        };
        for claimed in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
            assert_eq!(ask(claimed).await.status, 401);
        }
        assert_shielded(&ask("198.51.100.4").await);
    }
}
