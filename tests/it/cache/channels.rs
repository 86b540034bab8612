//! Channels: who hears what, in which order, from which node, and what is said to those who may have missed something.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use signet_storage::cache::{Cache, CacheDown, Heard, Subscription};
use signet_tests::redis::{RedisCluster, RedisServer};

use super::{becomes, connected, manual_clock, on_both, text};

const SOON: Duration = Duration::from_secs(5);

fn number(n: u64) -> Bytes {
    Bytes::from(n.to_string())
}

async fn next(subscription: &mut Subscription) -> Heard {
    tokio::time::timeout(SOON, subscription.next()).await.expect("something is heard")
}

/// The next message. That something may have been missed is passed over: the connection may be a moment old.
async fn message(subscription: &mut Subscription) -> Bytes {
    loop {
        if let Heard::Message(message) = next(subscription).await {
            return message;
        }
    }
}

async fn hears_nothing(subscription: &mut Subscription) {
    let heard = tokio::time::timeout(Duration::from_millis(100), subscription.next()).await;
    assert!(matches!(heard, Err(_) | Ok(Heard::Missed)), "{heard:?}");
}

/// Publishes until so many hear it: who left is forgotten in the background.
async fn until_heard_by(cache: &Cache, channel: &str, expected: u64) {
    for _ in 0..500 {
        if cache.publish(channel, text("anybody?")).await == Ok(expected) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not heard by {expected}");
}

#[tokio::test]
async fn a_channel_is_heard_in_order_and_no_other_is() {
    on_both(async |cache, _| {
        assert_eq!(cache.publish("test::a", text("too early")).await, Ok(0));
        let mut a = cache.subscribe("test::a").await.unwrap();
        let mut b = cache.subscribe("test::b").await.unwrap();
        for n in 0..500 {
            assert_eq!(cache.publish("test::a", number(n)).await, Ok(1));
            assert_eq!(message(&mut a).await, number(n));
        }
        for n in 0..20 {
            cache.publish("test::a", number(n)).await.unwrap();
        }
        for n in 0..20 {
            assert_eq!(message(&mut a).await, number(n));
        }
        hears_nothing(&mut b).await;
        let odd = Bytes::from(vec![0xff, 0, b'\r', b'\n', 7]);
        for message_of in [Bytes::new(), odd, Bytes::from(vec![9; 200_000])] {
            cache.publish("test::b", message_of.clone()).await.unwrap();
            assert_eq!(message(&mut b).await, message_of);
        }
    })
    .await;
}

#[tokio::test]
async fn all_subscribers_of_a_process_hear_and_one_that_is_dropped_ends_only_itself() {
    on_both(async |cache, _| {
        let mut first = cache.subscribe("test::a").await.unwrap();
        let mut second = cache.subscribe("test::a").await.unwrap();
        assert!(cache.publish("test::a", text("both")).await.unwrap() > 0);
        assert_eq!((message(&mut first).await, message(&mut second).await), (text("both"), text("both")));
        drop(first);
        assert_eq!(cache.publish("test::a", text("one")).await, Ok(1));
        assert_eq!(message(&mut second).await, text("one"));
        assert_eq!(cache.subscriptions(), 1);
        drop(second);
        until_heard_by(&cache, "test::a", 0).await;
        assert_eq!(cache.subscriptions(), 0);
    })
    .await;
}

#[tokio::test]
async fn whoever_does_not_read_is_told_that_something_is_missing() {
    on_both(async |cache, _| {
        let mut slow = cache.subscribe("test::a").await.unwrap();
        // Past what a new connection may have to say of itself.
        cache.publish("test::a", text("begin")).await.unwrap();
        assert_eq!(message(&mut slow).await, text("begin"));
        for n in 0..100 {
            cache.publish("test::a", number(n)).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        for n in 0..32 {
            assert_eq!(next(&mut slow).await, Heard::Message(number(n)));
        }
        assert_eq!(next(&mut slow).await, Heard::Missed);
        cache.publish("test::a", text("again")).await.unwrap();
        assert_eq!(next(&mut slow).await, Heard::Message(text("again")));
    })
    .await;
}

#[tokio::test]
async fn nodes_hear_each_other_from_the_moment_that_subscribe_returns() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let (here, there) = (connected(&server, &clock).await, connected(&server, &clock).await);
    for n in 0..300 {
        let channel = format!("test::{n}");
        let mut heard = there.subscribe(&channel).await.unwrap();
        assert_eq!(here.publish(&channel, number(n)).await, Ok(1), "{n}");
        assert_eq!(message(&mut heard).await, number(n));
    }
    let mut both = [here.subscribe("test::both").await.unwrap(), there.subscribe("test::both").await.unwrap()];
    assert_eq!(here.publish("test::both", text("v")).await, Ok(2));
    for heard in &mut both {
        assert_eq!(message(heard).await, text("v"));
    }
    drop(both);
    until_heard_by(&here, "test::both", 0).await;
}

/// One connection however many there are, and Redis forgets what nobody wants to hear any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_share_a_connection_and_leave_nothing_behind() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    let names: Vec<_> = (0..1_000).map(|n| format!("test::{}", n % 700)).collect();
    for _ in 0..3 {
        let subscriptions = join_all(names.iter().map(|name| cache.subscribe(name))).await;
        let mut subscriptions: Vec<_> = subscriptions.into_iter().map(Result::unwrap).collect();
        for name in &names {
            assert_eq!(cache.publish(name, text("v")).await, Ok(1));
        }
        for subscription in &mut subscriptions {
            assert_eq!(message(subscription).await, text("v"));
        }
        assert_eq!(server.ask(&["CLIENT", "LIST", "TYPE", "pubsub"]).lines().count(), 1);
        // Some come back while others leave.
        subscriptions.truncate(500);
    }
    for _ in 0..500 {
        if server.ask(&["PUBSUB", "CHANNELS"]) == "*0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("Redis still knows of {}", server.ask(&["PUBSUB", "CHANNELS"]));
}

#[tokio::test]
async fn subscriptions_outlive_redis() {
    let (mut server, clock) = (RedisServer::start(), manual_clock());
    let (here, there) = (connected(&server, &clock).await, connected(&server, &clock).await);
    let mut heard = there.subscribe("test::a").await.unwrap();
    here.publish("test::a", text("before")).await.unwrap();
    assert_eq!(message(&mut heard).await, text("before"));

    server.stop();
    becomes(&here, false).await;
    becomes(&there, false).await;
    assert_eq!(here.publish("test::a", text("lost")).await, Err(CacheDown));
    assert_eq!(there.subscribe("test::b").await.unwrap_err(), CacheDown);
    assert_eq!(there.subscriptions(), 1, "what failed is not left behind");

    server.start_again();
    becomes(&here, true).await;
    assert_eq!(next(&mut heard).await, Heard::Missed);
    assert_eq!(here.publish("test::a", text("after")).await, Ok(1));
    assert_eq!(message(&mut heard).await, text("after"));
    becomes(&there, true).await;
    until_subscribed(&there, "test::b").await;
}

async fn until_subscribed(cache: &Cache, channel: &str) {
    for _ in 0..500 {
        if cache.subscribe(channel).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("cannot subscribe");
}

/// Only the connection that hears breaks: calls go on, so nobody would notice but for this.
#[tokio::test]
async fn a_broken_connection_is_mended_and_told() {
    let (server, clock) = (RedisServer::start(), manual_clock());
    let cache = connected(&server, &clock).await;
    let mut heard = cache.subscribe("test::a").await.unwrap();
    for n in 0..3 {
        cache.publish("test::a", number(n)).await.unwrap();
        assert_eq!(message(&mut heard).await, number(n));
        assert_eq!(server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]), "1");
        assert_eq!(next(&mut heard).await, Heard::Missed);
        until_subscribed(&cache, "test::b").await;
    }
    // A first connection and each that followed may say so more than once; then there is peace.
    tokio::time::sleep(Duration::from_millis(500)).await;
    while tokio::time::timeout(Duration::from_millis(100), heard.next()).await.is_ok() {}
    let silent = tokio::time::timeout(Duration::from_millis(2_500), heard.next()).await;
    assert!(silent.is_err(), "nothing is missing, and yet: {silent:?}");
}

/// In a cluster PUBLISH counts those at one node only. All of ours meet at the same one.
#[tokio::test]
async fn a_cluster_counts_those_who_hear_it() {
    let (cluster, clock) = (RedisCluster::start(), manual_clock());
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let cache = Cache::redis(&cluster.url(), clock.clock()).unwrap();
        becomes(&cache, true).await;
        nodes.push(cache);
    }
    for n in 0..60 {
        let channel = format!("test::{n}");
        assert_eq!(nodes[0].publish(&channel, text("nobody")).await, Ok(0), "{n}");
        let mut heard = nodes[1].subscribe(&channel).await.unwrap();
        assert_eq!(nodes[n % 3].publish(&channel, text("one")).await, Ok(1), "{n}");
        assert_eq!(message(&mut heard).await, text("one"));
        let mut other = nodes[2].subscribe(&channel).await.unwrap();
        assert_eq!(nodes[n % 3].publish(&channel, text("two")).await, Ok(2), "{n}");
        assert_eq!((message(&mut heard).await, message(&mut other).await), (text("two"), text("two")));
        nodes[n % 3].keep(&channel, text("kept"), SOON).await.unwrap();
        assert_eq!(nodes[0].kept(&channel).await, Ok(Some(text("kept"))));
    }
}
