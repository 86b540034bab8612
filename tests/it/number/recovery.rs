//! Recovery passwords and changes of number: which prove one, and which are left afterwards (§7.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::{Audit, SignalClient};

use super::{HERE, NEW_PASSWORD, Person, THERE, Town, Via};

fn password(byte: u8) -> Value {
    json!(STANDARD.encode([byte; 32]))
}

async fn settle(town: &Town, number: &str, byte: u8) -> Person {
    town.settle_with(number, &[(NEW_PASSWORD, Some(password(byte)))]).await
}

#[tokio::test]
async fn the_password_of_the_number_that_is_wanted_proves_it() {
    for via in Via::ALL {
        let town = Town::open();
        let (who, holder) = (settle(&town, HERE, 1).await, settle(&town, THERE, 2).await);
        let mine = town.body_by(&who, THERE, json!({"recoveryPassword": password(1)})).await;
        assert_eq!(town.ask(via, &who, &mine).await.status, 403);
        let theirs = town.body_by(&who, THERE, json!({"recoveryPassword": password(2)})).await;
        town.ask(via, &who, &theirs).await.expect(200);
        assert_eq!(town.stored(&holder).await, None);
    }
}

/// Neither number can be had by an older password any more: one was given up by its owner, the other has another owner.
#[tokio::test]
async fn the_passwords_of_both_numbers_go() {
    let town = Town::open();
    let (who, _) = (settle(&town, HERE, 1).await, settle(&town, THERE, 2).await);
    let body = town.body_by(&who, THERE, json!({"recoveryPassword": password(2)})).await;
    town.ask(Via::Rest, &who, &body).await.expect(200);
    assert_eq!(town.t.rows(Rows::Recovery).await.len(), 0);
    assert!(town.account(&who).await.recovery_password.is_some(), "the account's own stays");
    for (number, byte) in [(HERE, 1), (THERE, 2), (THERE, 1)] {
        let me = SignalClient::generate();
        let mut body = me.registration("");
        body["sessionId"] = Value::Null;
        body["recoveryPassword"] = password(byte);
        assert_eq!(town.t.client.register(number, &me.password, &body).await.status, 403, "{number} by {byte}");
    }
    Audit::of(&town.t.registry.storage).await.expect_clean();
}

#[tokio::test]
async fn the_password_of_a_number_that_stays_stays() {
    let town = Town::open();
    let who = settle(&town, HERE, 1).await;
    let body = town.body_by(&who, HERE, json!({"recoveryPassword": password(9)})).await;
    town.ask(Via::Rest, &who, &body).await.expect(200);
    assert_eq!(town.t.rows(Rows::Recovery).await.len(), 1);
}
