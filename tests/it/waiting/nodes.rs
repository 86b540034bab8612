//! Two nodes that share a Redis: who waits on one hears what was put on the other, and Redis may go meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use signet::provisioning::channel;
use signet_config::{CacheKind, Config, Secret};
use signet_storage::cache::Heard;
use signet_tests::redis::RedisServer;
use signet_tests::{Table, TestRegistry};
use tokio::task::JoinHandle;

use super::{Home, LIMITERS, LINKED, PRIMARY, RESTORE, SOON, limit, over, under_way, wait_for_restore};

fn shared(redis: &RedisServer) -> impl FnOnce(&mut Config) {
    let url = redis.url();
    move |config| {
        config.cache.kind = CacheKind::Redis;
        config.cache.url = Some(Secret::new(url));
        // Both take from the same buckets.
        LIMITERS.into_iter().for_each(|id| limit(config, id, 10_000));
    }
}

async fn becomes(t: &TestRegistry, healthy: bool) {
    for _ in 0..1_000 {
        if t.registry.storage.cache.healthy() == healthy {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("Redis does not become {}", if healthy { "up" } else { "down" });
}

/// The other node. It has a store of its own, which none of this needs.
async fn two(redis: &RedisServer) -> (Home, TestRegistry) {
    let there = TestRegistry::start_with(shared(redis));
    becomes(&there, true).await;
    let here = Home::open_with(shared(redis)).await;
    becomes(&here.t, true).await;
    (here, there)
}

async fn put(t: &TestRegistry, method: &str) -> u16 {
    let body = json!({"method": method}).to_string();
    t.client.send("PUT", RESTORE, &[], body).await.status
}

/// The method that a wait was answered with.
async fn method(wait: JoinHandle<signet_tests::Answer>) -> (u16, Value) {
    let (status, text) = over(wait).await;
    (status, serde_json::from_str::<Value>(&text).unwrap_or_default()["method"].clone())
}

#[tokio::test]
async fn what_is_put_on_one_is_heard_on_the_other() {
    let redis = RedisServer::start();
    let (here, there) = two(&redis).await;
    let wait = wait_for_restore(&there.client, 3600);
    under_way(&there, 1).await;
    assert_eq!(put(&here.t, "DECLINE").await, 204);
    assert_eq!(method(wait).await, (200, json!("DECLINE")));
    assert_eq!(method(wait_for_restore(&there.client, 1)).await, (200, json!("DECLINE")), "late");
    assert_eq!(put(&there, "REMOTE_BACKUP").await, 204);
    assert_eq!(method(wait_for_restore(&here.t.client, 1)).await, (200, json!("REMOTE_BACKUP")), "the last one wins");
    let ttl = redis.ask(&["PTTL", "restore_account::token"]).parse::<i64>().unwrap();
    assert!((3_590_000..=3_600_000).contains(&ttl));
}

#[tokio::test]
async fn of_waiters_on_both_the_latest_is_left() {
    let redis = RedisServer::start();
    let (here, there) = two(&redis).await;
    let first = wait_for_restore(&here.t.client, 3600);
    under_way(&here.t, 1).await;
    let second = wait_for_restore(&there.client, 3600);
    assert_eq!(over(first).await.0, 204);
    under_way(&there, 1).await;
    let third = wait_for_restore(&here.t.client, 3600);
    assert_eq!(over(second).await.0, 204);
    under_way(&here.t, 1).await;
    put(&there, "DECLINE").await;
    assert_eq!(over(third).await.0, 200);

    redis.ask(&["DEL", "restore_account::token"]);
    for round in 0..5 {
        let waits = (0..20).map(|n| wait_for_restore(if n % 2 == 0 { &here.t.client } else { &there.client }, 3600));
        let waits: Vec<_> = waits.collect();
        for _ in 0..1_000 {
            if waits.iter().filter(|wait| wait.is_finished()).count() == 19 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        put(&here.t, "DECLINE").await;
        let mut statuses = Vec::new();
        for wait in waits {
            statuses.push(over(wait).await.0);
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![200], vec![204; 19]].concat(), "round {round}");
        redis.ask(&["DEL", "restore_account::token"]);
    }
}

/// Puts that race with the beginning of a wait: none falls between the look and the listening. They come from Redis itself,
/// in one step, faster than any node could.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_lost_at_the_beginning_of_a_wait() {
    let redis = RedisServer::start();
    let (_, there) = two(&redis).await;
    let put = "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('PUBLISH', 'mailbox::' .. KEYS[1], 'letter')";
    for round in 0..400 {
        let wait = wait_for_restore(&there.client, 3600);
        // tokio's timers know only milliseconds.
        std::thread::sleep(Duration::from_micros(round * 67 % 3_000));
        redis.ask(&["EVAL", put, "1", "restore_account::token", "{\"method\":\"DECLINE\"}"]);
        assert_eq!(method(wait).await, (200, json!("DECLINE")), "round {round}");
        redis.ask(&["DEL", "restore_account::token"]);
    }
}

#[tokio::test]
async fn a_hand_over_reaches_the_node_that_listens() {
    let redis = RedisServer::start();
    let (here, there) = two(&redis).await;
    let path = "/v1/provisioning/AAECAwQFBgcICQoLDA0ODw==";
    let hello = json!({"body": "aGVsbG8="});
    assert_eq!(here.put(PRIMARY, path, &hello).await.status, 404);
    let mut listening = there.registry.storage.cache.subscribe(&channel("AAECAwQFBgcICQoLDA0ODw==")).await.unwrap();
    assert_eq!(here.put(PRIMARY, path, &hello).await.status, 204);
    loop {
        match tokio::time::timeout(SOON, listening.next()).await.expect("something is heard") {
            Heard::Message(message) => break assert_eq!(&message[..], b"hello"),
            Heard::Missed => {}
        }
    }
    drop(listening);
    let mut statuses = Vec::new();
    while statuses.last() != Some(&404) && statuses.len() < 100 {
        statuses.push(here.put(PRIMARY, path, &hello).await.status);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(statuses.last(), Some(&404), "nobody listens any more");
}

/// Both wait through it, and what is put afterwards is heard.
#[tokio::test]
async fn waits_outlast_redis() {
    let mut redis = RedisServer::start();
    let (here, there) = two(&redis).await;
    let restore = wait_for_restore(&there.client, 3600);
    under_way(&there, 1).await;
    let archive = here.begin(LINKED, "/v1/devices/transfer_archive?timeout=3600", 1).await;
    redis.stop();
    becomes(&there, false).await;
    becomes(&here.t, false).await;
    assert!(!restore.is_finished() && !archive.is_finished());
    redis.start_again();
    becomes(&there, true).await;
    becomes(&here.t, true).await;
    // Whether the connection that hears is back by then or not, nothing is lost.
    assert_eq!(put(&here.t, "DECLINE").await, 204);
    assert_eq!(method(restore).await, (200, json!("DECLINE")));
    let body = json!({
        "destinationDeviceId": LINKED,
        "destinationDeviceRegistrationId": super::REGISTRATION_ID,
        "transferArchive": {"cdn": 1, "key": "abcd"},
    });
    assert_eq!(here.put(PRIMARY, "/v1/devices/transfer_archive", &body).await.status, 204);
    assert_eq!(over(archive).await.0, 200);
}

#[tokio::test]
async fn without_redis_nobody_begins_to_wait() {
    let mut redis = RedisServer::start();
    let h = Home::open_with(|config| {
        shared(&redis)(config);
        for id in LIMITERS {
            let mut lenient = config.limits.get(id);
            lenient.on_failure = signet_config::OnFailure::Allow;
            config.limits.set(id, lenient);
        }
    })
    .await;
    redis.stop();
    becomes(&h.t, false).await;
    let mut table = Table::default();
    let archive = json!({
        "destinationDeviceId": 2,
        "destinationDeviceRegistrationId": 1,
        "transferArchive": {"cdn": 1, "key": "abcd"},
    });
    let token = format!("/v1/devices/wait_for_linked_device/{}", "A".repeat(43));
    for (name, answer) in [
        ("a token", h.get(PRIMARY, &token).await),
        ("an archive", h.get(LINKED, "/v1/devices/transfer_archive").await),
        ("an archive, put", h.put(PRIMARY, "/v1/devices/transfer_archive", &archive).await),
        ("a restoration", h.get(PRIMARY, RESTORE).await),
        ("a restoration, put", h.put(PRIMARY, RESTORE, &json!({"method": "DECLINE"})).await),
        ("a hand-over", h.put(PRIMARY, "/v1/provisioning/a", &json!({"body": "aGVsbG8="})).await),
    ] {
        table.row(name, (answer.status, answer.header("retry-after")), (503, Some("1")));
    }
    table.row("nothing is left behind", h.t.registry.storage.cache.subscriptions(), 0);
    table.close();
}
