//! The later connection wins, whatever the order and the node; exactly one is left of any number (§6.7: 4409).

use futures::future::join_all;
use signet::presence::Over;

use super::{A_WHILE, AT_ONCE, Owner, Socket, on_both};

#[tokio::test]
async fn the_later_one_wins_whatever_the_node() {
    on_both(async |town| {
        let owner = Owner::settle_with(&town, "+12025550100", 1).await;
        let other = Owner::settle(&town, "+12025550101").await;
        let linked = town.node(0).open(&owner.principal(2)).await;
        let others = town.node(1).open(&other.principal(1)).await;
        let mut beside = town.node(1).presence.arrive_beside(&owner.principal(1));
        let beside = Socket(tokio::spawn(async move { beside.over().await }));
        let mut last = town.node(0).open(&owner.principal(1)).await;
        for node in [0, 1, 1, 0, 1, 0, 0] {
            let later = town.node(node).open(&owner.principal(1)).await;
            assert_eq!(last.ends().await, Some(Over::Elsewhere), "the earlier one");
            last = later;
        }
        tokio::time::sleep(A_WHILE).await;
        assert!(last.lives() && linked.lives() && others.lives() && beside.lives());
        assert_eq!(town.subscriptions(), 4);
        drop([last, linked, others, beside]);
        town.until_nothing_is_left().await;
    })
    .await;
}

/// Whoever is told is told at once, also if nobody asks a socket for a while.
#[tokio::test]
async fn the_end_is_there_when_it_is_asked_for() {
    on_both(async |town| {
        let owner = Owner::settle(&town, "+12025550100").await;
        let mut first = town.node(0).presence.arrive(&owner.principal(1)).await;
        let mut second = town.node(1).presence.arrive(&owner.principal(1)).await;
        tokio::time::sleep(A_WHILE).await;
        for _ in 0..3 {
            tokio::select! {
                over = first.over() => assert_eq!(over, Over::Elsewhere),
                over = second.over() => panic!("the second one is {over:?}"),
                () = tokio::time::sleep(AT_ONCE) => panic!("there is no end"),
            }
        }
        assert!(tokio::time::timeout(A_WHILE, second.over()).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_at_once_exactly_one_is_left() {
    on_both(async |town| {
        let owner = Owner::settle_with(&town, "+12025550100", 1).await;
        let linked = town.node(1).open(&owner.principal(2)).await;
        let mut last: Option<Socket> = None;
        for round in 0..10 {
            let who = owner.principal(1);
            let arriving = join_all((0..50).map(|n| town.node(n + round).open(&who))).await;
            let mut sockets: Vec<Socket> = last.take().into_iter().chain(arriving).collect();
            for _ in 0..200 {
                if sockets.iter().filter(|socket| socket.lives()).count() == 1 {
                    break;
                }
                tokio::time::sleep(A_WHILE / 10).await;
            }
            tokio::time::sleep(A_WHILE).await;
            let (living, ended): (Vec<_>, Vec<_>) = sockets.drain(..).partition(Socket::lives);
            assert_eq!(living.len(), 1, "round {round}");
            for mut socket in ended {
                assert_eq!(socket.ends().await, Some(Over::Elsewhere));
            }
            last = living.into_iter().next();
        }
        assert!(linked.lives());
        drop((last, linked));
        town.until_nothing_is_left().await;
    })
    .await;
}

/// A socket that goes while it arrives leaves nothing behind, and the next one is not disturbed.
#[tokio::test]
async fn arrivals_that_are_given_up_leave_nothing() {
    on_both(async |town| {
        let owner = Owner::settle(&town, "+12025550100").await;
        for n in 0..40_u32 {
            let who = owner.principal(1);
            let arrival = town.node(n as usize).presence.arrive(&who);
            let _ = tokio::time::timeout(super::MS * (n % 4), arrival).await;
        }
        let last = town.node(0).open(&owner.principal(1)).await;
        tokio::time::sleep(A_WHILE).await;
        assert!(last.lives());
        drop(last);
        town.until_nothing_is_left().await;
    })
    .await;
}
