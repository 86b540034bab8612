//! Ten thousand sockets of one process: what they hold, and that they do not act all at once.

#![allow(clippy::print_stdout, reason = "what was seen is worth reading")]

use std::time::Duration;

use signet_tests::Registrant;

use super::{BOUND, Owner, Town, principal};

/// Sockets of many accounts that arrive at the same moment look at different ones soon, and at each about once in the bound.
#[tokio::test(start_paused = true)]
async fn looks_of_sockets_that_came_together_spread() {
    const ACCOUNTS: usize = 120;
    let town = Town::in_process().await;
    let mut sockets = Vec::new();
    for n in 0..ACCOUNTS {
        let owner = Owner::settle(&town, &format!("+1202555{n:04}")).await;
        sockets.push(town.node(n).open(&owner.principal(1)).await);
    }
    let faults = &town.nodes[0].store.faults;
    let (mut most, mut total) = (0, 0);
    for second in 0..10 * BOUND.as_secs() {
        faults.take_seen();
        tokio::time::sleep(Duration::from_secs(1)).await;
        town.clock.advance(Duration::from_secs(1));
        let reads = faults.take_seen().len();
        total += reads;
        // From the second minute on.
        most = if second > BOUND.as_secs() { most.max(reads) } else { most };
    }
    println!("{ACCOUNTS} sockets: {total} looks in ten minutes, {most} in one second at most");
    assert!((10 * ACCOUNTS..=20 * ACCOUNTS).contains(&total) && most <= ACCOUNTS / 5);
    assert!(sockets.iter().all(super::Socket::lives));
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4096
}

/// What each holds beside the socket itself, seen from outside. The first half brings the process to its size: what was needed
/// once, and copies of accounts.
async fn weigh(what: &str, town: &Town) {
    const SOCKETS: usize = 5_000;
    let me = Registrant::generate();
    let (mut present, mut before) = (Vec::with_capacity(2 * SOCKETS), 0);
    for half in 0..2 {
        let mut people = Vec::with_capacity(SOCKETS);
        for n in 0..SOCKETS {
            let number = format!("+120255{:05}", half * SOCKETS + n);
            people.push(principal(&me.register(&town.nodes[0].store, &number).await.expect("a free number"), 1));
        }
        before = resident();
        for who in people {
            present.push(town.nodes[0].presence.arrive(&who).await);
        }
        let settle = present[half * SOCKETS..].iter_mut();
        let settle = settle.map(|one| tokio::time::timeout(Duration::from_millis(500), one.over()));
        futures::future::join_all(settle).await;
    }
    let each = (resident() - before) / SOCKETS;
    println!("{what}: {each} bytes for each of {SOCKETS}; {} of them in Present itself", size_of_val(&present[0]));
    assert!(each < 2_048);
}

#[tokio::test]
#[ignore = "weighs the process: run it alone"]
async fn what_one_holds_in_the_process() {
    weigh("in the process", &Town::in_process().await).await;
}

#[tokio::test]
#[ignore = "weighs the process: run it alone"]
async fn what_one_holds_with_redis() {
    weigh("with Redis", &Town::on_redis().await).await;
}
