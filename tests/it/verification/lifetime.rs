//! How long codes and sessions live, to the millisecond (§4.8, §5.2). An expired row is absent although the store still has it.

use signet_storage::dynamo::tables::Table;
use signet_tests::{SignalClient, TestRegistry};

use super::{MILLISECOND, begin, expect_nothing, expect_session, number, other_than, seconds, with_code};

#[tokio::test]
async fn a_code_dies_to_the_millisecond() {
    for lifetime in [1, 7, 600] {
        let t = TestRegistry::start_with(|config| config.verification.code_lifetime = seconds(lifetime));
        let (in_time, code) = with_code(&t, &number(600)).await;
        let (late, late_code) = with_code(&t, &number(601)).await;
        t.advance(seconds(lifetime) - MILLISECOND);
        assert_eq!(expect_session(&t.client.submit_code(&in_time, &code).await, 200)["verified"], true);
        t.advance(MILLISECOND);
        let expired = expect_session(&t.client.submit_code(&late, &late_code).await, 409);
        assert_eq!((&expired["verified"], &expired["nextVerificationAttempt"]), (&false.into(), &().into()));
    }
}

/// Each of these leaves the session alive until just before the given number of seconds from now.
#[tokio::test]
async fn a_session_dies_to_the_millisecond() {
    let t = TestRegistry::start();
    let fresh = begin(&t, &number(610)).await;
    let (sent, _) = with_code(&t, &number(611)).await;
    let (guessed, code) = with_code(&t, &number(612)).await;
    expect_session(&t.client.submit_code(&guessed, &other_than(&code)).await, 200);
    let (verified, code) = with_code(&t, &number(613)).await;
    expect_session(&t.client.submit_code(&verified, &code).await, 200);

    let rows = t.rows(Table::Sessions).await.len();
    t.advance(seconds(600) - MILLISECOND);
    for id in [&fresh, &sent, &guessed, &verified] {
        expect_session(&t.client.session(id).await, 200);
    }
    t.advance(MILLISECOND);
    for id in [&fresh, &verified] {
        assert_gone(&t, id).await;
    }
    // The next SMS might have gone out a minute after the first, and ten minutes are counted from then.
    t.advance(seconds(60) - MILLISECOND);
    for id in [&sent, &guessed] {
        expect_session(&t.client.session(id).await, 200);
    }
    t.advance(MILLISECOND);
    for id in [&sent, &guessed] {
        assert_gone(&t, id).await;
    }
    assert_eq!(t.rows(Table::Sessions).await.len(), rows, "the rows are there; it was their readers who knew better");
}

async fn assert_gone(t: &TestRegistry, id: &str) {
    expect_nothing(&t.client.session(id).await, 404);
    expect_nothing(&t.client.update_session(id, &serde_json::json!({})).await, 404);
    expect_nothing(&t.client.request_code(id, "sms").await, 404);
    expect_nothing(&t.client.submit_code(id, "000000").await, 404);
}

#[tokio::test]
async fn asking_and_guessing_keep_a_session_alive_and_reading_does_not() {
    let t = TestRegistry::start();
    let id = begin(&t, &number(614)).await;
    t.advance(seconds(599));
    expect_session(&t.client.session(&id).await, 200);
    expect_session(&t.client.request_code(&id, "sms").await, 200);
    t.advance(seconds(599));
    expect_session(&t.client.submit_code(&id, "wrong").await, 200);
    t.advance(seconds(599));
    expect_session(&t.client.session(&id).await, 200);
    t.advance(seconds(1));
    expect_nothing(&t.client.session(&id).await, 404);
}

#[tokio::test]
async fn a_verified_session_registers_for_ten_minutes() {
    let t = TestRegistry::start();
    let me = SignalClient::generate();
    let session = t.verified_session(&number(615)).await;
    t.advance(seconds(600) - MILLISECOND);
    let body = me.registration(&session);
    assert_eq!(t.client.register(&number(615), &me.password, &body).await.status, 201);
    t.advance(MILLISECOND);
    assert_eq!(t.client.register(&number(615), &me.password, &body).await.status, 401);
}
