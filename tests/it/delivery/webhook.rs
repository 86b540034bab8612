//! The webhook: what is sent, what answers mean, and what happens when none comes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use signet_config::{Config, Secret, SenderKind};
use signet_tests::{Reaction, Receiver, Table, TestRegistry};
use tokio::sync::Notify;

use super::{NUMBER, SHORT, begin, deserted, nexts, registry, request, undeliverable, verifies, without_an_answer};

const SECRET: &str = "a secret of the receiver's";

pub fn to(url: String) -> impl FnOnce(&mut Config) {
    move |config| {
        config.verification.sender = SenderKind::Webhook;
        config.webhook.url = Some(Secret::new(url));
        config.webhook.secret = Some(Secret::new(SECRET.to_owned()));
    }
}

pub fn answer(status: u16, body: &str) -> Reaction {
    Reaction::Answer(status, body.to_owned())
}

async fn start(script: impl IntoIterator<Item = Reaction>) -> (Receiver, TestRegistry) {
    let receiver = Receiver::start(script).await;
    let registry = registry(to(format!("{}/codes?key=1", receiver.url())));
    (receiver, registry)
}

/// HMAC-SHA256 by openssl: not the code that is tested.
fn hmac(secret: &str, message: &[u8]) -> String {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is there");
    openssl.stdin.take().expect("a pipe").write_all(message).expect("it reads");
    let said = openssl.wait_with_output().expect("it ends").stdout;
    let said = String::from_utf8(said).expect("text");
    said.trim().rsplit(' ').next().expect("a digest").to_owned()
}

#[tokio::test]
async fn a_code_is_one_signed_request() {
    let (receiver, t) = start([answer(202, "")]).await;
    let id = begin(&t.client, NUMBER).await;
    let sent = request(&t.client, &id, "sms", "android-2021-03", "de-CH, en;q=0.5").await.expect(200);
    assert_eq!((&sent["nextSms"], &sent["nextVerificationAttempt"]), (&json!(60), &json!(0)));

    let received = receiver.received();
    let [letter] = &received[..] else { panic!("{} requests", received.len()) };
    let body = letter.json();
    let code = body["code"].as_str().expect("a code").to_owned();
    let delivery = letter.header("x-signet-delivery").expect("an id");
    assert_eq!(
        body,
        json!({
            "number": NUMBER, "transport": "sms", "code": code, "language": "de-CH, en;q=0.5", "client": "android-with-fcm",
            "text": format!("Dein Code für Signet lautet {code}. Gib ihn niemandem weiter."),
            "deliveryId": delivery, "expiresInSeconds": 600,
        })
    );
    assert_eq!(letter.header("idempotency-key"), Some(delivery));
    assert_eq!(letter.header("content-type"), Some("application/json"));
    let now = t.registry.clock.now().seconds();
    let signed = [format!("{now}.").as_bytes(), &letter.body].concat();
    let expected = format!("t={now},v1={}", hmac(SECRET, &signed));
    assert_eq!(letter.header("x-signet-signature"), Some(expected.as_str()));
    assert!(verifies(&t.client, &id, &code).await);
    assert_eq!(t.client.manage(&format!("/outbox/{NUMBER}")).await.status, 404, "operators see no codes");

    let metrics = t.client.manage("/metrics").await.text;
    assert!(metrics.contains(r#"signet_codes_total{sender="webhook",transport="sms",outcome="sent"}"#), "{metrics}");
}

#[tokio::test]
async fn calls_go_out_apart_if_so_configured() {
    let receiver = Receiver::start([answer(200, "")]).await;
    let url = receiver.url();
    let t = registry(|config| {
        config.verification.voice_sender = Some(SenderKind::Webhook);
        config.webhook.url = Some(Secret::new(url));
    });
    let id = begin(&t.client, NUMBER).await;
    t.client.request_code(&id, "sms").await.expect(200);
    assert!(receiver.received().is_empty(), "the SMS is the outbox's");
    let written = t.code(NUMBER);
    t.advance(Duration::from_secs(60));
    request(&t.client, &id, "voice", "ios", "").await.expect(200);
    let (letter, body) = (receiver.last(), receiver.last().json());
    assert_eq!((&body["transport"], &body["client"]), (&json!("voice"), &json!("ios")));
    assert_eq!((&body["language"], body.get("text")), (&Value::Null, None), "a call is not read from a text");
    assert_eq!(letter.header("x-signet-signature"), None, "there is no secret to sign with");
    assert_eq!(t.code(NUMBER), written);
    assert!(verifies(&t.client, &id, body["code"].as_str().expect("a code")).await);
}

/// Status and body for the client, then when it may ask for the next SMS.
#[tokio::test]
async fn answers_become_statuses() {
    let (receiver, t) = start([answer(200, "")]).await;
    let unavailable = || (440, undeliverable("providerUnavailable", false), 0);
    let rejected = |permanent| (440, undeliverable("providerRejected", permanent), 60);
    let mut table = Table::default();
    for (n, (status, said, (to_client, body, next))) in [
        (200, "", (200, Value::Null, 60)),
        (204, "", (200, Value::Null, 60)),
        (422, r#"{"reason":"providerRejected"}"#, rejected(true)),
        (422, r#"{"reason":"providerRejected","permanentFailure":false,"more":1}"#, rejected(false)),
        (400, r#"{"reason":"illegalArgument"}"#, (440, undeliverable("illegalArgument", true), 60)),
        (400, r#"{"reason":"providerUnavailable"}"#, unavailable()),
        (400, r#"{"reason":"transportNotAllowed"}"#, (418, Value::Null, -1)),
        (400, r#"{"reason":"no such reason"}"#, rejected(true)),
        (400, "no JSON", rejected(true)),
        (403, "", rejected(true)),
        (429, "", unavailable()),
        (500, r#"{"reason":"providerRejected"}"#, unavailable()),
        (503, "", unavailable()),
        (307, "", unavailable()),
    ]
    .into_iter()
    .enumerate()
    {
        receiver.react([answer(status, said)]);
        let before = receiver.received().len();
        let id = begin(&t.client, &format!("+1202555{n:04}")).await;
        let told = t.client.request_code(&id, "sms").await;
        let told_body = if to_client == 440 { told.json() } else { Value::Null };
        let made = receiver.received().len() - before;
        let found = (told.status, told_body, nexts(&t.client, &id).await.0, made);
        table.row(format!("{status} {said}"), found, (to_client, body, next, 1));
    }
    table.close();
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_once_more_under_the_same_id() {
    for loss in [Reaction::HangUp, answer(502, ""), answer(504, "")] {
        let (receiver, t) = start([loss, answer(200, "")]).await;
        let id = begin(&t.client, NUMBER).await;
        t.client.request_code(&id, "sms").await.expect(200);
        let received = receiver.received();
        let [first, second] = &received[..] else { panic!("{} requests", received.len()) };
        assert_eq!(first.header("x-signet-delivery"), second.header("x-signet-delivery"));
        assert_eq!(first.body, second.body);
        assert!(verifies(&t.client, &id, second.json()["code"].as_str().expect("a code")).await);
        // Another code is another delivery.
        let id = begin(&t.client, NUMBER).await;
        t.client.request_code(&id, "sms").await.expect(200);
        assert_ne!(receiver.last().header("x-signet-delivery"), first.header("x-signet-delivery"));
    }
}

/// Nobody knows whether the code went out: it stays valid, its place in the schedule stays taken.
#[tokio::test]
async fn without_an_answer_the_code_stays() {
    for (script, requests) in [(Reaction::Silence, 1), (Reaction::HangUp, 2), (answer(504, ""), 2)] {
        let receiver = Receiver::start([script]).await;
        let (t, id) = without_an_answer(to(receiver.url())).await;
        assert_eq!(receiver.received().len(), requests);
        assert!(verifies(&t.client, &id, receiver.last().json()["code"].as_str().expect("a code")).await);
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let t = registry(to(deserted()));
    let id = begin(&t.client, NUMBER).await;
    for _ in 0..2 {
        let told = t.client.request_code(&id, "sms").await.expect(440);
        assert_eq!(told, undeliverable("providerUnavailable", false));
        assert_eq!(nexts(&t.client, &id).await, (0, -1));
    }
}

/// A code that did go out counts again when the next one fails, with the guesses that were made at it.
#[tokio::test]
async fn a_failed_resend_leaves_the_old_code_and_its_guesses() {
    let (receiver, t) = start([answer(200, ""), answer(503, "")]).await;
    let id = begin(&t.client, NUMBER).await;
    t.client.request_code(&id, "sms").await.expect(200);
    let code = receiver.last().json()["code"].as_str().expect("a code").to_owned();
    for _ in 0..2 {
        assert!(!verifies(&t.client, &id, "none").await);
    }
    t.advance(Duration::from_secs(60));
    t.client.request_code(&id, "sms").await.expect(440);
    assert_ne!(receiver.last().json()["code"], code.as_str());
    assert!(!verifies(&t.client, &id, "none").await);
    assert_eq!(nexts(&t.client, &id).await, (0, 60), "the fourth guess has to wait");
    t.advance(Duration::from_secs(60));
    assert!(verifies(&t.client, &id, &code).await);
}

/// The client goes while the provider thinks; that it fails is noted all the same.
#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing_half_done() {
    let told = Arc::new(Notify::new());
    let (receiver, t) = start([Reaction::When(told.clone(), 503)]).await;
    let id = begin(&t.client, NUMBER).await;
    let (client, session) = (t.client.clone(), id.clone());
    let asking = tokio::spawn(async move { client.request_code(&session, "sms").await });
    receiver.until(1).await;
    assert_eq!(nexts(&t.client, &id).await, (60, 0));
    asking.abort();
    assert!(asking.await.expect_err("it was cut short").is_cancelled());
    // The registry needs a moment to see that the connection is gone; what it does before or after must be the same.
    tokio::time::sleep(SHORT).await;
    told.notify_one();
    for _ in 0..400 {
        if nexts(&t.client, &id).await == (0, -1) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the failed code was never taken back");
}
