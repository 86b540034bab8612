//! The registration lock of whoever has the number (§6.3-§6.5, §10.2 step 10): as in a registration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet::events::Event;
use signet_tests::{Audit, Table};

use super::{HERE, LOCK, NEW_PASSWORD, PIN, THERE, Town, Via, WRONG, changed, heard};

const PAUSE: std::time::Duration = std::time::Duration::from_secs(300);

#[tokio::test]
async fn it_is_the_holders_lock_that_has_to_be_opened() {
    let mut table = Table::default();
    let derived = "31".repeat(32);
    let long = "x".repeat(1000);
    for via in Via::ALL {
        for (what, lock, sent, status) in [
            ("none is sent", PIN, None, 423),
            ("an empty one", PIN, Some(""), 423),
            ("a wrong one", PIN, Some(WRONG), 423),
            ("one that cannot be a lock", PIN, Some("x"), 423),
            ("a very long one", PIN, Some(long.as_str()), 423),
            ("the right one", PIN, Some(PIN), 200),
            ("the right derived one", derived.as_str(), Some(derived.as_str()), 200),
        ] {
            let town = Town::open();
            let who = town.settle_with(HERE, &[(LOCK, Some(json!(WRONG)))]).await;
            let holder = town.settle_with(THERE, &[(LOCK, Some(json!(lock)))]).await;
            let body = town.body(&who, THERE).await;
            let body = changed(body, &[("/reglock", sent.map(|sent| json!(sent)))]);
            let mut events = town.listen();
            let answer = town.ask(via, &who, &body).await;
            let name = |part: &str| format!("{via:?}, {what}: {part}");
            table.row(name("status"), answer.status, status);
            let events = heard(&mut events);
            if status == 423 {
                let told = answer.json();
                table.row(name("time"), told["timeRemaining"].as_u64().is_some_and(|ms| ms > 0), true);
                table.row(name("credentials"), told["svr2Credentials"]["username"].is_string(), true);
                table.row(
                    name("attempts"),
                    &told["attemptsLeft"],
                    &json!(if sent.unwrap_or_default().is_empty() { 10 } else { 9 }),
                );
                table.row(name("the holder"), town.whoami(&holder).await.status, 401);
                table.row(name("is frozen"), town.account(&holder).await.is_frozen(), true);
                table.row(
                    name("events"),
                    matches!(events[..], [Event::LockFailed { .. }, Event::CredentialsFrozen { .. }]),
                    true,
                );
                table.row(name("the account"), town.account(&who).await.phone_number.as_str() == HERE, true);
            } else {
                table.row(name("the holder"), town.stored(&holder).await, None);
                let account = town.account(&who).await;
                table.row(name("one's own lock stays"), account.registration_lock.is_some(), true);
            }
            table.row(name("who moves"), town.whoami(&who).await.status, 200);
            Audit::of(&town.t.registry.storage).await.expect_clean();
        }
    }
    table.close();
}

#[tokio::test]
async fn nobody_guesses_for_five_minutes_after_a_wrong_one() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    let holder = town.settle_with(THERE, &[(LOCK, Some(json!(PIN)))]).await;
    let body = town.body(&who, THERE).await;
    let with = |lock: &str| changed(body.clone(), &[("/reglock", Some(json!(lock)))]);
    assert_eq!(town.ask(Via::Rest, &who, &with(WRONG)).await.status, 423);
    for via in Via::ALL {
        let refused = town.ask(via, &who, &with(PIN)).await;
        assert_eq!((refused.status, refused.header("x-ratelimit-limiter")), (429, Some("registrationLock")));
        assert_eq!(refused.header("retry-after"), Some("300"));
    }
    town.t.advance(PAUSE);
    town.ask(Via::Rest, &who, &with(PIN)).await.expect(200);
    assert_eq!(town.stored(&holder).await, None);
}

/// The lock is judged before devices are: whoever has no right to the number learns nothing else, and pays.
#[tokio::test]
async fn the_lock_comes_before_the_devices() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    let holder = town.settle_with(THERE, &[(LOCK, Some(json!(PIN)))]).await;
    let body = changed(town.body(&who, THERE).await, &[("/pniRegistrationIds/2", Some(json!(7)))]);
    assert_eq!(town.ask(Via::Rest, &who, &body).await.status, 423);
    let body = changed(body, &[("/reglock", Some(json!(PIN)))]);
    assert_eq!(town.ask(Via::Rest, &who, &body).await.status, 409);
    assert!(town.account(&holder).await.is_frozen(), "it was so before, and is there still");
}

/// §6.5: by the number's recovery password, and without a lock, that password stays for the next try; else it goes.
#[tokio::test]
async fn what_a_failure_costs_depends_on_the_proof() {
    let mut table = Table::default();
    let password = json!(STANDARD.encode([9; 32]));
    for (what, sent, again) in
        [("no lock", None, 200), ("a wrong one", Some(WRONG), 403), ("an empty one", Some(""), 403)]
    {
        let town = Town::open();
        let who = town.settle(HERE).await;
        let lock = (LOCK, Some(json!(PIN)));
        town.settle_with(THERE, &[lock, (NEW_PASSWORD, Some(password.clone()))]).await;
        let body = town.body_by(&who, THERE, json!({"recoveryPassword": password})).await;
        let with = |lock: Option<&str>| changed(body.clone(), &[("/reglock", lock.map(Value::from))]);
        table.row(what, town.ask(Via::Rest, &who, &with(sent)).await.status, 423);
        town.t.advance(PAUSE);
        table.row(
            format!("{what}, then the right one"),
            town.ask(Via::Rest, &who, &with(Some(PIN))).await.status,
            again,
        );
    }
    table.close();
}

#[tokio::test]
async fn a_lock_that_has_expired_holds_nobody_up() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    let holder = town.settle_with(THERE, &[(LOCK, Some(json!(PIN)))]).await;
    town.t.advance(std::time::Duration::from_secs(7 * 86_400));
    town.moves(&who, THERE).await.expect(200);
    assert_eq!(town.stored(&holder).await, None);
}
