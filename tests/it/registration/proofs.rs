//! What proves the number (§3.1, §3.4 step 3): the session, and the kinds of registration that are not open yet.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};
use signet_storage::dynamo::faults::Fault;
use signet_tests::{SignalClient, Table, TestRegistry};

use super::{Desk, NUMBER};

#[tokio::test]
async fn of_three_proofs_exactly_one_is_given() {
    let desk = Desk::open().await;
    let session = Some(json!(desk.session));
    let (password, receipt) = (Some(json!("c2VjcmV0")), Some(json!("cmVjZWlwdA==")));
    let (empty, blank, null) = (Some(json!("")), Some(json!("  ")), Some(Value::Null));
    let mut table = Table::default();
    for (session, password, receipt, status) in [
        (session.clone(), None, None, 200),
        (session.clone(), null.clone(), null.clone(), 200),
        (session.clone(), empty.clone(), empty.clone(), 200),
        (None, password.clone(), None, 403),
        (blank.clone(), password.clone(), empty.clone(), 403),
        (None, None, receipt.clone(), 400),
        (empty.clone(), empty.clone(), receipt.clone(), 400),
        (None, None, None, 422),
        (empty.clone(), empty.clone(), empty, 422),
        (blank, None, None, 422),
        (null.clone(), null.clone(), null, 422),
        (session.clone(), password.clone(), None, 422),
        (session.clone(), None, receipt.clone(), 422),
        (None, password.clone(), receipt.clone(), 422),
        (session, password, receipt, 422),
        (Some(json!("not base64!")), None, None, 422),
        (Some(json!("AA/+")), None, None, 422),
        (Some(json!([])), None, None, 422),
        (None, Some(json!("not base64!")), None, 422),
        (None, None, Some(json!("-_-_")), 422),
    ] {
        let shown = format!("{session:?} {password:?} {receipt:?}");
        let changes =
            [("/sessionId", session), ("/recoveryPassword", password), ("/receiptCredentialPresentation", receipt)];
        table.row(shown, desk.status(changes).await, status);
    }
    table.close();
}

/// Kind C (an ACI in the header) and kind D (a receipt) are switched off: 400, whatever else they bring.
#[tokio::test]
async fn kinds_that_are_not_open() {
    let desk = Desk::open().await;
    let account = desk.register(&desk.body()).await.expect(201);
    let aci = account["uuid"].as_str().expect("an ACI");
    let before = desk.t.row_counts().await;
    let receipt = |body: &mut Value| {
        body["sessionId"] = Value::Null;
        body["receiptCredentialPresentation"] = json!("cmVjZWlwdA");
    };
    type Change = fn(&mut Value);
    let proofs: [(&str, Change); 3] = [
        ("session", |_| {}),
        ("password", |body| {
            body["sessionId"] = Value::Null;
            body["recoveryPassword"] = json!("c2VjcmV0");
        }),
        ("receipt", receipt),
    ];
    let mut table = Table::default();
    for (proof, change) in proofs {
        for user in [aci, &aci.to_uppercase(), "00000000-0000-4000-8000-000000000000", &format!("{aci}.1")] {
            let mut body = desk.body();
            change(&mut body);
            let answer = desk.t.client.register(user, "password", &body).await;
            table.row(format!("{user} with a {proof}"), answer.status, 400);
        }
    }
    for user in ["__no_number__", NUMBER, "anything"] {
        let mut body = desk.body();
        receipt(&mut body);
        table.row(format!("{user} with a receipt"), desk.t.client.register(user, "password", &body).await.status, 400);
    }
    table.close();
    assert_eq!(desk.t.row_counts().await, before);
    desk.t.client.whoami(aci, &desk.me.password).await.expect(200);
}

#[tokio::test]
async fn sessions_that_prove_nothing() {
    let desk = Desk::open().await;
    let t = &desk.t;
    let unverified = t.client.begin_session(NUMBER).await.expect(200)["id"].clone();
    let others = t.verified_session("+12025550199").await;
    let others_unverified = t.client.begin_session("+12025550199").await.expect(200)["id"].clone();
    let id = |length: usize| json!(URL_SAFE.encode(vec![7; length]));
    let before = t.row_counts().await;
    let mut table = Table::default();
    for (what, session, status) in [
        ("an unknown one", id(16), 401),
        ("one without a right code", unverified, 401),
        ("another number's", json!(others), 400),
        ("another number's without a right code", others_unverified, 400),
        ("an id of 1 byte", id(1), 400),
        ("an id of 15 bytes", id(15), 400),
        ("an id of 17 bytes", id(17), 400),
        ("an id of 32 bytes", id(32), 400),
    ] {
        table.row(what, desk.status([("/sessionId", Some(session))]).await, status);
    }
    table.close();
    assert_eq!(t.row_counts().await, before);
    t.advance(Duration::from_secs(600));
    assert_eq!(desk.status([]).await, 401, "an expired one");
}

/// The two forms of a number are one line, and yet a session is for the form it was begun with.
#[tokio::test]
async fn an_equivalent_form_is_another_number_to_a_session() {
    let t = TestRegistry::start();
    let (new, old) = ("+2290190011234", "+22990011234");
    let session = t.verified_session(new).await;
    let me = SignalClient::generate();
    let body = me.registration(&session);
    assert_eq!(t.client.register(old, &me.password, &body).await.status, 400);
    assert_eq!(t.client.register(new, &me.password, &body).await.status, 201);
}

#[tokio::test]
async fn a_store_that_is_slow_or_does_not_answer() {
    let t = TestRegistry::start_with(|config| config.verification.check_within = Duration::from_millis(200));
    let desk = Desk::at(t).await;
    desk.t.faults.always("GetItem", Fault::Delay(Duration::from_secs(20)));
    // The store's own patience is 12 seconds; the client must not have to wait for that.
    let soon = tokio::time::timeout(Duration::from_secs(8), desk.status([])).await;
    assert_eq!(soon, Ok(503), "too slow");
    desk.t.faults.heal();
    let desk = Desk::open().await;
    for operation in ["GetItem", "TransactWriteItems"] {
        desk.t.faults.always(operation, Fault::LoseRequest);
        assert_eq!(desk.status([]).await, 503, "{operation}");
        desk.t.faults.heal();
    }
    assert_eq!(desk.register(&desk.body()).await.status, 201, "and nothing was written before");
}

#[tokio::test]
async fn an_answer_lost_after_the_commit_is_not_the_clients_trouble() {
    let desk = Desk::open().await;
    desk.t.faults.once("TransactWriteItems", Fault::LoseReply);
    let first = desk.register(&desk.body()).await.expect(201);
    desk.t.faults.once("TransactWriteItems", Fault::LoseReply);
    let again = desk.register(&desk.body()).await.expect(200);
    assert_eq!((&first["uuid"], &first["pni"]), (&again["uuid"], &again["pni"]));
    assert_eq!((&first["reregistration"], &again["reregistration"]), (&json!(false), &json!(true)));
}
