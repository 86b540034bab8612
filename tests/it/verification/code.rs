//! `POST /v1/verification/session/{id}/code`: asking for codes, and the waits between them (§4.5, §5.2).

use serde_json::json;
use signet_tests::{Table, TestRegistry};

use super::{
    MILLISECOND, begin, expect_nothing, expect_session, nexts, number, retry_after, seconds, with_challenge, with_code,
};

#[tokio::test]
async fn every_client_and_language_is_served() {
    let t = TestRegistry::start();
    let clients = ["ios", "android-2021-03", "Android", "desktop", ""];
    let languages = ["en-US,de", "*", "", "!?", "de;q=0.5"];
    for (n, (client, language)) in (400..).zip(clients.iter().zip(languages)) {
        let id = begin(&t, &number(n)).await;
        let body = json!({"transport": "sms", "client": client, "other": 1}).to_string();
        let headers = [("content-type", "application/json"), ("accept-language", language)];
        let answer = t.client.send("POST", &format!("/v1/verification/session/{id}/code"), &headers, body).await;
        assert_eq!(nexts(&expect_session(&answer, 200)), (60, 60, 0), "{client} {language}");
    }
}

#[tokio::test]
async fn a_code_is_not_sent_before_the_challenge_nor_after_success() {
    let t = with_challenge();
    let id = begin(&t, &number(410)).await;
    let wanting = expect_session(&t.client.request_code(&id, "sms").await, 409);
    assert_eq!((&wanting["verified"], &wanting["requestedInformation"]), (&json!(false), &json!(["captcha"])));
    assert!(t.registry.outbox.letter(&number(410)).is_none());
    expect_nothing(&t.client.request_code("AAAAAAAAAAAAAAAAAAAAAA==", "sms").await, 404);

    let t = TestRegistry::start();
    let (id, code) = with_code(&t, &number(411)).await;
    expect_session(&t.client.submit_code(&id, &code).await, 200);
    t.advance(seconds(60));
    for transport in ["sms", "voice"] {
        let verified = t.client.request_code(&id, transport).await;
        assert_eq!(expect_session(&verified, 409)["verified"], true);
    }
    assert_eq!(t.code(&number(411)), code, "no other code went out");
}

#[tokio::test]
async fn sms_wait_1_2_5_and_10_minutes_to_the_millisecond() {
    let t = TestRegistry::start();
    let (id, _) = with_code(&t, &number(412)).await;
    for wait in [60, 120, 300, 600] {
        let early = t.client.request_code(&id, "sms").await;
        assert_eq!(nexts(&expect_session(&early, 429)).0, i64::try_from(wait).expect("small"));
        assert_eq!(retry_after(&early), Some(wait));
        t.advance(seconds(wait) - MILLISECOND);
        let early = t.client.request_code(&id, "sms").await;
        assert_eq!(nexts(&expect_session(&early, 429)).0, 1);
        assert_eq!((retry_after(&early), early.header("x-ratelimit-limiter")), (Some(1), Some("sessionSchedule")));
        t.advance(MILLISECOND);
        expect_session(&t.client.request_code(&id, "sms").await, 200);
    }
    assert_eq!(nexts(&expect_session(&t.client.session(&id).await, 200)).0, -1);
    for _ in 0..2 {
        let over = t.client.request_code(&id, "sms").await;
        assert_eq!((nexts(&expect_session(&over, 429)).0, retry_after(&over)), (-1, None));
        t.advance(seconds(60));
    }
}

#[tokio::test]
async fn calls_wait_for_an_sms_and_then_1_1_and_5_minutes() {
    let t = TestRegistry::start();
    let id = begin(&t, &number(413)).await;
    let first = t.client.request_code(&id, "voice").await;
    assert_eq!((nexts(&expect_session(&first, 429)), retry_after(&first)), ((0, -1, -1), None));
    expect_session(&t.client.request_code(&id, "sms").await, 200);
    for wait in [60, 60, 300] {
        let early = t.client.request_code(&id, "voice").await;
        assert_eq!(nexts(&expect_session(&early, 429)).1, i64::try_from(wait).expect("small"));
        assert_eq!(retry_after(&early), Some(wait));
        t.advance(seconds(wait) - MILLISECOND);
        assert_eq!(retry_after(&t.client.request_code(&id, "voice").await), Some(1));
        t.advance(MILLISECOND);
        expect_session(&t.client.request_code(&id, "voice").await, 200);
    }
    let over = t.client.request_code(&id, "voice").await;
    assert_eq!((nexts(&expect_session(&over, 429)).1, retry_after(&over)), (-1, None));
}

#[tokio::test]
async fn one_transport_does_not_use_up_the_other() {
    let t = TestRegistry::start();
    let (id, first) = with_code(&t, &number(414)).await;
    t.advance(seconds(60));
    expect_session(&t.client.request_code(&id, "voice").await, 200);
    let called = t.code(&number(414));
    expect_session(&t.client.request_code(&id, "sms").await, 200);
    let last = t.code(&number(414));
    let mut table = Table::default();
    for old in [first, called].iter().filter(|old| **old != last) {
        let answer = t.client.submit_code(&id, old).await;
        table.row("an older code", (answer.status, answer.json()["verified"].clone()), (200, json!(false)));
    }
    table.row("the last code", t.client.submit_code(&id, &last).await.json()["verified"].clone(), json!(true));
    table.close();
}

#[tokio::test]
async fn a_refused_resend_leaves_the_old_code_valid() {
    let t = TestRegistry::start();
    let (id, code) = with_code(&t, &number(415)).await;
    expect_session(&t.client.request_code(&id, "sms").await, 429);
    expect_session(&t.client.request_code(&id, "voice").await, 429);
    assert_eq!(t.code(&number(415)), code);
    assert_eq!(expect_session(&t.client.submit_code(&id, &code).await, 200)["verified"], true);
}
