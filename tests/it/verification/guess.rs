//! `PUT /v1/verification/session/{id}/code`: submitting codes (§4.7, §5.2).

use signet_tests::{Answer, TestRegistry};

use super::{
    MILLISECOND, begin, expect_nothing, expect_session, nexts, number, other_than, retry_after, seconds, with_code,
};

/// The verdict of a guess that was judged.
fn verdict(answer: &Answer) -> bool {
    expect_session(answer, 200)["verified"].as_bool().expect("a boolean")
}

#[tokio::test]
async fn a_wrong_code_is_an_answer_and_not_an_error() {
    let t = TestRegistry::start();
    let (id, code) = with_code(&t, &number(500)).await;
    assert!(!verdict(&t.client.submit_code(&id, &other_than(&code)).await));
    assert!(!verdict(&t.client.submit_code(&id, &format!("{code}0")).await));
    assert!(verdict(&t.client.submit_code(&id, &code).await));
    assert!(expect_session(&t.client.session(&id).await, 200)["verified"].as_bool().expect("a boolean"));
}

#[tokio::test]
async fn before_a_code_and_after_success_there_is_nothing_to_guess() {
    let t = TestRegistry::start();
    expect_nothing(&t.client.submit_code("AAAAAAAAAAAAAAAAAAAAAA==", "000000").await, 404);
    let id = begin(&t, &number(501)).await;
    let early = t.client.submit_code(&id, "000000").await;
    assert_eq!(expect_session(&early, 409)["verified"], false);
    let (id, code) = with_code(&t, &number(501)).await;
    assert!(verdict(&t.client.submit_code(&id, &code).await));
    for again in [&code, &other_than(&code)] {
        let late = t.client.submit_code(&id, again).await;
        assert_eq!((&expect_session(&late, 409)["verified"], retry_after(&late)), (&true.into(), None));
    }
}

#[tokio::test]
async fn a_code_may_be_guessed_five_times_with_waits_and_then_it_is_dead() {
    let t = TestRegistry::start();
    let (id, code) = with_code(&t, &number(502)).await;
    let wrong = other_than(&code);
    for (next, wait) in [(0, 0), (0, 0), (60, 60), (120, 120)] {
        let answer = t.client.submit_code(&id, &wrong).await;
        assert!(!verdict(&answer));
        assert_eq!(nexts(&answer.json()).2, next);
        if wait == 0 {
            continue;
        }
        // The right code is refused just as well, and the refusal costs nothing.
        let early = t.client.submit_code(&id, &code).await;
        assert_eq!((nexts(&expect_session(&early, 429)).2, retry_after(&early)), (next, Some(wait)));
        t.advance(seconds(wait) - MILLISECOND);
        assert_eq!(retry_after(&t.client.submit_code(&id, &code).await), Some(1));
        t.advance(MILLISECOND);
    }
    let last = t.client.submit_code(&id, &wrong).await;
    assert!(!verdict(&last));
    assert_eq!(nexts(&last.json()).2, -1);
    t.advance(seconds(120));
    let dead = t.client.submit_code(&id, &code).await;
    assert_eq!((&expect_session(&dead, 429)["verified"], retry_after(&dead)), (&false.into(), None));

    // A new code is guessed afresh.
    let sent = expect_session(&t.client.request_code(&id, "sms").await, 200);
    assert_eq!(nexts(&sent).2, 0);
    assert!(verdict(&t.client.submit_code(&id, &t.code(&number(502))).await));
}

#[tokio::test]
async fn the_right_code_works_at_the_fifth_guess() {
    let t = TestRegistry::start();
    let (id, code) = with_code(&t, &number(503)).await;
    for wait in [0, 0, 60, 120] {
        assert!(!verdict(&t.client.submit_code(&id, &other_than(&code)).await));
        t.advance(seconds(wait));
    }
    assert!(verdict(&t.client.submit_code(&id, &code).await));
}

#[tokio::test]
async fn a_code_is_wrong_in_another_session_and_does_not_spoil_it() {
    let t = TestRegistry::start();
    let (a, code_a) = with_code(&t, &number(504)).await;
    let (b, code_b) = with_code(&t, &number(504)).await;
    if code_a != code_b {
        assert!(!verdict(&t.client.submit_code(&b, &code_a).await));
        assert!(!verdict(&t.client.submit_code(&a, &code_b).await));
    }
    assert!(verdict(&t.client.submit_code(&b, &code_b).await));
    assert!(verdict(&t.client.submit_code(&a, &code_a).await));
}
