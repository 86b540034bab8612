//! An account that is removed, and the thirty days in which its number remembers it (§9.7, §11.8).

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};
use signet::events::Event;
use signet_storage::ids::DeviceId;
use signet_tests::client::basic;
use signet_tests::{Answer, Audit, Table};

use super::{By, DAY, Home, House, MS, NUMBER, PIN};

fn ids(answer: &Value) -> (&str, &str) {
    (answer["uuid"].as_str().unwrap(), answer["pni"].as_str().unwrap())
}

#[tokio::test]
async fn nothing_of_it_is_left_but_the_numbers_memory() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    h.link(&home, DeviceId::try_from(2).unwrap()).await;
    let stays = h.settle("+12025550124", None).await;
    h.whoami(&home, &h.owner).await.expect(200);

    let mut told = h.t.registry.events.subscribe("a test", 16);
    let gone = h.remove(&home, &h.owner).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    let told = std::iter::from_fn(|| told.try_recv().ok()).map(|happened| happened.event).collect::<Vec<_>>();
    assert_eq!(told, [Event::Removed { aci: home.aci }]);
    assert_eq!(h.whoami(&home, &h.owner).await.status, 401);
    assert_eq!(h.remove(&home, &h.owner).await.status, 401, "there is nobody left to ask for it");
    let rows = h.t.row_counts().await;
    let expected = [
        ("accounts", 1),
        ("claims", 3),
        ("keys", 2),
        ("prekeys", 0),
        ("linktokens", 0),
        ("recovery", 1),
        ("sessions", 2),
    ];
    assert_eq!(rows, expected, "one account is whole, of the other its number's claim is left");
    let audit = Audit::of(&h.t.registry.storage).await.expect_clean();
    assert_eq!(audit.accounts[0].aci, stays.aci);

    // Neither way back leads anywhere, and no lock is asked for.
    assert_eq!(h.come(&home, By::Number, None).await.status, 403);
    assert_eq!(h.come(&home, By::Aci, Some(PIN)).await.status, 403);
    assert_eq!(h.come(&home, By::Session, None).await.status, 201);
}

#[tokio::test]
async fn only_its_devices_remove_it_and_each_of_them_may() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    h.link(&home, DeviceId::try_from(2).unwrap()).await;
    let mut table = Table::default();
    let aci = home.aci.to_string();
    let password = &h.owner.password;
    for (what, user, password, status) in [
        ("a wrong password", aci.clone(), "wrong", 401),
        ("a device that is not there", format!("{aci}.3"), password.as_str(), 401),
        ("the number", NUMBER.to_owned(), password.as_str(), 401),
        ("its second device", format!("{aci}.2"), password.as_str(), 204),
    ] {
        let headers = [("authorization", basic(&user, password))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = h.t.client.send("DELETE", "/v1/accounts/me", &headers, "").await;
        table.row(what, answer.status, status);
    }
    table.close();
    // Who is frozen cannot remove what somebody else is about to take over.
    let home = h.settle(NUMBER, Some(PIN)).await;
    assert_eq!(h.come(&home, By::Session, None).await.status, 423);
    assert_eq!(h.remove(&home, &h.owner).await.status, 401);
}

#[tokio::test]
async fn within_thirty_days_the_number_gets_its_account_id_back() {
    let h = House::open();
    let mut home = h.settle(NUMBER, Some(PIN)).await;
    let before = h.account(&home).await;
    for (after, same) in [(30 * DAY - MS, true), (30 * DAY, false)] {
        h.t.advance(DAY);
        let home_before = h.whoami(&home, &h.owner).await;
        let who = if home_before.status == 200 { &h.owner } else { &h.newcomer };
        assert_eq!(h.remove(&home, who).await.status, 204);
        h.t.advance(after);
        h.renew_session(&mut home).await;
        let answer = h.come(&home, By::Session, None).await.expect(201);
        assert_eq!(answer["reregistration"], false);
        let (aci, pni) = ids(&answer);
        assert_eq!((aci == home.aci.to_string(), pni), (same, before.pni.to_string().as_str()), "{after:?}");
        home.aci = aci.parse().unwrap();
        let account = h.account(&home).await;
        assert_eq!(account.created_at, h.t.registry.clock.now(), "a new account all the same");
        assert_eq!((account.registration_lock.is_some(), account.recovery_password.is_some()), (false, false));
    }
}

/// Caches tell old from new by the version, so an ACI that comes back goes on counting.
#[tokio::test]
async fn versions_of_an_account_id_never_repeat_and_the_cache_serves_no_old_one() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    let mut versions = vec![h.account(&home).await.version];
    let mut who = &h.owner;
    for _ in 0..3 {
        let old = h.account(&home).await;
        h.whoami(&home, who).await.expect(200);
        assert_eq!(h.remove(&home, who).await.status, 204);
        assert_eq!(h.t.registry.accounts.get_cached(home.aci).await, None);
        // A reader that was slow cannot bring it back.
        let copy = json!({"asOf": h.t.registry.clock.now(), "account": old}).to_string().into();
        let key = format!("account:{}", home.aci);
        let stored = h.t.registry.storage.cache.put_newer(&key, old.version, copy, DAY).await.unwrap();
        assert!(!stored);
        assert_eq!(h.whoami(&home, who).await.status, 401);

        assert_eq!(h.come(&home, By::Session, None).await.expect(201)["uuid"], json!(home.aci));
        h.whoami(&home, &h.newcomer).await.expect(200);
        versions.push(h.account(&home).await.version);
        assert_eq!(h.come(&home, By::Session, None).await.status, 200);
        versions.push(h.account(&home).await.version);
        who = &h.newcomer;
    }
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_who_remove_and_register_at_once() {
    let h = Arc::new(House::open());
    let home = h.settle(NUMBER, None).await;
    assert_eq!(h.come(&home, By::Session, None).await.status, 200, "from now on everybody is the newcomer");
    let pni = h.account(&home).await.pni.to_string();
    for _ in 0..4 {
        let one = |n: usize| {
            let h = h.clone();
            let home = Home { number: home.number.clone(), aci: home.aci, session: home.session.clone() };
            tokio::spawn(async move {
                if n.is_multiple_of(2) {
                    h.remove(&home, &h.newcomer).await
                } else {
                    h.come(&home, By::Session, None).await
                }
            })
        };
        let answers: Vec<Answer> = join_all((0..32).map(one)).await.into_iter().map(|answer| answer.unwrap()).collect();
        for (n, answer) in answers.iter().enumerate() {
            let fine: &[u16] = if n.is_multiple_of(2) { &[204, 401, 503] } else { &[200, 201, 503] };
            assert!(fine.contains(&answer.status), "{answer:?}");
            if answer.status == 503 {
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
            if n % 2 == 1 && answer.status < 300 {
                assert_eq!(ids(&answer.json()), (home.aci.to_string().as_str(), pni.as_str()));
            }
        }
        let audit = Audit::of(&h.t.registry.storage).await.expect_clean();
        assert!(audit.accounts.len() <= 1 && audit.accounts.iter().all(|account| account.aci == home.aci));
        let there = !audit.accounts.is_empty();
        assert_eq!(h.whoami(&home, &h.newcomer).await.status, if there { 200 } else { 401 }, "the cache says the same");
        h.come(&home, By::Session, None).await;
    }
}

/// Who was let in a moment ago and asks for removal meets an account that somebody else has taken over since.
#[tokio::test]
async fn an_account_that_was_taken_over_meanwhile_is_not_removed() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    let (accounts, keys) = (&h.t.registry.accounts, &h.t.registry.keys);
    let let_in = accounts.get(home.aci).await.unwrap().unwrap();
    let device = let_in.device(DeviceId::PRIMARY).unwrap();
    h.come(&home, By::Session, None).await.expect(200);

    let asked_by = (device.id, &device.auth);
    assert!(!accounts.remove(&let_in, asked_by, |account| keys.writes_for_removed_account(account)).await.unwrap());
    h.whoami(&home, &h.newcomer).await.expect(200);
    assert_eq!(Audit::of(&h.t.registry.storage).await.expect_clean().accounts.len(), 1);
}
