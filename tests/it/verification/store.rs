//! A store that does not answer, or whose answer is lost: 503, and nothing half done.

use signet_storage::dynamo::faults::Fault;
use signet_tests::{Answer, TestRegistry};

use super::{begin, expect_nothing, expect_session, number, other_than, with_code};

#[track_caller]
fn unavailable(answer: &Answer) {
    expect_nothing(answer, 503);
    assert!(answer.header("x-signal-timestamp").is_some());
}

#[tokio::test]
async fn while_reads_fail_every_route_says_so() {
    let t = TestRegistry::start();
    let id = begin(&t, &number(1000)).await;
    t.faults.always("GetItem", Fault::LoseRequest);
    let nothing = serde_json::json!({"captcha": "x"});
    let (get, update, request, submit) = futures::join!(
        t.client.session(&id),
        t.client.update_session(&id, &nothing),
        t.client.request_code(&id, "sms"),
        t.client.submit_code(&id, "000000"),
    );
    for answer in [get, update, request, submit] {
        unavailable(&answer);
    }
    t.faults.heal();
    expect_session(&t.client.request_code(&id, "sms").await, 200);
}

#[tokio::test]
async fn while_writes_fail_nothing_changes() {
    let t = TestRegistry::start();
    let fresh = begin(&t, &number(1001)).await;
    let (id, code) = with_code(&t, &number(1002)).await;
    t.faults.always("PutItem", Fault::Throttle);
    let third = number(1003);
    let (created, requested, submitted) = futures::join!(
        t.client.begin_session(&third),
        t.client.request_code(&fresh, "sms"),
        t.client.submit_code(&id, &code)
    );
    for answer in [created, requested, submitted] {
        unavailable(&answer);
    }
    assert!(t.registry.outbox.letter(&number(1001)).is_none(), "a code that is not stored is not sent");
    t.faults.heal();
    assert_eq!(expect_session(&t.client.session(&id).await, 200)["verified"], false);
    assert_eq!(expect_session(&t.client.submit_code(&id, &code).await, 200)["verified"], true);
    expect_session(&t.client.request_code(&fresh, "sms").await, 200);
}

#[tokio::test]
async fn a_lost_answer_of_the_store_is_not_the_clients_trouble() {
    let t = TestRegistry::start();
    t.faults.once("PutItem", Fault::LoseReply);
    let (id, code) = with_code(&t, &number(1004)).await;
    t.faults.once("PutItem", Fault::LoseReply);
    let guessed = expect_session(&t.client.submit_code(&id, &other_than(&code)).await, 200);
    assert_eq!(guessed["verified"], false);
    t.faults.once("PutItem", Fault::LoseReply);
    assert_eq!(expect_session(&t.client.submit_code(&id, &code).await, 200)["verified"], true);
}
