//! Senders that fail (§4.6, §5.2).

use serde_json::{Value, json};
use signet_config::Refusal;
use signet_tests::TestRegistry;

use super::{begin, expect_session, nexts, number, seconds, session_of};

/// A registry whose sender refuses these numbers.
fn refusing(refusal: Refusal) -> TestRegistry {
    TestRegistry::start_with(|config| config.verification.refusals.set(&number(800), refusal))
}

#[tokio::test]
async fn what_the_client_is_told() {
    let undeliverable = |reason: &str, permanent: bool| json!({"reason": reason, "permanentFailure": permanent});
    for (refusal, status, body) in [
        (Refusal::Rejected, 440, undeliverable("providerRejected", true)),
        (Refusal::IllegalArgument, 440, undeliverable("illegalArgument", true)),
        (Refusal::Unavailable, 440, undeliverable("providerUnavailable", false)),
        (Refusal::TransportNotAllowed, 418, Value::Null),
    ] {
        let t = refusing(refusal);
        let id = begin(&t, &number(800)).await;
        let answer = t.client.request_code(&id, "sms").await;
        assert_eq!(answer.status, status, "{refusal:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        match status {
            418 => assert_eq!(nexts(&session_of(&answer)), (-1, 0, -1)),
            _ => assert_eq!(answer.json(), body),
        }
        assert!(t.registry.outbox.letter(&number(800)).is_none(), "nothing was sent");
        // What did not arrive cannot be guessed.
        let guess = expect_session(&t.client.submit_code(&id, "000000").await, 409);
        assert_eq!(guess["verified"], false);
        // And nobody else is affected.
        let other = begin(&t, &number(801)).await;
        expect_session(&t.client.request_code(&other, "sms").await, 200);
    }
}

#[tokio::test]
async fn a_failed_attempt_counts_unless_there_was_no_sender() {
    for (refusal, next_sms, next_call) in
        [(Refusal::Rejected, 60, 60), (Refusal::IllegalArgument, 60, 60), (Refusal::Unavailable, 0, -1)]
    {
        let t = refusing(refusal);
        let id = begin(&t, &number(800)).await;
        assert_eq!(t.client.request_code(&id, "sms").await.status, 440);
        let session = expect_session(&t.client.session(&id).await, 200);
        assert_eq!(nexts(&session), (next_sms, next_call, -1), "{refusal:?}");
        let status = if next_sms == 0 { 440 } else { 429 };
        assert_eq!(t.client.request_code(&id, "sms").await.status, status, "{refusal:?}");
        t.advance(seconds(60));
        assert_eq!(t.client.request_code(&id, "sms").await.status, 440, "{refusal:?}");
    }
}

#[tokio::test]
async fn a_transport_that_cannot_be_used_is_over_and_the_other_one_opens() {
    let t = refusing(Refusal::TransportNotAllowed);
    let id = begin(&t, &number(800)).await;
    expect_session(&t.client.request_code(&id, "sms").await, 418);
    let over = t.client.request_code(&id, "sms").await;
    assert_eq!((nexts(&expect_session(&over, 429)), over.header("retry-after")), ((-1, 0, -1), None));
    let call = expect_session(&t.client.request_code(&id, "voice").await, 418);
    assert_eq!(nexts(&call), (-1, -1, -1));
    let over = t.client.request_code(&id, "voice").await;
    assert_eq!((over.status, over.header("retry-after")), (429, None));
}
