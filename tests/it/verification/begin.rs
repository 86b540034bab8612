//! `POST /v1/verification/session` (§4.2).

use serde_json::{Value, json};
use signet_config::{Limit, LimitId, OnFailure};
use signet_tests::{Table, TestRegistry};

use super::{begin, expect_nothing, expect_session, number, retry_after, seconds, send, with_challenge};

const PATH: &str = "/v1/verification/session";

#[tokio::test]
async fn every_status() {
    let t = TestRegistry::start();
    let mut table = Table::default();
    for (body, status) in [
        (r#"{"number":"+12025550100"}"#, 200),
        (r#"{"number":"+12025550100","mcc":"001","mnc":"01","captcha":"x","pushChallenge":"y","other":[]}"#, 200),
        (r#"{"number":"+12025550100","pushToken":"t","pushTokenType":"apn"}"#, 200),
        (r#"{"number":"+12025550100","pushToken":"t","pushTokenType":"fcm"}"#, 200),
        (r#"{"number":"+12025550100","pushToken":null,"pushTokenType":null}"#, 200),
        (r#"{"number":"+2290190011234"}"#, 200),
        ("{", 400),
        ("nothing", 400),
        (r#"{"number":"+12025550100"} and more"#, 400),
        ("", 422),
        ("null", 422),
        ("[]", 422),
        ("{}", 422),
        (r#"{"number":null}"#, 422),
        (r#"{"number":12025550100}"#, 422),
        (r#"{"number":""}"#, 422),
        (r#"{"number":" "}"#, 422),
        (r#"{"number":"12025550100"}"#, 422),
        (r#"{"number":"+1202555010a"}"#, 422),
        (r#"{"number":" +12025550100"}"#, 422),
        (r#"{"number":"+1 202 555 0100"}"#, 422),
        (r#"{"number":"+4407700900111"}"#, 422),
        (r#"{"number":"+141512312341"}"#, 422),
        (r#"{"number":"+12025550100","pushToken":"t"}"#, 422),
        (r#"{"number":"+12025550100","pushTokenType":"apn"}"#, 422),
        (r#"{"number":"+12025550100","pushToken":"t","pushTokenType":"sms"}"#, 422),
        (r#"{"number":"+12025550100","pushToken":"t","pushTokenType":"APN"}"#, 422),
        (r#"{"number":"+22990011234"}"#, 499),
        (r#"{"number":"+22990011234","pushToken":"t"}"#, 422),
    ] {
        let answer = send(&t, "POST", PATH, body).await;
        table.row(body, answer.status, status);
        if status == 200 {
            expect_session(&answer, 200);
        }
    }
    table.close();
}

#[tokio::test]
async fn a_refused_request_begins_nothing() {
    let t = TestRegistry::start();
    let before = t.row_counts().await;
    for body in ["{", "{}", r#"{"number":"+22990011234"}"#, r#"{"number":"+12025550100","pushToken":"t"}"#] {
        assert!(send(&t, "POST", PATH, body).await.status >= 400);
    }
    assert_eq!(t.row_counts().await, before);
}

#[tokio::test]
async fn credentials_are_not_looked_at() {
    let t = TestRegistry::start();
    let headers = [("authorization", "Basic rubbish"), ("content-type", "application/json")];
    let answer = t.client.send("POST", PATH, &headers, r#"{"number":"+12025550100"}"#).await;
    expect_session(&answer, 200);
}

#[tokio::test]
async fn what_a_session_wants_first_is_configured() {
    let t = TestRegistry::start();
    let push = json!({"number": number(1), "pushToken": "t", "pushTokenType": "fcm"});
    for body in [json!({"number": number(1)}), push.clone()] {
        let session = expect_session(&t.client.begin_session_with(&body).await, 200);
        assert_eq!((&session["allowedToRequestCode"], &session["requestedInformation"]), (&json!(true), &json!([])));
    }
    assert!(t.registry.outbox.letter(&number(1)).is_none(), "nothing was asked, so nothing is sent");

    let t = with_challenge();
    let plain = expect_session(&t.client.begin_session(&number(1)).await, 200);
    assert_eq!(plain["requestedInformation"], json!(["captcha"]));
    let pushed = expect_session(&t.client.begin_session_with(&push).await, 200);
    assert_eq!(pushed["requestedInformation"], json!(["pushChallenge", "captcha"]));
    assert_eq!((&plain["allowedToRequestCode"], &pushed["allowedToRequestCode"]), (&json!(false), &json!(false)));
    let challenge = t.push_challenge(&number(1));
    assert!(challenge.len() == 32 && challenge.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')), "{challenge}");
}

#[tokio::test]
async fn every_session_is_another() {
    let t = TestRegistry::start();
    let (one, two) = (begin(&t, &number(2)).await, begin(&t, &number(2)).await);
    assert_ne!(one, two);
}

#[tokio::test]
async fn one_address_begins_so_many_sessions_for_a_number() {
    let t = TestRegistry::start_with(|config| {
        let limit = Limit::bucket(2, seconds(30), OnFailure::Refuse);
        config.limits.set(LimitId::VerificationSession, limit);
        config.server.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    });
    let from = async |address: &str, number: &str| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
        t.client.send("POST", PATH, &headers, json!({ "number": number }).to_string()).await
    };
    // What is not a request does not count.
    for _ in 0..5 {
        assert_eq!(from("192.0.2.1", "rubbish").await.status, 422);
    }
    for _ in 0..2 {
        expect_session(&from("192.0.2.1", &number(3)).await, 200);
    }
    let refused = from("192.0.2.1", &number(3)).await;
    expect_nothing(&refused, 429);
    assert_eq!((retry_after(&refused), refused.header("x-ratelimit-limiter")), (Some(30), Some("verificationSession")));
    expect_session(&from("192.0.2.1", &number(4)).await, 200);
    expect_session(&from("192.0.2.2", &number(3)).await, 200);
    t.advance(seconds(30));
    expect_session(&from("192.0.2.1", &number(3)).await, 200);
    expect_nothing(&from("192.0.2.1", &number(3)).await, 429);
}

#[tokio::test]
async fn bodies_hold_no_more_than_they_should() {
    let t = TestRegistry::start();
    let body = t.client.begin_session("rubbish").await;
    assert_eq!((body.status, body.json()), (422, Value::Null), "what was wrong is not repeated");
}
