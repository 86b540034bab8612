//! Letters: what is kept for a while in the place of what was there.

use std::time::Duration;

use bytes::Bytes;
use signet_storage::cache::Cache;
use signet_tests::redis::RedisServer;

use super::{HOUR, connected, manual_clock, on_both, text};

#[tokio::test]
async fn the_last_one_wins_and_versions_are_apart() {
    on_both(async |cache, _| {
        assert_eq!(cache.kept("a").await, Ok(None));
        for value in ["first", "second", "first"] {
            cache.keep("a", text(value), HOUR).await.unwrap();
            assert_eq!(cache.kept("a").await, Ok(Some(text(value))));
        }
        assert_eq!(cache.kept("b").await, Ok(None));
        for value in [vec![], vec![0xff, 0, b'\n'], vec![7; 300_000]] {
            let value = Bytes::from(value);
            cache.keep("b", value.clone(), HOUR).await.unwrap();
            assert_eq!(cache.kept("b").await, Ok(Some(value)));
        }
    })
    .await;
}

#[tokio::test]
async fn they_are_kept_for_their_time() {
    let clock = manual_clock();
    let cache = Cache::local(clock.clock());
    cache.keep("a", text("v"), HOUR).await.unwrap();
    clock.advance(HOUR - Duration::from_millis(1));
    assert_eq!(cache.kept("a").await, Ok(Some(text("v"))));
    clock.advance(Duration::from_millis(1));
    assert_eq!(cache.kept("a").await, Ok(None));

    let server = RedisServer::start();
    let cache = connected(&server, &clock).await;
    cache.keep("long", text("v"), HOUR).await.unwrap();
    cache.keep("short", text("v"), Duration::from_millis(100)).await.unwrap();
    assert!((3_590_000..=3_600_000).contains(&server.ask(&["PTTL", "long"]).parse::<i64>().unwrap()));
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(cache.kept("short").await, Ok(None));
}

/// Anybody can leave letters, so they must not push accounts out of a node's cache.
#[tokio::test]
async fn a_flood_of_letters_pushes_out_letters_only() {
    let cache = Cache::local(manual_clock().clock());
    cache.put_newer("account", 1, text("v"), HOUR).await.unwrap();
    for n in 0..200 {
        cache.keep(&n.to_string(), vec![7; 1024 * 1024].into(), HOUR).await.unwrap();
    }
    assert_eq!(cache.get("account").await, Ok(Some(text("v"))));
    assert!(cache.kept("199").await.unwrap().is_some());
}
