//! The same with two nodes that share nothing but one Redis and one DynamoDB endpoint, in real time and therefore less often.
//! Redis is killed and comes back empty, hangs, or is full for a while, which keeps what it held.

use std::sync::atomic::Ordering;

use proptest::test_runner::{Config as Proptest, TestRunner};
use signet_config::{CacheKind, Secret};
use signet_tests::Engine;
use signet_tests::redis::RedisServer;

use super::super::becomes;
use super::*;

/// Two nodes whose clocks agree.
async fn nodes(engine: &Engine, redis: &RedisServer, clock: &ManualClock) -> Vec<Store> {
    let mut config = engine.config();
    config.cache.kind = CacheKind::Redis;
    config.cache.url = Some(Secret::new(redis.url()));
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let faults = Faults::default();
        let world =
            World { clock: clock.clock(), chance: Chance::system(), faults: Some(faults.clone()), inline: false };
        let storage = Storage::open(&config, world).await.expect("a node");
        becomes(&storage.cache, true).await;
        nodes.push(Store { storage, clock: clock.clone(), faults });
    }
    nodes
}

/// A Redis that can be taken away, and whether it is there.
struct Outages(Mutex<(RedisServer, bool)>);

impl Outages {
    fn suffer(&self, op: Op) {
        let mut guard = self.0.lock().unwrap();
        let (redis, there) = &mut *guard;
        match op {
            Op::Away if *there => redis.stop(),
            Op::Back if !*there => redis.start_again(),
            Op::Hang if *there => drop(redis.ask(&["CLIENT", "PAUSE", "400", "ALL"])),
            Op::Refuse if *there => drop(redis.ask(&["CONFIG", "SET", "maxmemory", "1"])),
            Op::Back => drop(redis.ask(&["CONFIG", "SET", "maxmemory", "0"])),
            _ => return,
        }
        *there = !matches!(op, Op::Away);
    }
}

/// Asks again and again. A Redis that is too slow to answer on a busy machine has failed, too.
async fn watch(town: &Town) {
    loop {
        for node in &town.nodes {
            if node.storage.cache.get("is it there?").await.is_err() {
                town.cache_failed.store(true, Ordering::SeqCst);
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An outage is noticed, and its end, within some 200 ms: those who have one last longer.
fn play_some(outages: bool, cases: u32, span: u64) -> Seen {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (redis, clock) = (RedisServer::start(), ManualClock::starting_at(FUTURE));
    let (engine, nodes) = runtime.block_on(async {
        let engine = Engine::over_http().await;
        let nodes = nodes(&engine, &redis, &clock).await;
        (engine, nodes)
    });
    let (me, redis) = (Registrant::generate(), Outages(Mutex::new((redis, true))));
    let (total, cases_so_far) = (Mutex::new(Seen::default()), Mutex::new(0_u32));
    let config = Proptest { cases, failure_persistence: None, max_shrink_iters: 64, ..Proptest::default() };
    let result = TestRunner::new(config).run(&(weather(&[0], 8), steps(outages, span)), |(weather, steps)| {
        let number = {
            let mut cases = cases_so_far.lock().unwrap();
            *cases += 1;
            format!("+1202555{cases:04}")
        };
        runtime.block_on(async {
            redis.suffer(Op::Back);
            let mut stores = Vec::new();
            for node in &nodes {
                becomes(&node.storage.cache, true).await;
                node.faults.heal();
                stores.push(Store {
                    storage: node.storage.clone(),
                    clock: node.clock.clone(),
                    faults: node.faults.clone(),
                });
            }
            let town = Town::settle(stores, Vec::new(), clock.clone(), me.clone(), &number).await;
            town.disturb(&weather);
            let playing = town.play(&steps, |op| tokio::task::block_in_place(|| redis.suffer(op)));
            tokio::select! {
                result = playing => result?,
                () = watch(&town) => {}
            }
            total.lock().unwrap().add(&town.seen.lock().unwrap());
            Ok(())
        })
    });
    drop((nodes, engine));
    result.unwrap();
    total.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_copy_in_redis_is_believed_for_the_bound_and_not_a_millisecond_longer() {
    let (redis, clock, engine) = (RedisServer::start(), ManualClock::starting_at(FUTURE), Engine::over_http().await);
    let nodes = nodes(&engine, &redis, &clock).await;
    let town = Town::settle(nodes, Vec::new(), clock, Registrant::generate(), NUMBER).await;
    let outages = Outages(Mutex::new((redis, true)));
    the_bound_to_the_millisecond(&town, |op| tokio::task::block_in_place(|| outages.suffer(op))).await;
}

#[test]
fn no_copy_in_redis_is_believed_that_was_superseded_longer_ago_than_the_bound() {
    let seen = play_some(true, 24, 1_000);
    println!("Redis with outages: {seen:?}");
    assert!(seen.believed > 0);
}

#[test]
fn while_redis_answers_no_superseded_copy_is_believed() {
    let seen = play_some(false, 12, 300);
    println!("Redis without outages: {seen:?}");
    assert!(seen.believed > 0);
}
