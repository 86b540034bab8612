//! Sequences of calls chosen by chance, held against small models, with the same answers from both caches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use signet_storage::cache::{Bucket, Cache, Counted, Standing, Taken, Window};
use signet_storage::clock::ManualClock;
use signet_tests::redis::RedisServer;

use super::{HOUR, connected, manual_clock};

/// Runs `test` with a local cache, one in Redis, a key of its own, and values chosen by `strategy`.
fn by_chance<S: Strategy>(
    strategy: S,
    test: impl AsyncFn(&[Cache; 2], &ManualClock, &str, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, clock) = (RedisServer::start(), manual_clock());
    let redis = runtime.block_on(connected(&server, &clock));
    let caches = [Cache::local(clock.clock()), redis];
    let keys = AtomicU64::new(0);
    let config = Config { cases: 128, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&strategy, |value| {
            let key = keys.fetch_add(1, Ordering::Relaxed).to_string();
            runtime.block_on(test(&caches, &clock, &key, value))
        })
        .unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Put { version: u64, ttl: Duration },
    Forget { version: u64, ttl: Duration },
    Wait(Duration),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let version = 0..8_u64;
    let ttl = (1..5_u32).prop_map(|hours| HOUR * hours);
    let step = prop_oneof![
        3 => (version.clone(), ttl.clone()).prop_map(|(version, ttl)| Step::Put { version, ttl }),
        2 => (version, ttl).prop_map(|(version, ttl)| Step::Forget { version, ttl }),
        2 => (0..3_u32).prop_map(|hours| Step::Wait(HOUR * hours)),
    ];
    prop::collection::vec(step, 0..40)
}

/// What is known of one key: a version, the value unless it is a tombstone, and when it ends.
type Known = Option<(u64, Option<Bytes>, Duration)>;

async fn follows_the_model(cache: &Cache, clock: &ManualClock, key: &str, steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut known, mut now): (Known, Duration) = (None, Duration::ZERO);
    for (number, step) in steps.iter().enumerate() {
        match *step {
            Step::Put { version, ttl } => {
                let value = Bytes::from(format!("{number}"));
                // A version that is there is renewed; one that was forgotten stays out.
                let stored = known
                    .as_ref()
                    .is_none_or(|(there, value, _)| version > *there || (version == *there && value.is_some()));
                prop_assert_eq!(cache.put_newer(key, version, value.clone(), ttl).await, Ok(stored));
                if stored {
                    known = Some((version, Some(value), now + ttl));
                }
            }
            Step::Forget { version, ttl } => {
                cache.forget(key, version, ttl).await.unwrap();
                known = match known {
                    Some((there, Some(value), ends)) if there > version => Some((there, Some(value), ends)),
                    Some((there, None, ends)) => Some((there.max(version), None, ends.max(now + ttl))),
                    _ => Some((version, None, now + ttl)),
                };
            }
            Step::Wait(time) => {
                clock.advance(time);
                now += time;
                known = known.filter(|(_, _, ends)| now < *ends);
            }
        }
        let seen = known.as_ref().and_then(|(_, value, _)| value.clone());
        prop_assert_eq!(cache.get(key).await, Ok(seen), "after step {}", number);
    }
    Ok(())
}

#[test]
fn any_order_of_storing_and_forgetting_follows_the_model() {
    by_chance(steps(), async |[local, redis], clock, key, steps| {
        follows_the_model(local, clock, key, &steps).await?;
        // Nobody waits hours for Redis.
        let without_waiting: Vec<_> = steps.into_iter().filter(|step| !matches!(step, Step::Wait(_))).collect();
        follows_the_model(redis, clock, key, &without_waiting).await
    });
}

#[derive(Clone, Debug)]
enum Draw {
    Take(u64),
    Peek(u64),
    Clear,
    /// Whole periods, and milliseconds more or fewer.
    Wait(i64, i64),
}

fn draws() -> impl Strategy<Value = (Bucket, Vec<Draw>)> {
    // 10 015 ms: where multiplying by a rate instead of dividing by the period would be off by one.
    let per = prop::sample::select(vec![10_000, 10_015, 900_000, 86_400_000]).prop_map(Duration::from_millis);
    let bucket = (1..9_u64, per).prop_map(|(size, per)| Bucket { id: "chance", size, per });
    let draw = prop_oneof![
        6 => (0..4_u64).prop_map(Draw::Take),
        2 => (0..10_u64).prop_map(Draw::Peek),
        1 => Just(Draw::Clear),
        4 => (1..4_i64, -1..2_i64).prop_map(|(periods, more)| Draw::Wait(periods, more)),
        2 => (0..10_000_i64).prop_map(|millis| Draw::Wait(0, millis)),
    ];
    (bucket, prop::collection::vec(draw, 0..40))
}

/// Contract §8.1, line by line. `kept` is the hash: tokens and the time of the last take, in ms.
fn reference(bucket: &Bucket, kept: &mut Option<(u64, u64)>, now: u64, amount: u64, take: bool) -> Taken {
    let per = bucket.per.as_millis() as u64;
    let (s, t) = kept.unwrap_or((bucket.size, now));
    let available = bucket.size.min(s + (now - t) / per);
    if available < amount {
        return Taken::Refused { retry_after: Duration::from_millis((amount - available) * per) };
    }
    if take {
        *kept = (available - amount < bucket.size).then_some((available - amount, now));
    }
    Taken::Granted
}

/// How it stands, found by asking the reference about every moment at which a permit comes back.
fn stands(bucket: &Bucket, mut kept: Option<(u64, u64)>, now: u64) -> Standing {
    let (_, t) = kept.unwrap_or((bucket.size, now));
    let per = bucket.per.as_millis() as u64;
    let mut at = |time: u64| {
        let granted = |amount: &u64| reference(bucket, &mut kept, time, *amount, false) == Taken::Granted;
        (1..=bucket.size).rev().find(granted).unwrap_or(0)
    };
    let left = at(now);
    let moments = (0..20 + (now - t) / per).map(|n| t + n * per).filter(|time| *time >= now);
    let wait = |time: Option<u64>| Duration::from_millis(time.map_or(0, |time| time - now));
    let next = moments.clone().find(|time| left < bucket.size && at(*time) > left);
    let next_in = wait(next);
    let mut moments = moments;
    let full_in = wait(moments.find(|time| left < bucket.size && at(*time) == bucket.size));
    Standing { left, next_in, full_in }
}

#[test]
fn any_use_of_a_bucket_follows_the_contract_in_both_caches() {
    by_chance(draws(), async |caches, clock, key, (bucket, draws)| {
        let (mut kept, mut now) = (None, 1_000_000_000_000_u64);
        for draw in draws {
            let (amount, take) = match draw {
                Draw::Wait(periods, more) => {
                    let time = bucket.per.as_millis() as u64 * periods as u64;
                    let time = Duration::from_millis(time.saturating_add_signed(more));
                    clock.advance(time);
                    now += time.as_millis() as u64;
                    continue;
                }
                Draw::Clear => {
                    kept = None;
                    for cache in caches {
                        cache.clear(&bucket, key).await.unwrap();
                    }
                    continue;
                }
                Draw::Take(amount) => (amount, true),
                Draw::Peek(amount) => (amount, false),
            };
            let expected = reference(&bucket, &mut kept, now, amount, take);
            for cache in caches {
                let taken = match take {
                    true => cache.take(&bucket, key, amount).await,
                    false => cache.peek(&bucket, key, amount).await,
                };
                prop_assert_eq!(taken, Ok(expected), "{}: {:?}", cache.kind(), draw);
                let standing = cache.look(&bucket, key).await;
                prop_assert_eq!(standing, Ok(stands(&bucket, kept, now)), "{}: {:?}", cache.kind(), draw);
            }
        }
        Ok(())
    });
}

#[derive(Clone, Debug)]
enum Tally {
    Add { amount: u64, window: Duration },
    Remove,
    Wait(Duration),
}

fn tallies() -> impl Strategy<Value = Vec<Tally>> {
    // Waits that end exactly with a window, and just before and after.
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let step = prop_oneof![
        6 => (0..4_u64, 1..4_u64).prop_map(move |(amount, m)| Tally::Add { amount, window: minutes(m) }),
        1 => Just(Tally::Remove),
        4 => (0..3_u64, -1..2_i64).prop_map(move |(m, more)| {
            Tally::Wait(Duration::from_millis((m * 60_000).saturating_add_signed(more)))
        }),
    ];
    prop::collection::vec(step, 0..40)
}

#[test]
fn any_use_of_a_counter_follows_the_model_in_both_caches() {
    by_chance(tallies(), async |caches, clock, key, steps| {
        let key = format!("tally:{key}");
        // The total, and the time at which its window ends.
        let (mut there, mut now): (Option<(u64, Duration)>, Duration) = (None, Duration::ZERO);
        for step in steps {
            match step {
                Tally::Add { amount, window } => {
                    let (total, ends) = there.unwrap_or((0, now + window));
                    there = Some((total + amount, ends));
                    let expected = Counted { total: total + amount, ends_in: ends - now };
                    for cache in caches {
                        prop_assert_eq!(cache.count(&key, amount, window).await, Ok(expected), "{}", cache.kind());
                    }
                }
                Tally::Remove => {
                    there = None;
                    for cache in caches {
                        cache.remove(&key).await.unwrap();
                    }
                }
                Tally::Wait(time) => {
                    clock.advance(time);
                    now += time;
                    there = there.filter(|(_, ends)| now < *ends);
                }
            }
            let expected = there.map(|(total, ends)| Counted { total, ends_in: ends - now });
            for cache in caches {
                prop_assert_eq!(cache.counted(&key).await, Ok(expected), "{}", cache.kind());
            }
        }
        Ok(())
    });
}

#[derive(Clone, Debug)]
enum Pull {
    Take(u64),
    Untake,
    Clear,
    Wait(u64),
}

fn pulls() -> impl Strategy<Value = (Window, Vec<Pull>)> {
    let window = (1..6_u64).prop_map(|size| Window { id: "chance", size, span: Duration::from_secs(3_600) });
    let pull = prop_oneof![
        8 => (0..3_u64).prop_map(Pull::Take),
        1 => Just(Pull::Take(7)),
        1 => Just(Pull::Untake),
        1 => Just(Pull::Clear),
        4 => prop::sample::select(vec![1, 599_999, 600_000, 1_800_000, 3_599_999, 3_600_000]).prop_map(Pull::Wait),
    ];
    (window, prop::collection::vec(pull, 0..40))
}

/// What is so of all takes there ever were: of a window's permits, when so many of them are free.
fn free_in(window: &Window, takes: &[u64], now: u64, wanted: u64) -> Option<Duration> {
    let span = window.span.as_millis() as u64;
    let free = |time: u64| takes.iter().filter(|take| **take + span > time).count() as u64 + wanted <= window.size;
    let moments = std::iter::once(now).chain(takes.iter().map(|take| take + span).filter(|time| *time > now));
    moments.into_iter().find(|time| free(*time)).map(|time| Duration::from_millis(time - now))
}

#[test]
fn no_span_of_a_window_holds_more_than_its_size_in_both_caches() {
    by_chance(pulls(), async |caches, clock, key, (window, pulls)| {
        let (mut takes, mut now) = (Vec::new(), 1_000_000_000_000_u64);
        for pull in pulls {
            match pull {
                Pull::Take(amount) => {
                    let expected = match free_in(&window, &takes, now, amount) {
                        Some(Duration::ZERO) => Taken::Granted,
                        Some(wait) => Taken::Refused { retry_after: wait },
                        None => Taken::Refused { retry_after: window.span },
                    };
                    if expected == Taken::Granted {
                        takes.extend((0..amount).map(|_| now));
                    }
                    for cache in caches {
                        let taken = cache.take_window(&window, key, amount).await;
                        prop_assert_eq!(taken, Ok(expected), "{}: {:?}", cache.kind(), pull);
                    }
                }
                Pull::Untake => {
                    // Only what still counts is sure to be kept.
                    if free_in(&window, &takes, now, window.size) != Some(Duration::ZERO) {
                        takes.pop();
                        for cache in caches {
                            cache.untake_window(&window, key).await.unwrap();
                        }
                    }
                }
                Pull::Clear => {
                    takes.clear();
                    for cache in caches {
                        cache.clear_window(&window, key).await.unwrap();
                    }
                }
                Pull::Wait(millis) => {
                    clock.advance(Duration::from_millis(millis));
                    now += millis;
                }
            }
            let left = (0..=window.size).rev().find(|n| free_in(&window, &takes, now, *n) == Some(Duration::ZERO));
            let left = left.unwrap_or(0);
            let next_in = if left == window.size { None } else { free_in(&window, &takes, now, left + 1) };
            let full_in = free_in(&window, &takes, now, window.size).unwrap();
            let expected = Standing { left, next_in: next_in.unwrap_or_default(), full_in };
            for cache in caches {
                prop_assert_eq!(cache.look_window(&window, key).await, Ok(expected), "{}: {:?}", cache.kind(), pull);
            }
        }
        Ok(())
    });
}
