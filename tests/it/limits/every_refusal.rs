//! Each 429 says who refused, in its header and in the metrics, and never asks for less than a second.

use std::time::Duration;

use serde_json::json;
use signet_config::{ChallengeKind, Limit, LimitId};
use signet_tests::{Answer, Client, SignalClient, Table, TestRegistry};

use super::NUMBER;

const FAILED: &str = "noop.noop.registration.guess";

/// A registry in which this limit is met at the second try, and soon over: the wait is less than a second.
fn with_one(id: LimitId) -> TestRegistry {
    TestRegistry::start_with(|config| {
        config.limits.set(id, Limit { size: 1, per: Duration::from_millis(300), ..config.limits.get(id) });
        if matches!(id, LimitId::VerificationPushChallenge | LimitId::VerificationCaptcha) {
            config.verification.challenge = ChallengeKind::Stub;
        }
    })
}

async fn begin(client: &Client) -> String {
    let body = json!({"number": NUMBER, "pushToken": "t", "pushTokenType": "apn"});
    client.begin_session_with(&body).await.expect(200)["id"].as_str().expect("an id").to_owned()
}

/// The refusal of the second try.
async fn second(id: LimitId) -> Answer {
    let t = with_one(id);
    let client = &t.client;
    match id {
        LimitId::VerificationSession => {
            begin(client).await;
            client.begin_session(NUMBER).await
        }
        LimitId::VerificationPushChallenge => {
            let session = begin(client).await;
            let wrong = json!({"pushChallenge": "0".repeat(32)});
            client.update_session(&session, &wrong).await;
            client.update_session(&session, &wrong).await
        }
        LimitId::VerificationCaptcha => {
            let session = begin(client).await;
            client.update_session(&session, &json!({"captcha": FAILED})).await;
            client.update_session(&session, &json!({"captcha": FAILED})).await
        }
        LimitId::CodePerNumber => {
            client.request_code(&begin(client).await, "sms").await.expect(200);
            client.request_code(&begin(client).await, "sms").await
        }
        LimitId::Registration | LimitId::RegistrationPerAddress => {
            let me = SignalClient::generate();
            let body = me.registration("AAAAAAAAAAAAAAAAAAAAAA==");
            client.register(NUMBER, &me.password, &body).await;
            client.register(NUMBER, &me.password, &body).await
        }
        other => panic!("{other:?} is met elsewhere"),
    }
}

#[tokio::test]
async fn every_limiter_names_itself() {
    let mut table = Table::default();
    for id in [
        LimitId::VerificationSession,
        LimitId::VerificationPushChallenge,
        LimitId::VerificationCaptcha,
        LimitId::CodePerNumber,
        LimitId::Registration,
        LimitId::RegistrationPerAddress,
    ] {
        let refused = second(id).await;
        table.row(format!("{} refuses", id.name()), refused.status, 429);
        table.row(format!("{} in the header", id.name()), refused.header("x-ratelimit-limiter"), Some(id.name()));
        table.row(format!("{}, wait", id.name()), refused.header("retry-after"), Some("1"));
        table.row(format!("{} in the metrics", id.name()), is_counted(id.name()).await, true);
    }
    table.close();
}

/// The metrics belong to the process, which is that of all tests.
async fn is_counted(limiter: &str) -> bool {
    let t = TestRegistry::start();
    let line = format!(r#"signet_limiter_total{{limiter="{limiter}",outcome="refused"}} "#);
    t.client.manage("/metrics").await.text.lines().any(|found| found.starts_with(&line))
}

#[tokio::test]
async fn the_schedule_of_a_session_is_a_limiter_too() {
    let t = TestRegistry::start();
    let mut table = Table::default();
    let mut expect = |what: &str, answer: &Answer, wait: Option<&str>| {
        table.row(what, answer.status, 429);
        table.row(format!("{what}, who"), answer.header("x-ratelimit-limiter"), Some("sessionSchedule"));
        table.row(format!("{what}, wait"), answer.header("retry-after"), wait);
        table.row(format!("{what}, session"), answer.json()["id"].is_string(), true);
    };
    let session = begin(&t.client).await;
    t.client.request_code(&session, "sms").await.expect(200);
    t.advance(Duration::from_millis(59_999));
    expect("an SMS too early", &t.client.request_code(&session, "sms").await, Some("1"));
    for _ in 0..3 {
        t.client.submit_code(&session, "no").await.expect(200);
    }
    expect("a guess too early", &t.client.submit_code(&session, "no").await, Some("60"));
    t.advance(Duration::from_secs(60));
    t.client.submit_code(&session, "no").await.expect(200);
    t.advance(Duration::from_secs(120));
    t.client.submit_code(&session, "no").await.expect(200);
    expect("no guess left", &t.client.submit_code(&session, "no").await, None);
    for wait in [60, 120, 300, 600] {
        t.advance(Duration::from_secs(wait));
        t.client.request_code(&session, "sms").await.expect(200);
    }
    expect("no SMS left", &t.client.request_code(&session, "sms").await, None);
    table.row("in the metrics", is_counted("sessionSchedule").await, true);
    table.close();
}
