//! Several at once, and changes between look and write.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use signet_config::RegistrationLock;
use signet_storage::Chance;
use signet_storage::dynamo::faults::Fault;
use signet_storage::lock_hasher::{LockHasher, PresentedLock};
use signet_storage::model::Account;
use signet_tests::{Answer, Audit, SignalClient};

use super::{COMMIT, HERE, PIN, Person, THERE, Town, Via, changed};

/// A change of number whose first commit is held back while `meanwhile` happens.
async fn held_back(town: &Town, who: &Person, body: &Value, meanwhile: impl Future<Output = ()>) -> Answer {
    town.t.faults.take_seen();
    town.t.faults.once(COMMIT, Fault::Delay(Duration::from_millis(400)));
    let (answer, ()) = tokio::join!(town.ask(Via::Rest, who, body), async {
        for _ in 0..1000 {
            if town.t.faults.take_seen().iter().any(|operation| operation == COMMIT) {
                return meanwhile.await;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("nobody commits");
    });
    answer
}

async fn change(town: &Town, who: &Person, change: impl Fn(&mut Account)) {
    let change = |account: &mut Account, _| (change(account), Vec::new());
    town.t.registry.accounts.update("test", who.aci, change).await.unwrap().expect("the account is there");
}

/// The holder sets a lock in the last moment: it is asked for.
#[tokio::test]
async fn a_lock_set_between_look_and_write_is_asked_for() {
    let hasher = LockHasher::new(&RegistrationLock::for_testing(), Chance::system());
    let lock = hasher.hash(hasher.reserve().unwrap(), &PresentedLock::try_from(PIN).unwrap()).await;
    for (sent, status) in [(None, 423), (Some(PIN), 200)] {
        let town = Town::open();
        let (who, holder) = (town.settle(HERE).await, town.settle(THERE).await);
        let body = changed(town.body(&who, THERE).await, &[("/reglock", sent.map(Value::from))]);
        let set = change(&town, &holder, |account| account.registration_lock = Some(lock.clone()));
        assert_eq!(held_back(&town, &who, &body, set).await.status, status, "{sent:?}");
        assert_eq!(town.stored(&holder).await.is_some(), status == 423);
        Audit::of(&town.t.registry.storage).await.expect_clean();
    }
}

/// The holder registers again in the last moment: who moves looks anew, and takes the number from that account.
#[tokio::test]
async fn a_holder_who_registers_meanwhile_is_looked_at_again() {
    let town = Town::open();
    let (who, holder) = (town.settle(HERE).await, town.settle(THERE).await);
    let body = town.body(&who, THERE).await;
    // A registration is a commit, too, and not the one that is held back.
    let again = async { drop(town.register(&SignalClient::generate(), THERE, &[]).await.expect(200)) };
    held_back(&town, &who, &body, again).await.expect(200);
    assert_eq!(town.stored(&holder).await, None);
    // The version that was removed is the one that came meanwhile.
    let back = town.register(&SignalClient::generate(), HERE, &[]).await.expect(201);
    assert_eq!(back["uuid"], json!(holder.aci));
    assert_eq!(town.account(&holder).await.version, 2);
    Audit::of(&town.t.registry.storage).await.expect_clean();
}

/// A device is linked meanwhile: there are no keys of it in the request, so nothing is changed.
#[tokio::test]
async fn a_device_that_joins_meanwhile_is_missed() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    let body = town.body(&who, THERE).await;
    let link = async { drop(town.link(&who).await) };
    let answer = held_back(&town, &who, &body, link).await;
    assert_eq!(answer.expect(409), json!({"missingDevices": [2], "extraDevices": []}));
    assert_eq!(town.account(&who).await.phone_number.as_str(), HERE);
    Audit::of(&town.t.registry.storage).await.expect_clean();
}

/// The account is taken over meanwhile: whoever asked is no device of it any more.
#[tokio::test]
async fn an_account_that_is_taken_over_meanwhile_does_not_move() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    let body = town.body(&who, THERE).await;
    let again = async { drop(town.register(&SignalClient::generate(), HERE, &[]).await.expect(200)) };
    assert_eq!(held_back(&town, &who, &body, again).await.status, 401);
    assert_eq!(town.account(&who).await.phone_number.as_str(), HERE);
    Audit::of(&town.t.registry.storage).await.expect_clean();
}

/// Somebody else moves to the free number meanwhile: they are the holder then, and whoever proved it last has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_who_prove_one_free_number() {
    let town = Arc::new(Town::open());
    let mut people = Vec::new();
    for n in 0..8 {
        let who = town.settle(&format!("+120255502{n:02}")).await;
        let body = town.body(&who, THERE).await;
        people.push((who, body));
    }
    let asks = people.into_iter().map(|(who, body)| {
        let town = town.clone();
        tokio::spawn(async move { (town.ask(Via::Rest, &who, &body).await.status, who) })
    });
    let answers: Vec<_> = join_all(asks).await.into_iter().map(Result::unwrap).collect();
    let (mut there, mut gone) = (0, 0);
    for (status, who) in &answers {
        assert!([200, 401, 503].contains(status), "{status}");
        match town.stored(who).await {
            Some(account) => there += usize::from(account.phone_number.as_str() == THERE),
            None => gone += 1,
        }
    }
    assert_eq!(there, 1);
    assert_eq!(
        gone + 1,
        answers.iter().filter(|(status, _)| *status == 200).count(),
        "each of them displaced the one before"
    );
    Audit::of(&town.t.registry.storage).await.expect_clean();
}

/// Four people and three numbers, and a store that has a bad day: one request in five is lost, doubled, delayed or refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_on_a_bad_day_leaves_a_whole_story() {
    let town = Arc::new(Town::open());
    let numbers = [HERE, THERE, "+12025550103"];
    let mut people = Vec::new();
    for n in 0..4 {
        let who = town.settle(&format!("+120255505{n:02}")).await;
        let mut bodies = Vec::new();
        for round in 0..6 {
            bodies.push(town.body(&who, numbers[(n + round) % 3]).await);
        }
        people.push((who, bodies));
    }
    for seed in 0..3 {
        town.t.faults.at_random(Chance::seeded(seed), 20);
        let town = &town;
        let walks = people.iter().map(|(who, bodies)| async move {
            for body in bodies {
                let status = town.ask(Via::Rest, who, body).await.status;
                assert!([200, 401, 503].contains(&status), "{status}");
            }
        });
        join_all(walks).await;
        town.t.faults.heal();
        Audit::of(&town.t.registry.storage).await.expect_clean();
        for (who, _) in &people {
            let stored = town.stored(who).await;
            let told = town.whoami(who).await;
            match stored {
                None => assert_eq!(told.status, 401),
                Some(account) => assert_eq!(told.expect(200)["number"], account.phone_number.as_str()),
            }
        }
    }
}

/// Both want the other's number at the same moment: one gets it, and by that the other one ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_swap_at_the_same_moment() {
    let town = Arc::new(Town::open());
    for round in 0..10 {
        let [here, there] = [format!("+120255503{round:02}"), format!("+120255504{round:02}")];
        let pair = [town.settle(&here).await, town.settle(&there).await];
        let bodies = [town.body(&pair[0], &there).await, town.body(&pair[1], &here).await];
        let (one, other) =
            tokio::join!(town.ask(Via::Rest, &pair[0], &bodies[0]), town.ask(Via::Rest, &pair[1], &bodies[1]));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        // The one who comes too late is told that it is nobody any more, before or after it is let in.
        assert_eq!(statuses, [200, 401]);
        let winner = &pair[usize::from(one.status != 200)];
        assert_eq!(town.whoami(winner).await.status, 200);
    }
    let audit = Audit::of(&town.t.registry.storage).await.expect_clean();
    assert_eq!(audit.accounts.len(), 10);
}
