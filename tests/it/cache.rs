//! The cache: one suite, run against the cache in the process and against a real Redis (contract §8.1 and §12.2).
//!
//! Redis drops what has expired by its own time, so what runs against both uses times to live and periods that are long
//! against a test; what really has to expire in Redis is tested for itself, with short ones.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use bytes::Bytes;
use signet_storage::cache::{Bucket, Cache, Taken};
use signet_storage::clock::{ManualClock, Timestamp};
use signet_tests::redis::RedisServer;

mod by_chance;
mod channels;
mod counters;
mod down;
mod letters;
mod staleness;
mod tallies;
mod windows;

const HOUR: Duration = Duration::from_secs(3_600);
const PIN: Bucket = Bucket { id: "pin", size: 5, per: Duration::from_millis(10_007) };

fn manual_clock() -> ManualClock {
    ManualClock::starting_at(Timestamp::from_millis(1_790_000_000_123))
}

/// A cache on `server` that has found it.
async fn connected(server: &RedisServer, clock: &ManualClock) -> Cache {
    let cache = Cache::redis(&server.url(), clock.clock()).unwrap();
    becomes(&cache, true).await;
    cache
}

async fn becomes(cache: &Cache, healthy: bool) {
    for _ in 0..1_000 {
        if cache.healthy() == healthy {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("healthy stays {}", cache.healthy());
}

async fn on_both(suite: impl AsyncFn(Cache, ManualClock)) {
    let clock = manual_clock();
    eprintln!("in the process");
    suite(Cache::local(clock.clock()), clock).await;

    let (server, clock) = (RedisServer::start(), manual_clock());
    eprintln!("in Redis");
    suite(connected(&server, &clock).await, clock).await;
}

fn refused(periods: u32, bucket: &Bucket) -> Taken {
    Taken::Refused { retry_after: bucket.per * periods }
}

fn text(value: &'static str) -> Bytes {
    Bytes::from_static(value.as_bytes())
}

#[tokio::test]
async fn no_older_version_is_stored_and_the_same_is_renewed() {
    on_both(async |cache, _| {
        assert_eq!(cache.get("a").await, Ok(None));
        assert_eq!(cache.put_newer("a", 7, text("seven"), HOUR).await, Ok(true));
        assert_eq!(cache.put_newer("a", 6, text("six"), HOUR).await, Ok(false));
        assert_eq!(cache.get("a").await, Ok(Some(text("seven"))));
        assert_eq!(cache.put_newer("a", 7, text("seven anew"), HOUR).await, Ok(true));
        assert_eq!(cache.get("a").await, Ok(Some(text("seven anew"))));
        assert_eq!(cache.put_newer("a", 6, text("six"), HOUR).await, Ok(false));
        assert_eq!(cache.put_newer("a", 10, text("ten"), HOUR).await, Ok(true));
        assert_eq!(cache.get("a").await, Ok(Some(text("ten"))));
        assert_eq!(cache.get("b").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn what_was_forgotten_does_not_come_back() {
    on_both(async |cache, _| {
        cache.put_newer("a", 3, text("three"), HOUR).await.unwrap();
        cache.forget("a", 3, HOUR).await.unwrap();
        assert_eq!(cache.get("a").await, Ok(None));
        assert_eq!(cache.put_newer("a", 2, text("slow"), HOUR).await, Ok(false));
        assert_eq!(cache.put_newer("a", 3, text("slow"), HOUR).await, Ok(false));
        cache.forget("a", 1, HOUR).await.unwrap();
        assert_eq!(cache.put_newer("a", 3, text("slow"), HOUR).await, Ok(false), "an older forget opens nothing");
        assert_eq!(cache.put_newer("a", 4, text("four"), HOUR).await, Ok(true));
        cache.forget("a", 3, HOUR).await.unwrap();
        assert_eq!(cache.get("a").await, Ok(Some(text("four"))), "newer than what is to be forgotten");

        cache.forget("never there", 5, HOUR).await.unwrap();
        assert_eq!(cache.put_newer("never there", 5, text("slow"), HOUR).await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn values_of_any_bytes_and_versions_of_any_size_are_kept() {
    on_both(async |cache, _| {
        for (key, value) in [("empty", vec![]), ("binary", (0..=255).collect()), ("large", vec![b'x'; 300_000])] {
            let value = Bytes::from(value);
            assert_eq!(cache.put_newer(key, 0, value.clone(), HOUR).await, Ok(true));
            assert_eq!(cache.get(key).await, Ok(Some(value)));
        }
        // Neighbours that a double cannot tell apart.
        assert_eq!(cache.put_newer("big", u64::MAX - 1, text("first"), HOUR).await, Ok(true));
        assert_eq!(cache.put_newer("big", u64::MAX, text("second"), HOUR).await, Ok(true));
        assert_eq!(cache.put_newer("big", u64::MAX - 1, text("first"), HOUR).await, Ok(false));
        assert_eq!(cache.put_newer("for ever", 1, text("v"), Duration::MAX).await, Ok(true));
        assert_eq!(cache.get("for ever").await, Ok(Some(text("v"))));
    })
    .await;
}

#[tokio::test]
async fn locally_values_and_tombstones_expire_by_our_clock() {
    let clock = manual_clock();
    let cache = Cache::local(clock.clock());
    cache.put_newer("a", 5, text("five"), HOUR).await.unwrap();
    cache.forget("b", 5, HOUR).await.unwrap();
    cache.put_newer("renewed", 5, text("five"), HOUR).await.unwrap();
    clock.advance(HOUR - Duration::from_millis(1));
    assert_eq!(cache.put_newer("renewed", 5, text("five anew"), HOUR).await, Ok(true));
    assert_eq!(cache.get("a").await, Ok(Some(text("five"))));
    assert_eq!(cache.put_newer("b", 5, text("slow"), HOUR).await, Ok(false));
    clock.advance(Duration::from_millis(1));
    assert_eq!(cache.get("a").await, Ok(None));
    assert_eq!(cache.put_newer("a", 1, text("one"), HOUR).await, Ok(true));
    assert_eq!(cache.put_newer("b", 5, text("late"), HOUR).await, Ok(true));
    assert_eq!(cache.get("renewed").await, Ok(Some(text("five anew"))));
}

#[tokio::test]
async fn redis_keeps_values_and_tombstones_for_their_time() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    let millis = |key| server.ask(&["PTTL", key]).parse::<i64>().unwrap();

    cache.put_newer("short", 5, text("five"), Duration::from_millis(150)).await.unwrap();
    cache.forget("gone", 5, Duration::from_millis(150)).await.unwrap();
    cache.put_newer("nothing", 5, text("five"), Duration::ZERO).await.unwrap();
    assert_eq!(cache.get("short").await, Ok(Some(text("five"))));
    tokio::time::sleep(Duration::from_millis(200)).await;
    for key in ["short", "gone", "nothing"] {
        assert_eq!(cache.get(key).await, Ok(None));
        assert_eq!(cache.put_newer(key, 1, text("one"), HOUR).await, Ok(true));
    }
    assert!((3_590_000..=3_600_000).contains(&millis("short")));

    cache.put_newer("renewed", 5, text("five"), HOUR / 60).await.unwrap();
    cache.put_newer("renewed", 5, text("five"), HOUR).await.unwrap();
    assert!(millis("renewed") > 3_590_000);

    cache.forget("tombstone", 5, HOUR).await.unwrap();
    cache.forget("tombstone", 9, HOUR / 60).await.unwrap();
    assert!(millis("tombstone") > 3_590_000, "a later forget does not shorten an earlier one");
    assert_eq!(cache.put_newer("tombstone", 9, text("slow"), HOUR).await, Ok(false));
}

#[tokio::test]
async fn a_bucket_grants_its_size_and_then_one_per_period() {
    on_both(async |cache, clock| {
        for _ in 0..5 {
            assert_eq!(cache.take(&PIN, "k", 1).await, Ok(Taken::Granted));
        }
        assert_eq!(cache.take(&PIN, "k", 1).await, Ok(refused(1, &PIN)));
        assert_eq!(cache.take(&PIN, "k", 3).await, Ok(refused(3, &PIN)));
        assert_eq!(cache.take(&PIN, "other", 1).await, Ok(Taken::Granted));
        assert_eq!(cache.take(&Bucket { id: "other", ..PIN }, "k", 1).await, Ok(Taken::Granted));

        clock.advance(PIN.per - Duration::from_millis(1));
        assert_eq!(cache.take(&PIN, "k", 1).await, Ok(refused(1, &PIN)), "and the time gone by is not lost");
        clock.advance(Duration::from_millis(1));
        assert_eq!(cache.take(&PIN, "k", 2).await, Ok(refused(1, &PIN)), "all or nothing");
        assert_eq!(cache.take(&PIN, "k", 1).await, Ok(Taken::Granted));

        clock.advance(PIN.per * 3 / 2);
        assert_eq!(cache.take(&PIN, "k", 1).await, Ok(Taken::Granted));
        clock.advance(PIN.per / 2 + Duration::from_millis(1));
        assert_eq!(cache.take(&PIN, "k", 1).await, Ok(refused(1, &PIN)), "a take forgets the half that had gone by");
    })
    .await;
}

#[tokio::test]
async fn looking_takes_nothing_and_clearing_fills_up() {
    on_both(async |cache, _| {
        for _ in 0..10 {
            assert_eq!(cache.peek(&PIN, "k", 5).await, Ok(Taken::Granted));
        }
        assert_eq!(cache.peek(&PIN, "k", 7).await, Ok(refused(2, &PIN)));
        assert_eq!(cache.take(&PIN, "k", 4).await, Ok(Taken::Granted));
        assert_eq!(cache.peek(&PIN, "k", 2).await, Ok(refused(1, &PIN)));
        assert_eq!(cache.peek(&PIN, "k", 1).await, Ok(Taken::Granted));
        cache.clear(&PIN, "k").await.unwrap();
        cache.clear(&PIN, "never used").await.unwrap();
        assert_eq!(cache.take(&PIN, "k", 5).await, Ok(Taken::Granted));
    })
    .await;
}

#[tokio::test]
async fn a_changed_limit_holds_from_the_next_call() {
    on_both(async |cache, clock| {
        cache.take(&PIN, "k", 3).await.unwrap();
        let smaller = Bucket { size: 1, ..PIN };
        assert_eq!(cache.peek(&smaller, "k", 2).await, Ok(refused(1, &PIN)));
        let larger = Bucket { size: 50, per: PIN.per * 2, ..PIN };
        assert_eq!(cache.peek(&larger, "k", 3).await, Ok(refused(1, &larger)));
        clock.advance(larger.per);
        assert_eq!(cache.peek(&larger, "k", 3).await, Ok(Taken::Granted));
        assert_eq!(cache.peek(&larger, "k", 4).await, Ok(refused(1, &larger)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_takes_at_once_exactly_five_are_granted() {
    on_both(async |cache, _| {
        let takes: Vec<_> = (0..200)
            .map(|_| {
                let cache = cache.clone();
                tokio::spawn(async move { cache.take(&PIN, "k", 1).await.unwrap() })
            })
            .collect();
        let mut granted = 0;
        for take in takes {
            match take.await.unwrap() {
                Taken::Granted => granted += 1,
                other => assert_eq!(other, refused(1, &PIN)),
            }
        }
        assert_eq!(granted, 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_puts_at_once_the_newest_stays() {
    on_both(async |cache, _| {
        let puts: Vec<_> = (0..200_u64)
            .map(|i| {
                let (cache, version) = (cache.clone(), i * 67 % 200);
                tokio::spawn(async move { cache.put_newer("k", version, Bytes::from(version.to_string()), HOUR).await })
            })
            .collect();
        for put in puts {
            put.await.unwrap().unwrap();
        }
        assert_eq!(cache.get("k").await, Ok(Some(text("199"))));
    })
    .await;
}

#[tokio::test]
async fn redis_keeps_a_bucket_until_it_is_full_and_under_the_agreed_name() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    let name = "leaky_bucket::pin::k";

    cache.peek(&PIN, "k", 1).await.unwrap();
    cache.take(&PIN, "k", 6).await.unwrap();
    cache.take(&PIN, "k", 0).await.unwrap();
    assert_eq!(server.ask(&["EXISTS", name]), "0", "looking, a refusal and a full bucket store nothing");
    cache.take(&PIN, "k", 2).await.unwrap();
    assert_eq!(server.ask(&["HGET", name, "s"]), "3");
    assert_eq!(server.ask(&["HGET", name, "t"]), "1790000000123");
    assert!((19_000..=20_014).contains(&server.ask(&["PTTL", name]).parse::<i64>().unwrap()));
    clock.advance(PIN.per * 2);
    cache.take(&PIN, "k", 0).await.unwrap();
    assert_eq!(server.ask(&["EXISTS", name]), "0", "full again, so not kept");

    let quick = Bucket { id: "quick", size: 2, per: Duration::from_millis(50) };
    cache.take(&quick, "k", 2).await.unwrap();
    assert_eq!(server.ask(&["EXISTS", "leaky_bucket::quick::k"]), "1");
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(server.ask(&["EXISTS", "leaky_bucket::quick::k"]), "0");
    cache.take(&quick, "k", 2).await.unwrap();
    cache.clear(&quick, "k").await.unwrap();
    assert_eq!(server.ask(&["EXISTS", "leaky_bucket::quick::k"]), "0");

    let slow = Bucket { id: "slow", size: 1_000_000, per: Duration::from_secs(7 * 86_400) };
    assert_eq!(cache.take(&slow, "k", 999_999).await, Ok(Taken::Granted));
    assert_eq!(cache.take(&slow, "k", 2).await, Ok(refused(1, &slow)));
}
