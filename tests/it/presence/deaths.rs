//! Credentials die: their sockets end at once, on every node, and no others do (§5.6: 4401).

#![allow(clippy::print_stdout, reason = "what was seen is worth reading")]

use std::time::{Duration, Instant};

use signet::presence::Over;
use signet_storage::dynamo::faults::Fault;
use signet_storage::ids::DeviceId;
use signet_tests::Registrant;

use super::{A_WHILE, AT_ONCE, Node, Owner, Socket, Town, on_both, principal};

#[derive(Clone, Copy, Debug)]
enum Death {
    Freeze,
    /// The number registers again.
    Replace,
    Remove,
    /// The second device is unlinked.
    Unlink,
}

impl Death {
    const ALL: [Self; 4] = [Self::Freeze, Self::Replace, Self::Remove, Self::Unlink];

    async fn strike(self, owner: &Owner, node: &Node) {
        let (store, accounts) = (&node.store, node.store.accounts());
        match self {
            Self::Freeze => drop(accounts.freeze(&owner.account, true).await.unwrap()),
            Self::Replace => drop(Registrant::generate().register(store, &owner.number).await.unwrap()),
            Self::Remove => {
                let device = &owner.account.devices[0];
                let keys = |account: &_| store.keys().writes_for_removed_account(account);
                assert!(accounts.remove(&owner.account, (device.id, &device.auth), keys).await.unwrap());
            }
            Self::Unlink => owner.unlink(node, 2).await,
        }
    }

    fn ends(self, device: DeviceId) -> bool {
        !matches!(self, Self::Unlink) || device.get() == 2
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "this is about real time")]
async fn a_death_ends_the_right_sockets_and_no_others() {
    on_both(async |town| {
        let bystander = Owner::settle(&town, "+12025550199").await;
        let bystander = town.node(0).open(&bystander.principal(1)).await;
        for (n, death) in Death::ALL.into_iter().enumerate() {
            let mut slowest = Duration::ZERO;
            for round in 0..5 {
                let owner = Owner::settle_with(&town, &format!("+1202555{:04}", n * 100 + round), 2).await;
                let mut sockets = Vec::new();
                for device in 1..=3 {
                    let who = owner.principal(device);
                    sockets.push((who.device, town.node(device.into()).open(&who).await));
                    let mut beside = town.node(usize::from(device) + 1).presence.arrive_beside(&who);
                    sockets.push((who.device, Socket(tokio::spawn(async move { beside.over().await }))));
                }
                tokio::time::sleep(A_WHILE).await;
                death.strike(&owner, town.node(round)).await;
                let answered = Instant::now();
                for (_, socket) in sockets.iter_mut().filter(|(device, _)| death.ends(*device)) {
                    assert_eq!(socket.ends().await, Some(Over::Invalid), "{death:?}");
                    slowest = slowest.max(answered.elapsed());
                }
                tokio::time::sleep(A_WHILE).await;
                for (device, socket) in &sockets {
                    assert_eq!(socket.lives(), !death.ends(*device), "{death:?} of {device:?}");
                }
            }
            println!("{death:?}: the last socket ends {slowest:.1?} after the change is answered");
            assert!(slowest < AT_ONCE);
        }
        assert!(bystander.lives());
        drop(bystander);
        town.until_nothing_is_left().await;
    })
    .await;
}

/// Whoever registers again connects at once. The old phone's socket is then not elsewhere: it is nobody's. Likewise a device that
/// gets an id that was another's.
#[tokio::test]
async fn a_new_installation_is_no_rival_of_the_old_one() {
    on_both(async |town| {
        for round in 0..10 {
            let mut owner = Owner::settle_with(&town, &format!("+120255502{round:02}"), 1).await;
            let mut linked = town.node(round).open(&owner.principal(2)).await;
            let mut primary = town.node(round + 1).open(&owner.principal(1)).await;
            owner.unlink(town.node(0), 2).await;
            owner.link(&town).await;
            let new_linked = town.node(round).open(&owner.principal(2)).await;
            assert_eq!(linked.ends().await, Some(Over::Invalid));
            assert!(new_linked.lives() && primary.lives());

            let account = Registrant::generate().register(&town.node(1).store, &owner.number).await.unwrap();
            let new_primary = town.node(round).open(&principal(&account, 1)).await;
            assert_eq!(primary.ends().await, Some(Over::Invalid));
            tokio::time::sleep(A_WHILE).await;
            assert!(new_primary.lives());
        }
    })
    .await;
}

/// The word is never believed, and what ends no credentials is not told to anybody.
#[tokio::test]
async fn what_ends_no_credentials_ends_no_socket() {
    let town = Town::in_process().await;
    let mut owner = Owner::settle(&town, "+12025550100").await;
    let socket = town.node(0).open(&owner.principal(1)).await;
    tokio::time::sleep(A_WHILE).await;
    let store = &town.nodes[0].store;
    let channel = signet_storage::accounts::channel(owner.account.aci);
    let mut heard = town.node(1).cache().subscribe(&channel).await.unwrap();
    owner.link(&town).await;
    let change = |account: &mut signet_storage::model::Account, _| {
        account.discoverable_by_phone_number = !account.discoverable_by_phone_number;
        ((), Vec::new())
    };
    store.accounts().update("test", owner.account.aci, change).await.unwrap();
    town.clock.advance(Duration::from_secs(2 * 86_400));
    store.accounts().note_seen(owner.account.aci, owner.principal(1).device).await.unwrap();
    assert!(tokio::time::timeout(A_WHILE, heard.next()).await.is_err(), "nobody is told");
    for word in [&b"look"[..], b"", b"whatever a later version may say", &[0xff; 300]] {
        town.node(1).cache().publish(&channel, word.to_vec().into()).await.unwrap();
    }
    tokio::time::sleep(A_WHILE).await;
    assert!(socket.lives());
}

/// A change whose answer was lost may have taken place.
#[tokio::test]
async fn a_death_of_which_nobody_knows_is_looked_at() {
    on_both(async |town| {
        let owner = Owner::settle_with(&town, "+12025550100", 1).await;
        let mut socket = town.node(1).open(&owner.principal(2)).await;
        let store = &town.nodes[0].store;
        store.faults.always("TransactWriteItems", Fault::LoseReply);
        let asking = &owner.account.devices[0];
        let keys = |account: &_| store.keys().writes_for_removed_device(account, owner.principal(2).device);
        let accounts = store.accounts();
        let unlinking =
            accounts.remove_device(owner.account.aci, (asking.id, &asking.auth), owner.principal(2).device, keys);
        drop(unlinking.await);
        assert_eq!(socket.ends().await, Some(Over::Invalid));
    })
    .await;
}

/// Credentials that died between the check at the upgrade and the arrival.
#[tokio::test]
async fn who_arrives_with_dead_credentials_goes_at_once() {
    on_both(async |town| {
        let owner = Owner::settle_with(&town, "+12025550100", 1).await;
        let (dead, alive) = (owner.principal(2), owner.principal(1));
        owner.unlink(town.node(0), 2).await;
        for node in [0, 1] {
            let mut socket = town.node(node).open(&dead).await;
            assert_eq!(socket.ends().await, Some(Over::Invalid));
            let accounts = town.node(node).store.accounts();
            assert!(format!("{:?}", dead.caller(&accounts).await.err()).contains("Unauthorized"));
            let caller = alive.caller(&accounts).await.unwrap();
            assert_eq!((caller.account.aci, caller.device), (owner.account.aci, alive.device));
        }
    })
    .await;
}
