//! Test numbers: a fixed code that goes to nobody, until a given time.

use std::time::Duration;

use serde_json::json;
use signet_config::{ChallengeKind, LimitId};
use signet_tests::registry::NOON;
use signet_tests::{Receiver, TestRegistry};

use super::{NUMBER, begin, nexts, registry, verifies, webhook};

const CODE: &str = "012345";
const OTHER: &str = "+12025550124";
const HOUR: Duration = Duration::from_secs(3600);

/// For an hour the number is one for tests.
fn with_test_number() -> TestRegistry {
    registry(|config| {
        let until = u64::try_from(NOON.plus(HOUR).millis()).expect("after 1970");
        config.verification.test_numbers.set(NUMBER, CODE, until);
        let mut one = config.limits.get(LimitId::VerificationSession);
        (one.size, one.per) = (1, HOUR);
        config.limits.set(LimitId::VerificationSession, one);
    })
}

#[tokio::test]
async fn the_code_is_fixed_and_nothing_holds_it_up() {
    let t = with_test_number();
    for _ in 0..3 {
        let id = begin(&t.client, NUMBER).await;
        for transport in ["sms", "sms", "voice", "sms", "sms", "sms", "sms", "voice", "voice", "voice"] {
            let sent = t.client.request_code(&id, transport).await.expect(200);
            assert_eq!((&sent["nextSms"], &sent["nextVerificationAttempt"]), (&json!(0), &json!(0)));
        }
        assert!(t.registry.outbox.letter(NUMBER).is_none(), "nothing is sent");
        assert!(!verifies(&t.client, &id, "543210").await);
        assert!(verifies(&t.client, &id, CODE).await);
        t.client.request_code(&id, "sms").await.expect(409);
    }
    // Others are held up, and their codes are their own.
    let id = begin(&t.client, OTHER).await;
    t.client.begin_session(OTHER).await.expect(429);
    t.client.request_code(&id, "sms").await.expect(200);
    t.client.request_code(&id, "sms").await.expect(429);
    assert!(verifies(&t.client, &id, &t.code(OTHER)).await);
}

#[tokio::test]
async fn guesses_are_counted() {
    let t = with_test_number();
    let id = begin(&t.client, NUMBER).await;
    t.client.request_code(&id, "sms").await.expect(200);
    for _ in 0..3 {
        assert!(!verifies(&t.client, &id, "543210").await);
    }
    t.client.submit_code(&id, CODE).await.expect(429);
    t.advance(Duration::from_secs(60));
    assert!(verifies(&t.client, &id, CODE).await);
}

#[tokio::test]
async fn the_challenge_comes_first() {
    let t = registry(|config| {
        config.verification.test_numbers.set(NUMBER, CODE, u64::MAX);
        config.verification.challenge = ChallengeKind::Stub;
    });
    let id = begin(&t.client, NUMBER).await;
    t.client.request_code(&id, "sms").await.expect(409);
    t.client.update_session(&id, &json!({"captcha": "noop.noop.registration.noop"})).await.expect(200);
    t.client.request_code(&id, "sms").await.expect(200);
    assert!(verifies(&t.client, &id, CODE).await);
}

#[tokio::test]
async fn it_ends_to_the_millisecond() {
    let t = with_test_number();
    let millisecond = Duration::from_millis(1);
    t.advance(HOUR - millisecond);
    let id = begin(&t.client, NUMBER).await;
    t.client.request_code(&id, "sms").await.expect(200);
    assert_eq!(nexts(&t.client, &id).await, (0, 0));
    t.advance(millisecond);
    t.client.request_code(&id, "sms").await.expect(200);
    assert_eq!(nexts(&t.client, &id).await, (60, 0), "now it waits like any other");
    let drawn = t.code(NUMBER);
    assert!(verifies(&t.client, &id, &drawn).await);
}

/// Whoever sends to others, nobody sends to these.
#[tokio::test]
async fn no_sender_hears_of_it() {
    let receiver = Receiver::start([webhook::answer(200, "")]).await;
    let t = registry(|config| {
        webhook::to(receiver.url())(config);
        config.verification.test_numbers.set(NUMBER, CODE, u64::MAX);
    });
    let id = begin(&t.client, NUMBER).await;
    t.client.request_code(&id, "sms").await.expect(200);
    assert!(receiver.received().is_empty());
    assert!(verifies(&t.client, &id, CODE).await);
}
