//! Sliding logs, and what operators can see of limiters.

use std::time::Duration;

use signet_storage::cache::{Bucket, Like, Standing, Taken, Window};
use signet_tests::redis::RedisServer;

use super::{HOUR, PIN, connected, manual_clock, on_both};

const CODES: Window = Window { id: "codes", size: 3, span: HOUR };

#[tokio::test]
async fn a_log_grants_its_size_in_any_span_and_not_one_more() {
    on_both(async |cache, clock| {
        for _ in 0..3 {
            assert_eq!(cache.take_window(&CODES, "k", 1).await, Ok(Taken::Granted));
            clock.advance(HOUR / 4);
        }
        // A bucket of three an hour would have had two permits flow back by now.
        assert_eq!(cache.take_window(&CODES, "k", 1).await, Ok(Taken::Refused { retry_after: HOUR / 4 }));
        assert_eq!(cache.take_window(&CODES, "other", 1).await, Ok(Taken::Granted));
        assert_eq!(cache.take_window(&Window { id: "other", ..CODES }, "k", 3).await, Ok(Taken::Granted));
        clock.advance(HOUR / 4 - Duration::from_millis(1));
        let standing =
            Standing { left: 0, next_in: Duration::from_millis(1), full_in: HOUR / 2 + Duration::from_millis(1) };
        assert_eq!(cache.look_window(&CODES, "k").await, Ok(standing));
        clock.advance(Duration::from_millis(1));
        assert_eq!(cache.take_window(&CODES, "k", 1).await, Ok(Taken::Granted));
        assert_eq!(cache.take_window(&CODES, "k", 1).await, Ok(Taken::Refused { retry_after: HOUR / 4 }));
        cache.untake_window(&CODES, "k").await.unwrap();
        assert_eq!(cache.take_window(&CODES, "k", 1).await, Ok(Taken::Granted));
        cache.clear_window(&CODES, "k").await.unwrap();
        assert_eq!(
            cache.look_window(&CODES, "k").await,
            Ok(Standing { left: 3, next_in: Duration::ZERO, full_in: Duration::ZERO })
        );
        cache.untake_window(&CODES, "never used").await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_takes_at_once_exactly_three_are_granted() {
    on_both(async |cache, _| {
        let take =
            |cache: signet_storage::cache::Cache| async move { cache.take_window(&CODES, "k", 1).await.unwrap() };
        let takes: Vec<_> = (0..200).map(|_| tokio::spawn(take(cache.clone()))).collect();
        let taken = futures::future::join_all(takes).await;
        let granted = taken.into_iter().filter(|taken| *taken.as_ref().unwrap() == Taken::Granted).count();
        assert_eq!(granted, 3);
    })
    .await;
}

#[tokio::test]
async fn redis_keeps_no_more_of_a_log_than_can_matter() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    let name = "sliding_log::codes::k";
    cache.look_window(&CODES, "k").await.unwrap();
    cache.take_window(&CODES, "k", 0).await.unwrap();
    assert_eq!(server.ask(&["EXISTS", name]), "0", "nothing taken, nothing stored");
    for _ in 0..10 {
        cache.take_window(&CODES, "k", 1).await.unwrap();
        clock.advance(HOUR / 2);
    }
    assert_eq!(server.ask(&["LLEN", name]), "3");
    let millis = server.ask(&["PTTL", name]).parse::<i64>().unwrap();
    assert!((3_600_000..=3_660_000).contains(&millis), "{millis}");
}

#[tokio::test]
async fn operators_see_which_keys_are_in_use() {
    on_both(async |cache, clock| {
        for key in ["+12025550123:192.0.2.1", "+12025550123:2001:db8::", "+12025550199:192.0.2.1"] {
            cache.take(&PIN, key, 1).await.unwrap();
        }
        cache.take(&Bucket { id: "other", ..PIN }, "+12025550123:192.0.2.7", 1).await.unwrap();
        let keys = async |like| cache.keys(&PIN, like).await.unwrap();
        assert_eq!(keys(Like::Begins("+12025550123:")).await, ["+12025550123:192.0.2.1", "+12025550123:2001:db8::"]);
        assert_eq!(keys(Like::Ends(":192.0.2.1")).await, ["+12025550123:192.0.2.1", "+12025550199:192.0.2.1"]);
        assert!(keys(Like::Begins("+44")).await.is_empty());

        let standing = cache.look(&PIN, "+12025550123:192.0.2.1").await.unwrap();
        assert_eq!(standing, Standing { left: 4, next_in: PIN.per, full_in: PIN.per });
        clock.advance(PIN.per / 2);
        cache.take(&PIN, "+12025550123:192.0.2.1", 2).await.unwrap();
        clock.advance(PIN.per / 4);
        let standing = cache.look(&PIN, "+12025550123:192.0.2.1").await.unwrap();
        let quarter = Duration::from_millis(PIN.per.as_millis() as u64 / 4);
        assert_eq!(standing, Standing { left: 2, next_in: PIN.per - quarter, full_in: PIN.per * 3 - quarter });
    })
    .await;
}
