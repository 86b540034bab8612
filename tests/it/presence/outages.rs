//! The cache goes, or the store: what is promised holds all the same, later.

#![allow(clippy::print_stdout, reason = "what was seen is worth reading")]

use std::time::{Duration, Instant};

use signet::presence::Over;
use signet_storage::dynamo::faults::Fault;
use tokio::task::JoinSet;

use super::{A_WHILE, AT_ONCE, BOUND, MS, Owner, Socket, Town};

/// Lets time pass at once, for timers and for the clock alike, until the task ends; says how long that took.
async fn time_passes<T: 'static>(town: &Town, mut until: JoinSet<T>) -> (Vec<T>, Duration) {
    let (step, mut passed, mut done) = (Duration::from_millis(50), Duration::ZERO, Vec::new());
    while !until.is_empty() {
        assert!(passed < 10 * BOUND, "nothing happens any more; {} go on", until.len());
        tokio::time::sleep(step).await;
        town.clock.advance(step);
        passed += step;
        while let Some(ended) = until.try_join_next() {
            done.push(ended.unwrap());
        }
    }
    (done, passed)
}

/// The cache is away when credentials die, and comes back with the account as it was: no socket outlives the bound.
#[tokio::test(start_paused = true)]
async fn a_death_the_cache_did_not_hear_of_ends_all_sockets_within_the_bound() {
    for back_after in [None, Some(1), Some(20)] {
        let town = Town::in_process().await;
        let owner = Owner::settle_with(&town, "+12025550100", 1).await;
        let mut ends = JoinSet::new();
        for n in 0..200 {
            let mut present = town.node(n).presence.arrive_beside(&owner.principal(2));
            ends.spawn(async move { present.over().await });
        }
        // They are spread when it happens.
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            town.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(ends.try_join_next().map(Result::unwrap), None, "none ends for nothing");
        town.node(0).cache().set_away(true);
        owner.unlink(town.node(0), 2).await;
        let cache = town.node(0).cache().clone();
        tokio::spawn(async move {
            if let Some(seconds) = back_after {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                cache.set_away(false);
            }
        });
        let (done, last) = time_passes(&town, ends).await;
        println!("back after {back_after:?} s: the last of {} ended after {last:.1?}", done.len());
        assert!(done.iter().all(|over| *over == Over::Invalid) && last < BOUND);
    }
}

/// Nobody who goes on serving requests meanwhile keeps a socket from looking, however long a look takes.
#[tokio::test(start_paused = true)]
async fn a_busy_socket_looks_as_well() {
    let town = Town::in_process().await;
    let owner = Owner::settle_with(&town, "+12025550100", 1).await;
    let mut present = town.node(1).presence.arrive(&owner.principal(2)).await;
    let asked_for_a_moment = async |present: &mut signet::presence::Present| {
        tokio::select! {
            over = present.over() => Some(over),
            () = tokio::time::sleep(MS) => None,
        }
    };
    assert_eq!(asked_for_a_moment(&mut present).await, None);
    town.nodes[0].store.faults.always("GetItem", Fault::DelayReply(Duration::from_millis(400)));
    owner.unlink(town.node(0), 2).await;
    let mut moments = 0;
    while asked_for_a_moment(&mut present).await.is_none() {
        moments += 1;
        assert!(moments < 1_000, "it never gets to its look");
    }
}

/// Without an answer nobody knows that credentials have died, and nothing ends for that; with one, they do.
#[tokio::test(start_paused = true)]
async fn while_the_store_is_gone_nothing_ends() {
    let town = Town::in_process().await;
    let owner = Owner::settle_with(&town, "+12025550100", 1).await;
    let (alive, mut dead) =
        (town.node(0).open(&owner.principal(1)).await, town.node(1).open(&owner.principal(2)).await);
    tokio::time::sleep(A_WHILE).await;
    // Nobody is told.
    town.node(0).cache().set_away(true);
    owner.unlink(town.node(0), 2).await;
    town.nodes[0].store.faults.always("GetItem", Fault::LoseRequest);
    town.node(0).cache().set_away(false);
    for _ in 0..1_000 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        town.clock.advance(Duration::from_secs(1));
    }
    assert!(alive.lives() && dead.lives());
    town.nodes[0].store.faults.heal();
    assert_eq!(dead.ends_within(BOUND).await, Some(Over::Invalid));
    assert!(alive.lives());
}

/// Of two that came while nobody could tell the other, one is left when they can: the later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "this is about real time")]
async fn arrivals_without_redis_are_settled_when_it_is_back() {
    let mut town = Town::on_redis_with(|config| config.cache.stale_at_most = Duration::from_secs(2)).await;
    let owner = Owner::settle_with(&town, "+12025550100", 2).await;
    for round in 0..3 {
        let (mut before, dying) =
            (town.node(round).open(&owner.principal(1)).await, town.node(round).open(&owner.principal(3)).await);
        tokio::time::sleep(A_WHILE).await;
        town.redis.as_mut().unwrap().stop();
        town.becomes(false).await;
        let began = Instant::now();
        let mut earlier = town.node(round + 1).open(&owner.principal(1)).await;
        let mut first = town.node(round).open(&owner.principal(2)).await;
        assert!(began.elapsed() < AT_ONCE, "nobody waits for Redis");
        tokio::time::sleep(10 * MS).await;
        let later = town.node(round).open(&owner.principal(1)).await;
        let second = town.node(round + 1).open(&owner.principal(2)).await;
        tokio::time::sleep(A_WHILE).await;
        assert!([&before, &dying, &earlier, &later, &first, &second].iter().all(|socket| socket.lives()));
        town.redis.as_mut().unwrap().start_again();
        let back = Instant::now();
        // The connection is back after two seconds at most, and then comes the spread. A busy machine takes longer.
        for socket in [&mut before, &mut earlier, &mut first] {
            assert_eq!(socket.ends_within(Duration::from_secs(30)).await, Some(Over::Elsewhere), "round {round}");
        }
        println!("round {round}: settled {:.1?} after Redis was back", back.elapsed());
        town.becomes(true).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(later.lives() && second.lives() && dying.lives(), "round {round}");
        drop([before, dying, earlier, later, first, second]);
        town.until_nothing_is_left().await;
    }
}

/// Two that both were there before and did not hear of each other: the wire was cut when the second one came. Whoever is back
/// first asks; it is the later one that stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_did_not_hear_of_each_other_the_later_one_stays() {
    let town = Town::on_redis_with(|config| config.cache.stale_at_most = Duration::from_secs(2)).await;
    let owner = Owner::settle(&town, "+12025550100").await;
    let redis = town.redis.as_ref().unwrap();
    for round in 0..6 {
        let mut earlier = town.node(round).open(&owner.principal(1)).await;
        tokio::time::sleep(A_WHILE).await;
        // All that listen are cut off; what is said meanwhile is lost on them.
        redis.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        let later = town.node(round + 1).open(&owner.principal(1)).await;
        assert_eq!(earlier.ends_within(Duration::from_secs(8)).await, Some(Over::Elsewhere), "round {round}");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(later.lives(), "round {round}");
    }
    town.until_nothing_is_left().await;
}

/// Redis is gone when the device is unlinked, and stays away, or comes back with nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "this is about real time")]
async fn the_bound_holds_without_redis() {
    const BOUND: Duration = Duration::from_secs(3);
    for comes_back in [false, true] {
        let mut town = Town::on_redis_with(|config| config.cache.stale_at_most = BOUND).await;
        let mut owner = Owner::settle_with(&town, "+12025550100", 1).await;
        let mut sockets: Vec<Socket> = Vec::new();
        for node in 0..20 {
            let mut present = town.node(node).presence.arrive_beside(&owner.principal(2));
            sockets.push(Socket(tokio::spawn(async move { present.over().await })));
        }
        let alive = town.node(1).open(&owner.principal(1)).await;
        tokio::time::sleep(A_WHILE).await;
        town.redis.as_mut().unwrap().stop();
        town.becomes(false).await;
        owner.unlink(town.node(0), 2).await;
        let died = Instant::now();
        if comes_back {
            town.redis.as_mut().unwrap().start_again();
        }
        for socket in &mut sockets {
            assert_eq!(socket.ends_within(BOUND).await, Some(Over::Invalid));
        }
        println!("comes back: {comes_back}; the last socket ended after {:.1?} of {BOUND:?}", died.elapsed());
        assert!(died.elapsed() < BOUND);
        tokio::time::sleep(BOUND).await;
        assert!(alive.lives());
        owner.account = town.nodes[0].store.accounts().get(owner.account.aci).await.unwrap().unwrap();
        drop((sockets, alive));
        town.until_nothing_is_left().await;
    }
}
