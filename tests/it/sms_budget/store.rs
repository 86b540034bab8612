//! Where the budget is counted: in Redis, over nodes; and what happens without it.

use std::time::Duration;

use futures::future::join_all;
use signet_config::{CacheKind, Config, Limit, LimitId, OnFailure, Secret};
use signet_tests::TestRegistry;
use signet_tests::redis::RedisServer;

use super::{ask, german, prove, refused_by, rotating, sent, start};

async fn node(redis: &RedisServer, change: impl FnOnce(&mut Config)) -> TestRegistry {
    let t = start(|config| {
        config.cache.kind = CacheKind::Redis;
        config.cache.url = Some(Secret::new(redis.url()));
        change(config);
    });
    until(&t, true).await;
    t
}

/// It looks by itself, some times a second.
async fn until(t: &TestRegistry, up: bool) {
    for _ in 0..400 {
        if t.registry.storage.cache.healthy() == up {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the cache does not come to be {}", if up { "up" } else { "down" });
}

#[tokio::test]
async fn nodes_share_one_budget() {
    let redis = RedisServer::start();
    let change = |config: &mut Config| {
        (config.sms.country_hourly, config.sms.daily_cap) = (1_000, Some(15));
    };
    let (one, two) = (node(&redis, change).await, node(&redis, change).await);
    let _ = join_all((0..60).map(|n| {
        let t = if n % 2 == 0 { &one } else { &two };
        async move { ask(t, &rotating(n), &german(n)).await.1 }
    }))
    .await;
    let out = sent(&one, (0..60).map(german)) + sent(&two, (0..60).map(german));
    eprintln!("two nodes, a cap of 15, 60 requests at once: {out} messages");
    assert_eq!(out, 15);
}

#[tokio::test]
async fn in_redis_what_is_verified_moves_over_and_what_is_over_is_dropped() {
    let redis = RedisServer::start();
    let t = node(&redis, |config| (config.sms.country_daily, config.sms.country_hourly) = (2, 2)).await;
    for n in 0..6 {
        prove(&t, "192.0.2.1", &german(n)).await;
    }
    for n in 10..12 {
        ask(&t, "192.0.2.1", &german(n)).await.1.expect(200);
    }
    let wait = refused_by(&ask(&t, "192.0.2.1", &german(12)).await.1, "smsPerCountry");
    t.advance(wait);
    ask(&t, "192.0.2.1", &german(12)).await.1.expect(200);
}

#[tokio::test]
async fn without_redis_production_sends_nothing_and_development_everything() {
    let mut redis = RedisServer::start();
    let strict = node(&redis, |_| {}).await;
    let lenient = node(&redis, |config| {
        config.sms.on_failure = OnFailure::Allow;
        let limit = Limit { on_failure: OnFailure::Allow, ..config.limits.get(LimitId::CodePerNumber) };
        config.limits.set(LimitId::CodePerNumber, limit);
    })
    .await;
    redis.stop();
    until(&strict, false).await;
    until(&lenient, false).await;
    for n in 0..10 {
        let (id, answer) = ask(&strict, "192.0.2.1", &german(n)).await;
        assert_eq!((answer.status, answer.text.as_str()), (503, ""));
        assert_eq!(strict.client.session(&id).await.expect(200)["nextSms"], 0);
        ask(&lenient, "192.0.2.1", &german(n)).await.1.expect(200);
    }
    assert_eq!((sent(&strict, (0..10).map(german)), sent(&lenient, (0..10).map(german))), (0, 10));
}
