//! Others change the account between the check and the write: nothing goes by an old check, and nobody gets a 500 for a race.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use signet_config::{LimitId, RegistrationLock};
use signet_storage::Chance;
use signet_storage::dynamo::faults::Fault;
use signet_storage::lock_hasher::{LockHasher, PresentedLock, StoredLock};
use signet_tests::{Answer, Audit};

use super::{By, COMMIT, Home, House, NUMBER, PIN, WRONG};

async fn hashed(lock: &str) -> StoredLock {
    let hasher = LockHasher::new(&RegistrationLock::for_testing(), Chance::system());
    hasher.hash(hasher.reserve().unwrap(), &PresentedLock::try_from(lock).unwrap()).await
}

/// Waits until a commit has been handed to the store, which holds it back.
async fn until_committing(h: &House) {
    for _ in 0..1000 {
        if h.t.faults.take_seen().iter().any(|operation| operation == COMMIT) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("nobody commits");
}

/// A registration whose first commit is held back while `meanwhile` happens.
async fn held_back(h: &House, home: &Home, by: By, lock: Option<&str>, meanwhile: impl Future<Output = ()>) -> Answer {
    h.t.faults.take_seen();
    h.t.faults.once(COMMIT, Fault::Delay(Duration::from_millis(400)));
    let body = h.body(home, by, lock);
    let (answer, ()) = tokio::join!(h.send(home, by, &body), async {
        until_committing(h).await;
        meanwhile.await;
    });
    answer
}

#[tokio::test]
async fn a_lock_set_between_check_and_write_is_asked_for() {
    let h = House::open();
    for (number, sent, status) in
        [("+12025550101", None, 423), ("+12025550102", Some(WRONG), 423), ("+12025550103", Some(PIN), 200)]
    {
        let home = h.settle(number, None).await;
        let lock = hashed(PIN).await;
        let set = async { h.change(&home, |account| account.registration_lock = Some(lock.clone())).await };
        let answer = held_back(&h, &home, By::Session, sent, set).await;
        assert_eq!(answer.status, status, "{sent:?}: {answer:?}");
        let account = h.account(&home).await;
        assert!(account.registration_lock.is_some());
        assert_eq!(h.whoami(&home, &h.newcomer).await.status, if status == 200 { 200 } else { 401 });
    }
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

/// The lock that was opened is no longer the one there is: the new one has to be opened, and that is another guess.
#[tokio::test]
async fn a_lock_changed_between_check_and_write_is_asked_for() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    let lock = hashed(WRONG).await;
    let set = async { h.change(&home, |account| account.registration_lock = Some(lock.clone())).await };
    let answer = held_back(&h, &home, By::Session, Some(PIN), set).await;
    assert_eq!(answer.status, 423, "{answer:?}");
    assert_eq!(answer.json()["attemptsLeft"], 9);
    assert_eq!(h.whoami(&home, &h.newcomer).await.status, 401);
}

/// The owner takes the lock off, or sets the one that was sent, while somebody is about to be refused for the old one: what was
/// found out about that one freezes nobody.
#[tokio::test]
async fn a_lock_that_is_no_longer_there_freezes_nobody() {
    let h = House::open();
    let home = h.settle("+12025550101", Some(PIN)).await;
    let take_off = async { h.change(&home, |account| account.registration_lock = None).await };
    assert_eq!(held_back(&h, &home, By::Session, None, take_off).await.status, 200);

    let home = h.settle("+12025550102", Some(PIN)).await;
    let lock = hashed(WRONG).await;
    let set = async { h.change(&home, |account| account.registration_lock = Some(lock.clone())).await };
    assert_eq!(held_back(&h, &home, By::Session, Some(WRONG), set).await.status, 429, "that was a wrong guess");
    h.whoami(&home, &h.owner).await.expect(200);
    h.t.advance(super::PAUSE);
    assert_eq!(h.come(&home, By::Session, Some(WRONG)).await.status, 200);
}

/// The owner is seen while the newcomer is being let past an expired lock: it holds again.
#[tokio::test]
async fn an_owner_who_comes_back_in_the_last_moment_keeps_the_account() {
    let h = House::open();
    let mut home = h.settle(NUMBER, Some(PIN)).await;
    h.t.advance(8 * super::DAY);
    h.renew_session(&mut home).await;
    let seen = async {
        h.whoami(&home, &h.owner).await.expect(200);
    };
    let answer = held_back(&h, &home, By::Session, None, seen).await;
    assert_eq!(answer.status, 423, "{answer:?}");
    assert_eq!(answer.json()["idleDays"], 0);
}

/// Something else of the account changes: what the newcomer was asked for and has answered is neither asked nor counted twice.
#[tokio::test]
async fn a_change_of_something_else_costs_no_second_guess() {
    let h = House::open_with(|config| {
        super::limit(config, LimitId::CheckTotp, 1, Duration::from_secs(6));
        super::limit(config, LimitId::Pin, 1, super::DAY);
    });
    let home = h.settle(NUMBER, Some(PIN)).await;
    let set = async { h.change(&home, |account| account.discoverable_by_phone_number = false).await };
    let answer = held_back(&h, &home, By::Session, Some(PIN), set).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(h.account(&home).await.version, 2);
    let left = h.come(&home, By::Session, None).await.expect(423)["attemptsLeft"].clone();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn an_account_removed_between_check_and_write_is_made_anew() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    // Removing is a transaction too, and not the one that is held back.
    let remove = async { assert_eq!(h.remove(&home, &h.owner).await.status, 204) };
    let answer = held_back(&h, &home, By::Session, Some(PIN), remove).await;
    let body = answer.expect(201);
    assert_eq!((&body["uuid"], &body["reregistration"]), (&serde_json::json!(home.aci), &serde_json::json!(false)));
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

/// What proved the account is used up by a failure meanwhile, so it is asked for again and is not there.
#[tokio::test]
async fn a_recovery_password_lost_between_check_and_write_proves_nothing() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    let fail = async { assert_eq!(h.come(&home, By::Session, None).await.status, 423) };
    assert_eq!(held_back(&h, &home, By::Aci, Some(PIN), fail).await.status, 403);
    assert_eq!(h.whoami(&home, &h.newcomer).await.status, 401);
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_who_register_again_at_once() {
    let h = Arc::new(House::open());
    let home = h.settle(NUMBER, None).await;
    let one = |n: usize| {
        let h = h.clone();
        let home = Home { number: home.number.clone(), aci: home.aci, session: home.session.clone() };
        let by = [By::Session, By::Number][n % 2];
        tokio::spawn(async move { h.come(&home, by, None).await })
    };
    let answers: Vec<_> = join_all((0..64).map(one)).await.into_iter().map(|answer| answer.unwrap()).collect();
    let through = answers.iter().filter(|answer| answer.status == 200).count();
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
    assert!(through >= 32, "{through}");
    let audit = Audit::of(&h.t.registry.storage).await.expect_clean();
    assert_eq!(audit.accounts[0].version, through as u64, "each of them was applied to what the one before left");
    h.whoami(&home, &h.newcomer).await.expect(200);
}

/// Every commit conflicts, for ever. All three give up at about the same time, so this takes as long as one.
#[tokio::test]
async fn whoever_is_always_late_is_told_to_come_back() {
    let h = House::open();
    let open = h.settle("+12025550101", None).await;
    let other = h.settle("+12025550102", None).await;
    let before = (h.account(&open).await, h.account(&other).await);
    h.t.faults.always(COMMIT, Fault::Conflict);
    let (again, removed) = tokio::join!(h.come(&open, By::Session, None), h.remove(&other, &h.owner));
    for answer in [again, removed] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
    h.t.faults.heal();
    assert_eq!((h.account(&open).await, h.account(&other).await), before);
    assert_eq!(h.come(&open, By::Session, None).await.status, 200);
}
