//! How old may a cached account be? Histories by chance: several nodes change, remove, register, read and cache one account at the
//! same time, while time passes, clients hang up, the store loses answers, and the cache comes and goes.
//!
//! What has to hold of every copy that is believed:
//! - it was superseded less than `cache.stale_at_most` ago, and where clocks differ, by so much more;
//! - as long as the cache has answered all along, it was not superseded at all when the read began.

#![allow(clippy::print_stdout, reason = "what was seen is worth reading")]

mod in_redis;
mod town;

use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config as Proptest, TestRunner};
use signet_config::Config;
use signet_storage::chance::Chance;
use signet_storage::clock::{ManualClock, Timestamp};
use signet_storage::dynamo::faults::{Fault, Faults};
use signet_storage::{Storage, World};
use signet_tests::engine::FUTURE;
use signet_tests::{Registrant, Store};

use super::becomes;
use town::{Seen, Town};

/// `cache.stale_at_most` unless it is changed.
const BOUND: Duration = Duration::from_secs(60);
const NUMBER: &str = "+12025550123";

#[derive(Clone, Copy, Debug)]
enum Op {
    Change,
    /// A change whose client is gone after so many ms.
    ChangeAndHangUp(u64),
    Remove,
    /// Takes the account over, or begins it anew.
    Register,
    Read,
    /// Reads the account itself and caches it. Between the two others may do anything.
    Refresh,
    Wait(Duration),
    Away,
    Hang,
    /// Nothing is stored, and what is there stays.
    Refuse,
    Back,
}

/// Steps begin at their times, in ms, and do not wait for each other.
#[derive(Clone, Debug)]
struct Step {
    at: u64,
    node: usize,
    op: Op,
}

/// What is drawn for each case, besides the steps.
#[derive(Clone, Debug)]
struct Weather {
    seed: u64,
    /// Requests to the store take up to so many ms, each way; so many of 100 go wrong.
    latency: u32,
    faults: u32,
    /// In seconds, by which the clock of the last node is ahead.
    skew: i64,
}

fn steps(outages: bool, span: u64) -> impl Strategy<Value = Vec<Step>> {
    let waits = [1, 1_000, 29_000, 30_000, 31_000, 59_000, 59_999, 60_000, 61_000, 3_600_000];
    let weather = if outages {
        vec![Op::Away, Op::Hang, Op::Refuse, Op::Refuse, Op::Back, Op::Back, Op::Back]
    } else {
        vec![Op::Read]
    };
    let op = prop_oneof![
        4 => Just(Op::Change),
        1 => (0..10_u64).prop_map(Op::ChangeAndHangUp),
        1 => Just(Op::Remove),
        2 => Just(Op::Register),
        10 => Just(Op::Read),
        4 => Just(Op::Refresh),
        3 => prop::sample::select(waits.to_vec()).prop_map(|ms| Op::Wait(Duration::from_millis(ms))),
        7 => prop::sample::select(weather),
    ];
    let step = (0..span, 0..2_usize, op).prop_map(|(at, node, op)| Step { at, node, op });
    prop::collection::vec(step, 1..60)
}

/// Two nodes on one cache in this process and one engine, in time that passes at once. The second one's clock is ahead.
async fn in_process(weather: &Weather, me: &Registrant) -> Town {
    let (clock, faults) = (ManualClock::starting_at(FUTURE), Faults::default());
    let world = World {
        clock: clock.clock(),
        chance: Chance::seeded(weather.seed),
        faults: Some(faults.clone()),
        inline: true,
    };
    let storage = Storage::open(&Config::for_testing(), world).await.expect("an engine in memory");
    let ahead = ManualClock::starting_at(Timestamp::from_millis(FUTURE.millis() + weather.skew * 1_000));
    let (mut other, other_clock) = (storage.clone(), ahead.clone());
    other.clock = ahead.clock();
    let nodes = [(storage, clock.clone()), (other, ahead)];
    let nodes = nodes.map(|(storage, clock)| Store { storage, clock, faults: faults.clone() });
    let mut town = Town::settle(nodes.into(), vec![other_clock], clock, me.clone(), NUMBER).await;
    town.skew = Duration::from_secs(weather.skew.unsigned_abs());
    town.disturb(weather);
    town
}

fn weather(skews: &'static [i64], latency: u32) -> impl Strategy<Value = Weather> {
    let faults = prop::sample::select(vec![0, 0, 10, 40]);
    (any::<u64>(), 1..latency, faults, prop::sample::select(skews)).prop_map(|(seed, latency, faults, skew)| Weather {
        seed,
        latency,
        faults,
        skew,
    })
}

/// Plays many histories in this process; says what was seen.
fn play_many(outages: bool, skews: &'static [i64]) -> Seen {
    let me = Registrant::generate();
    let total = Mutex::new(Seen::default());
    let config = Proptest { cases: 256, failure_persistence: None, ..Proptest::default() };
    let result = TestRunner::new(config).run(&(weather(skews, 40), steps(outages, 400)), |(weather, steps)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let town = in_process(&weather, &me).await;
            let cache = town.nodes[0].storage.cache.clone();
            town.play(&steps, |op| cache.set_away(!matches!(op, Op::Back))).await?;
            total.lock().unwrap().add(&town.seen.lock().unwrap());
            Ok(())
        })
    });
    result.unwrap();
    total.into_inner().unwrap()
}

/// A change that the cache did not hear of, told to the millisecond. `outage` takes the cache away and brings it back.
async fn the_bound_to_the_millisecond(town: &Town, outage: impl Fn(Op)) {
    let [here, there] = &town.nodes[..] else { panic!("two nodes") };
    let seen = async |node: &Store| node.accounts().get_cached(town.aci).await.map(|copy| copy.version);
    let wait = |millis| town.wait(Duration::from_millis(millis));
    assert_eq!(seen(there).await, Some(0));
    for _ in 0..2 {
        wait(60_000);
        assert_eq!(seen(there).await, None, "nobody has looked at the account for a minute");
        there.accounts().refresh(town.aci).await.unwrap();
        assert_eq!(seen(here).await, Some(0), "the version that was there is renewed, for everybody");
    }

    outage(Op::Refuse);
    becomes(&here.storage.cache, false).await;
    town.change(here, Op::Change).await;
    outage(Op::Back);
    for node in [here, there] {
        becomes(&node.storage.cache, true).await;
    }
    wait(59_999);
    assert_eq!(seen(there).await, Some(0), "it is not known to be old");
    wait(1);
    assert_eq!(seen(there).await, None);
    assert_eq!(seen(here).await, None);
    there.accounts().refresh(town.aci).await.unwrap();
    assert_eq!((seen(here).await, seen(there).await), (Some(1), Some(1)));
    // What the cache hears of is so at once.
    town.change(here, Op::Change).await;
    assert_eq!((seen(here).await, seen(there).await), (Some(2), Some(2)));
    town.change(there, Op::Remove).await;
    assert_eq!((seen(here).await, seen(there).await), (None, None));
}

#[tokio::test]
async fn an_old_copy_is_believed_for_the_bound_and_not_a_millisecond_longer() {
    let weather = Weather { seed: 1, latency: 0, faults: 0, skew: 0 };
    let town = in_process(&weather, &Registrant::generate()).await;
    let cache = town.nodes[0].storage.cache.clone();
    the_bound_to_the_millisecond(&town, |op| cache.set_away(!matches!(op, Op::Back))).await;
}

/// What was read or written before a change is no news when it arrives after it: it is as old as the question.
#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_cached_as_of_the_time_of_the_question() {
    for (slow, operation, version) in [(Op::Refresh, "GetItem", 0), (Op::Change, "PutItem", 1)] {
        let town = in_process(&Weather { seed: 1, latency: 0, faults: 0, skew: 0 }, &Registrant::generate()).await;
        let [here, there] = &town.nodes[..] else { panic!("two nodes") };
        there.faults.once(operation, Fault::DelayReply(Duration::from_secs(1)));
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            here.storage.cache.set_away(true);
            town.change(here, Op::Change).await;
            town.wait(BOUND - Duration::from_secs(1));
            here.storage.cache.set_away(false);
        };
        tokio::join!(town.change(there, slow), meanwhile);
        let seen = async || here.accounts().get_cached(town.aci).await.map(|copy| copy.version);
        assert_eq!(seen().await, Some(version), "{slow:?}");
        town.wait(Duration::from_secs(1));
        assert_eq!(seen().await, None, "{slow:?}");
    }
}

#[test]
fn no_copy_is_believed_that_was_superseded_longer_ago_than_the_bound() {
    let seen = play_many(true, &[0]);
    println!("with outages: {seen:?}");
    assert!(seen.oldest > Duration::ZERO, "the bound was never needed");
}

#[test]
fn while_the_cache_answers_no_superseded_copy_is_believed() {
    let seen = play_many(false, &[0, 20, -20, 300, -300]);
    println!("without outages, clocks apart: {seen:?}");
    assert_eq!(seen.superseded, 0);
}

#[test]
fn where_clocks_differ_the_bound_is_longer_by_the_difference() {
    let seen = play_many(true, &[20, -20, 59, -59, 300, -300]);
    println!("with outages, clocks apart: {seen:?}");
    assert!(seen.oldest > Duration::ZERO, "the bound was never needed");
}

/// A history that chance found once: of two who remove the account, the second finds it gone, and is told so before the first has
/// told the cache.
#[test]
fn who_is_told_that_it_is_gone_does_not_find_it_in_the_cache() {
    let step = |at, op| Step { at, node: 0, op };
    let changes = [0, 57, 85, 120, 156, 209, 223, 224, 224].map(|at| step(at, Op::Change));
    let removals = [49, 147, 158, 174].map(|at| step(at, Op::Remove));
    let refreshes = [56, 151, 162, 183].map(|at| step(at, Op::Refresh));
    let reads = (0..400).map(|at| step(at, Op::Read));
    let steps: Vec<_> = changes.into_iter().chain(removals).chain(refreshes).chain(reads).collect();
    let me = Registrant::generate();
    for seed in 0..40 {
        let weather = Weather { seed, latency: 37, faults: 0, skew: 0 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let played = runtime.expect("a runtime").block_on(async {
            let town = in_process(&weather, &me).await;
            town.play(&steps, |_| {}).await
        });
        played.unwrap();
    }
}
