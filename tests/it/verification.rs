//! Verification sessions over HTTP, row by row of the contract (registration §4.2 to §4.8, §5.2).

mod begin;
mod challenge;
mod code;
mod guess;
mod lifetime;
mod load;
mod parallel;
mod refused;
mod secrecy;
mod store;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};
use signet_config::ChallengeKind;
use signet_tests::{Answer, TestRegistry};

/// The session of an answer, which must have exactly the fields of the contract, each of its kind.
#[track_caller]
fn session_of(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.text);
    let body = answer.json();
    let mut fields: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    fields.sort_unstable();
    let expected = [
        "allowedToRequestCode",
        "id",
        "nextCall",
        "nextSms",
        "nextVerificationAttempt",
        "requestedInformation",
        "verified",
    ];
    assert_eq!(fields, expected);
    for next in ["nextSms", "nextCall", "nextVerificationAttempt"] {
        assert!(body[next].is_null() || body[next].is_u64(), "{body}");
    }
    assert!(body["allowedToRequestCode"].is_boolean() && body["verified"].is_boolean(), "{body}");
    let wanted = body["requestedInformation"].as_array().expect("an array");
    assert!(wanted.iter().all(|one| one == "captcha" || one == "pushChallenge"), "{body}");
    let id = body["id"].as_str().expect("a text");
    assert_eq!(URL_SAFE.decode(id).expect("URL-safe base64, padded").len(), 16);
    body
}

/// The answer has this status and the session; returns the session.
#[track_caller]
fn expect_session(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    session_of(answer)
}

#[track_caller]
fn expect_nothing(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.text.as_str()), (status, ""));
}

/// `(nextSms, nextCall, nextVerificationAttempt)`, where -1 stands for null.
fn nexts(session: &Value) -> (i64, i64, i64) {
    let next = |name: &str| session[name].as_i64().unwrap_or(-1);
    (next("nextSms"), next("nextCall"), next("nextVerificationAttempt"))
}

fn retry_after(answer: &Answer) -> Option<u64> {
    answer.header("retry-after").map(|text| text.parse().expect("whole seconds"))
}

fn number(n: u32) -> String {
    format!("+1202555{n:04}")
}

/// A code that is not this one.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..5])
}

/// A session for this number; its id.
async fn begin(t: &TestRegistry, number: &str) -> String {
    let session = expect_session(&t.client.begin_session(number).await, 200);
    session["id"].as_str().expect("an id").to_owned()
}

/// A session to which a code was sent: its id, and the code.
async fn with_code(t: &TestRegistry, number: &str) -> (String, String) {
    let id = begin(t, number).await;
    expect_session(&t.client.request_code(&id, "sms").await, 200);
    (id, t.code(number))
}

fn with_challenge() -> TestRegistry {
    TestRegistry::start_with(|config| config.verification.challenge = ChallengeKind::Stub)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

const MILLISECOND: Duration = Duration::from_millis(1);

/// Sends `body` as it is to one of the session's routes.
async fn send(t: &TestRegistry, method: &str, path: &str, body: &str) -> Answer {
    t.client.send(method, path, &[("content-type", "application/json")], body).await
}

#[tokio::test]
async fn from_a_number_to_a_verified_session() {
    let t = with_challenge();
    let number = number(100);
    let begun = expect_session(&t.client.begin_session(&number).await, 200);
    let id = begun["id"].as_str().expect("an id").to_owned();
    let mut expected = json!({
        "id": id, "nextSms": 0, "nextCall": null, "nextVerificationAttempt": null,
        "allowedToRequestCode": false, "requestedInformation": ["captcha"], "verified": false,
    });
    assert_eq!(begun, expected);
    let mut step = |answer: &Answer, changes: Value| {
        for (field, value) in changes.as_object().expect("fields") {
            expected[field] = value.clone();
        }
        assert_eq!(expect_session(answer, 200), expected);
    };
    let solved = t.client.update_session(&id, &json!({"captcha": "noop.noop.registration.noop"})).await;
    step(&solved, json!({"allowedToRequestCode": true, "requestedInformation": []}));
    let sent = t.client.request_code(&id, "sms").await;
    step(&sent, json!({"nextSms": 60, "nextCall": 60, "nextVerificationAttempt": 0}));
    step(&t.client.session(&id).await, json!({}));
    let code = t.code(&number);
    assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
    let verified = t.client.submit_code(&id, &code).await;
    step(&verified, json!({"nextSms": null, "nextCall": null, "nextVerificationAttempt": null, "verified": true}));
    step(&t.client.session(&id).await, json!({}));
}
