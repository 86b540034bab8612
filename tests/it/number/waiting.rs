//! How long after a registration an account keeps its number (§10.2 step 7, §12.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signet_tests::SignalClient;

use super::{HERE, HOUR, MS, NEW_PASSWORD, Person, THERE, Town, Via, changed};

async fn refused(town: &Town, who: &Person, retry_after: &str) {
    let body = town.body(who, THERE).await;
    for via in Via::ALL {
        let answer = town.ask(via, who, &body).await;
        let said = (answer.header("retry-after"), answer.header("x-ratelimit-limiter"));
        assert_eq!((answer.status, said), (429, (Some(retry_after), Some("changeNumberWait"))), "{via:?}");
        assert_eq!(answer.text, "");
    }
}

fn open() -> Town {
    Town::open_with(|config| {
        config.accounts.change_number_wait = HOUR;
        config.recovery.by_aci = true;
    })
}

#[tokio::test]
async fn an_hour_to_the_millisecond() {
    let town = open();
    let who = town.settle(HERE).await;
    refused(&town, &who, "3600").await;
    town.t.advance(HOUR - MS);
    refused(&town, &who, "1").await;
    town.t.advance(MS);
    assert_eq!(town.moves(&who, THERE).await.status, 200);
    // What is counted is when it registered, not when it moved.
    assert_eq!(town.moves(&who, "+12025550103").await.status, 200);
}

#[tokio::test]
async fn whoever_registers_again_waits_again() {
    let town = open();
    let password = json!(STANDARD.encode([9; 32]));
    let mut who = town.settle_with(HERE, &[(NEW_PASSWORD, Some(password.clone()))]).await;
    for by_aci in [false, true] {
        town.t.advance(HOUR);
        who.me = SignalClient::generate();
        let keep = (NEW_PASSWORD, Some(password.clone()));
        if by_aci {
            let proof = [("/sessionId", None), ("/recoveryPassword", Some(password.clone())), keep];
            let body = changed(who.me.registration(""), &proof);
            town.t.client.register(&who.aci.to_string(), &who.me.password, &body).await.expect(200);
        } else {
            town.register(&who.me, HERE, &[keep]).await.expect(200);
        }
        refused(&town, &who, "3600").await;
        town.t.advance(HOUR - MS);
        refused(&town, &who, "1").await;
    }
    town.t.advance(MS);
    assert_eq!(town.moves(&who, THERE).await.status, 200);
}

/// A client that got no answer asks again, whenever it registered; so does one that only wants other keys.
#[tokio::test]
async fn the_number_that_one_has_is_not_waited_for() {
    let town = open();
    let who = town.settle(HERE).await;
    assert_eq!(town.moves(&who, HERE).await.status, 200);
    refused(&town, &who, "3600").await;
}

/// Accounts of before it was noted.
#[tokio::test]
async fn an_account_that_does_not_know_when_it_registered_waits_for_nothing() {
    let town = open();
    let who = town.settle(HERE).await;
    let forget = |account: &mut signet_storage::model::Account, _| {
        account.registered_at = signet_storage::clock::Timestamp::from_millis(0);
        ((), Vec::new())
    };
    town.t.registry.accounts.update("test", who.aci, forget).await.unwrap();
    assert_eq!(town.moves(&who, THERE).await.status, 200);
}
