//! `PATCH /v1/verification/session/{id}`: push challenges and captchas (§4.3, §4.9).

use serde_json::{Value, json};
use signet_tests::{Table, TestRegistry};

use super::{begin, expect_nothing, expect_session, number, retry_after, seconds, with_challenge};

const SOLVED: &str = "noop.noop.registration.noop";
const FAILED: &str = "noop.noop.registration.guess";

/// A session that wants both; its id.
async fn begin_with_push(t: &TestRegistry, number: &str) -> String {
    let body = json!({"number": number, "pushToken": "t", "pushTokenType": "apn"});
    let session = expect_session(&t.client.begin_session_with(&body).await, 200);
    session["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn every_status() {
    let t = with_challenge();
    let mut table = Table::default();
    let wrong = "0".repeat(32);
    let rows: [(&str, Value, u16, Option<bool>); 10] = [
        ("nothing", json!({}), 200, Some(false)),
        ("all null", json!({"pushChallenge": null, "captcha": null, "pushToken": null}), 200, Some(false)),
        ("a network", json!({"mcc": "001", "mnc": "01"}), 200, Some(false)),
        ("a wrong challenge", json!({"pushChallenge": wrong}), 403, Some(false)),
        ("an empty challenge", json!({"pushChallenge": ""}), 403, Some(false)),
        ("a captcha failed", json!({"captcha": FAILED}), 403, Some(false)),
        ("a captcha of nobody", json!({"captcha": "x.y.registration.z"}), 400, None),
        ("a captcha of three parts", json!({"captcha": "noop.noop.registration"}), 400, None),
        ("a captcha for something else", json!({"captcha": "noop.noop.challenge.noop"}), 400, None),
        ("a captcha solved", json!({"captcha": SOLVED}), 200, Some(true)),
    ];
    for (n, (name, body, status, allowed)) in (300..).zip(rows) {
        let id = begin_with_push(&t, &number(n)).await;
        let answer = t.client.update_session(&id, &body).await;
        table.row(name, answer.status, status);
        match allowed {
            Some(allowed) => {
                table.row(name, super::session_of(&answer)["allowedToRequestCode"].clone(), allowed.into())
            }
            None => table.row(name, answer.text.as_str(), ""),
        }
    }
    table.close();
}

#[tokio::test]
async fn either_answer_stands_for_both() {
    let t = with_challenge();
    for by_push in [true, false] {
        let number = number(320);
        let id = begin_with_push(&t, &number).await;
        let before = t.client.request_code(&id, "sms").await;
        assert_eq!(expect_session(&before, 409)["requestedInformation"], json!(["pushChallenge", "captcha"]));
        let answer =
            if by_push { json!({"pushChallenge": t.push_challenge(&number)}) } else { json!({"captcha": SOLVED}) };
        let session = expect_session(&t.client.update_session(&id, &answer).await, 200);
        assert_eq!((&session["allowedToRequestCode"], &session["requestedInformation"]), (&json!(true), &json!([])));
        expect_session(&t.client.request_code(&id, "sms").await, 200);
    }
}

#[tokio::test]
async fn a_challenge_belongs_to_its_session() {
    let t = with_challenge();
    let (first, second) = (number(321), number(322));
    let (id, other) = (begin_with_push(&t, &first).await, begin_with_push(&t, &second).await);
    assert_ne!(t.push_challenge(&first), t.push_challenge(&second));
    let swapped = t.client.update_session(&id, &json!({"pushChallenge": t.push_challenge(&second)})).await;
    expect_session(&swapped, 403);
    let right = t.client.update_session(&other, &json!({"pushChallenge": t.push_challenge(&second)})).await;
    expect_session(&right, 200);
}

#[tokio::test]
async fn a_challenge_that_was_never_sent_has_no_answer() {
    let t = with_challenge();
    let id = begin(&t, &number(323)).await;
    for guess in ["", "null", &"0".repeat(32)] {
        expect_session(&t.client.update_session(&id, &json!({"pushChallenge": guess})).await, 403);
    }
}

#[tokio::test]
async fn a_token_may_come_later_and_brings_the_same_challenge_each_time() {
    let t = with_challenge();
    let number = number(324);
    let id = begin(&t, &number).await;
    let token = json!({"pushToken": "t", "pushTokenType": "fcm"});
    let session = expect_session(&t.client.update_session(&id, &token).await, 200);
    assert_eq!(session["requestedInformation"], json!(["pushChallenge", "captcha"]));
    let challenge = t.push_challenge(&number);
    let session = expect_session(&t.client.update_session(&id, &token).await, 200);
    assert_eq!(session["requestedInformation"], json!(["pushChallenge", "captcha"]));
    assert_eq!(t.push_challenge(&number), challenge);
    // Token and answer may come in one request.
    let both = json!({"pushToken": "t", "pushTokenType": "fcm", "pushChallenge": challenge});
    assert_eq!(expect_session(&t.client.update_session(&id, &both).await, 200)["allowedToRequestCode"], true);
    // What was allowed stays allowed, whatever comes after.
    for later in [token, json!({"pushChallenge": "wrong"}), json!({"captcha": SOLVED})] {
        let session = expect_session(&t.client.update_session(&id, &later).await, 200);
        assert_eq!(session["allowedToRequestCode"], true, "{later}");
    }
    expect_session(&t.client.request_code(&id, "sms").await, 200);
}

#[tokio::test]
async fn what_was_achieved_is_kept_when_a_later_part_fails() {
    let t = with_challenge();
    for (n, captcha, status) in [(325, FAILED, 403), (326, "rubbish", 400)] {
        let id = begin_with_push(&t, &number(n)).await;
        let body = json!({"pushChallenge": t.push_challenge(&number(n)), "captcha": captcha});
        assert_eq!(t.client.update_session(&id, &body).await.status, status);
        assert_eq!(expect_session(&t.client.session(&id).await, 200)["allowedToRequestCode"], true);
    }
}

#[tokio::test]
async fn push_challenges_may_be_guessed_five_times() {
    let t = with_challenge();
    let (first, second) = (number(330), number(331));
    let (id, other) = (begin_with_push(&t, &first).await, begin_with_push(&t, &second).await);
    for _ in 0..5 {
        expect_session(&t.client.update_session(&id, &json!({"pushChallenge": "x"})).await, 403);
    }
    let right = json!({"pushChallenge": t.push_challenge(&first)});
    let refused = t.client.update_session(&id, &right).await;
    assert_eq!(expect_session(&refused, 429)["allowedToRequestCode"], false);
    assert_eq!(retry_after(&refused), Some(30));
    assert_eq!(refused.header("x-ratelimit-limiter"), Some("verificationPushChallenge"));
    let others = json!({"pushChallenge": t.push_challenge(&second)});
    expect_session(&t.client.update_session(&other, &others).await, 200);
    t.advance(seconds(30));
    expect_session(&t.client.update_session(&id, &right).await, 200);
}

#[tokio::test]
async fn captchas_may_be_presented_ten_times() {
    let t = with_challenge();
    let (id, other) = (begin(&t, &number(332)).await, begin(&t, &number(333)).await);
    for n in 0..10 {
        let (captcha, status) = if n % 2 == 0 { (FAILED, 403) } else { ("rubbish", 400) };
        assert_eq!(t.client.update_session(&id, &json!({"captcha": captcha})).await.status, status);
    }
    let refused = t.client.update_session(&id, &json!({"captcha": SOLVED})).await;
    assert_eq!(expect_session(&refused, 429)["allowedToRequestCode"], false);
    assert_eq!(retry_after(&refused), Some(30));
    assert_eq!(refused.header("x-ratelimit-limiter"), Some("verificationCaptcha"));
    expect_session(&t.client.update_session(&other, &json!({"captcha": SOLVED})).await, 200);
    t.advance(seconds(30));
    expect_session(&t.client.update_session(&id, &json!({"captcha": SOLVED})).await, 200);
}

#[tokio::test]
async fn without_challenges_nothing_is_asked_and_any_captcha_passes() {
    let t = TestRegistry::start();
    let id = begin(&t, &number(334)).await;
    let body = json!({"pushToken": "t", "pushTokenType": "fcm", "captcha": "anything"});
    let session = expect_session(&t.client.update_session(&id, &body).await, 200);
    assert_eq!((&session["allowedToRequestCode"], &session["requestedInformation"]), (&json!(true), &json!([])));
    assert!(t.registry.outbox.letter(&number(334)).is_none());
    t.advance(seconds(600));
    expect_nothing(&t.client.update_session(&id, &json!({})).await, 404);
}
