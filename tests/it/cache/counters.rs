//! Counters with a window.

use std::time::Duration;

use signet_storage::cache::{Cache, Counted};
use signet_tests::redis::RedisServer;

use super::{HOUR, connected, manual_clock, on_both};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_window_begins_with_the_first_addition_and_is_not_extended() {
    on_both(async |cache, clock| {
        assert_eq!(cache.counted("a:k").await, Ok(None));
        assert_eq!(cache.count("a:k", 2, HOUR).await, Ok(Counted { total: 2, ends_in: HOUR }));
        assert_eq!(cache.counted("a:other").await, Ok(None));
        clock.advance(HOUR - MINUTE);
        assert_eq!(cache.count("a:k", 3, HOUR * 2).await, Ok(Counted { total: 5, ends_in: MINUTE }));
        clock.advance(MINUTE - Duration::from_millis(1));
        assert_eq!(cache.counted("a:k").await, Ok(Some(Counted { total: 5, ends_in: Duration::from_millis(1) })));
        clock.advance(Duration::from_millis(1));
        assert_eq!(cache.counted("a:k").await, Ok(None));
        assert_eq!(cache.count("a:k", 1, MINUTE).await, Ok(Counted { total: 1, ends_in: MINUTE }));
        cache.remove("a:k").await.unwrap();
        cache.remove("a:never used").await.unwrap();
        assert_eq!(cache.counted("a:k").await, Ok(None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn additions_at_once_are_all_counted() {
    on_both(async |cache, _| {
        let add = |cache: Cache| async move { cache.count("a:k", 3, HOUR).await.unwrap().total };
        let adding: Vec<_> = (0..200).map(|_| tokio::spawn(add(cache.clone()))).collect();
        let mut totals = Vec::new();
        for added in adding {
            totals.push(added.await.unwrap());
        }
        totals.sort_unstable();
        assert!(totals.into_iter().eq((1..=200).map(|n| n * 3)), "each sees a total of its own");
    })
    .await;
}

#[tokio::test]
async fn redis_keeps_a_counter_for_its_window_and_under_its_own_name() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    let millis = |key| server.ask(&["PTTL", key]).parse::<i64>().unwrap();
    cache.count("reglock:k", 1, HOUR).await.unwrap();
    assert!((3_500_000..=3_600_000).contains(&millis("reglock:k")), "{}", millis("reglock:k"));
    clock.advance(HOUR * 2);
    cache.count("reglock:k", 1, MINUTE).await.unwrap();
    assert!((1_000..=60_000).contains(&millis("reglock:k")), "a new window has a time to live of its own");
    cache.counted("reglock:unused").await.unwrap();
    assert_eq!(server.ask(&["EXISTS", "reglock:unused"]), "0", "looking stores nothing");
    cache.count("reglock:for ever", 1, Duration::MAX).await.unwrap();
    cache.remove("reglock:k").await.unwrap();
    assert_eq!(server.ask(&["EXISTS", "reglock:k"]), "0");
}
