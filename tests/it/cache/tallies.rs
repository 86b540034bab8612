//! Tallies: several counters to a key, each with an end of its own, changed and read in one step.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use signet_storage::cache::{Cache, Change, Slot, Tally};
use signet_storage::clock::{Clock, Timestamp};
use signet_tests::redis::RedisServer;

use super::{HOUR, connected, manual_clock, on_both};

fn change(name: &str, ends: Timestamp, amount: i64) -> Change {
    Change { name: name.to_owned(), ends, amount }
}

/// The counters, in an order that both caches agree on.
fn sorted(tally: Tally) -> Vec<(String, Timestamp, u64)> {
    let mut slots: Vec<_> = tally.0.into_iter().map(|Slot { name, ends, amount }| (name, ends, amount)).collect();
    slots.sort_unstable();
    slots
}

#[tokio::test]
async fn each_answer_has_the_changes_in_it_and_what_has_ended_is_gone() {
    on_both(async |cache, clock| {
        let now = clock.clock().now();
        let (soon, later) = (now.plus(HOUR), now.plus(HOUR * 2));
        let tally = cache.tally("k", &[change("a", soon, 2), change("a", later, 3), change("b@b|:", later, 1)]).await;
        let tally = tally.unwrap();
        assert_eq!((tally.sum("a"), tally.sum("b@b|:"), tally.sum("c")), (5, 1, 0));
        assert_eq!(cache.tally("other", &[]).await, Ok(Tally::default()));

        clock.advance(HOUR - Duration::from_millis(1));
        assert_eq!(cache.tally("k", &[]).await.unwrap().sum("a"), 5);
        clock.advance(Duration::from_millis(1));
        assert_eq!(cache.tally("k", &[]).await.unwrap().sum("a"), 3);
        // What has ended can no longer be changed.
        assert_eq!(cache.tally("k", &[change("a", soon, 9)]).await.unwrap().sum("a"), 3);
        cache.remove_tally("k").await.unwrap();
        assert_eq!(cache.tally("k", &[]).await, Ok(Tally::default()));
    })
    .await;
}

#[tokio::test]
async fn what_is_given_back_is_gone_and_no_more_than_was_there() {
    on_both(async |cache, clock| {
        let end = clock.clock().now().plus(HOUR);
        let added = change("a", end, 2);
        cache.tally("k", &[added.clone(), change("b", end, 1)]).await.unwrap();
        assert_eq!(cache.tally("k", &[added.reversed()]).await.unwrap().sum("a"), 0);
        for amount in [-1, -1, 1] {
            cache.tally("k", &[change("a", end, amount)]).await.unwrap();
        }
        assert_eq!(sorted(cache.tally("k", &[]).await.unwrap()), [("a".to_owned(), end, 1), ("b".to_owned(), end, 1)]);
    })
    .await;
}

#[tokio::test]
async fn of_many_at_once_no_two_see_the_same_sum() {
    on_both(async |cache, clock| {
        let one = [change("a", clock.clock().now().plus(HOUR), 1)];
        let tallies = join_all((0..300).map(|_| cache.tally("k", &one))).await;
        let mut sums: Vec<u64> = tallies.into_iter().map(|tally| tally.unwrap().sum("a")).collect();
        sums.sort_unstable();
        assert!(sums.into_iter().eq(1..=300));
    })
    .await;
}

/// Steps by chance, against a plain statement of the rule, with the same answers from both caches.
#[tokio::test]
async fn both_caches_do_as_the_model() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let caches = [Cache::local(clock.clock()), connected(&server, &clock).await];
    let start = clock.clock().now();
    let mut seed = 0x5eed_u64;
    let mut below = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let mut model = BTreeMap::new();
    for step in 0..600 {
        let changes: Vec<Change> = (0..below(4))
            .map(|_| {
                let ends = start.plus(Duration::from_secs(below(12) * 600));
                change(["a", "b", "c"][below(3) as usize], ends, below(7) as i64 - 3)
            })
            .collect();
        let expected = modelled(&mut model, &changes, &clock.clock());
        for cache in &caches {
            assert_eq!(sorted(cache.tally("k", &changes).await.unwrap()), expected, "step {step}: {changes:?}");
        }
        if below(8) == 0 {
            clock.advance(Duration::from_secs(below(120)));
        }
    }
}

fn modelled(
    model: &mut BTreeMap<(String, Timestamp), u64>,
    changes: &[Change],
    clock: &Clock,
) -> Vec<(String, Timestamp, u64)> {
    let now = clock.now();
    for change in changes.iter().filter(|change| now < change.ends) {
        let amount = model.entry((change.name.clone(), change.ends)).or_default();
        *amount = amount.saturating_add_signed(change.amount);
    }
    model.retain(|(_, ends), amount| now < *ends && *amount > 0);
    model.iter().map(|((name, ends), amount)| (name.clone(), *ends, *amount)).collect()
}
