//! Many requests for one session at the same moment.

use futures::future::join_all;
use signet_tests::{Answer, TestRegistry};

use super::{number, other_than, seconds, session_of, with_code};

/// Submits these codes all at once.
async fn storm(t: &TestRegistry, id: &str, codes: impl Iterator<Item = String>) -> Vec<Answer> {
    join_all(codes.map(|code| async move { t.client.submit_code(id, &code).await })).await
}

/// How many of them were judged. The others must have been told to wait.
fn judged(answers: &[Answer]) -> usize {
    for answer in answers {
        assert!(matches!(answer.status, 200 | 429), "{} {}", answer.status, answer.text);
        assert_eq!(session_of(answer)["verified"], false);
    }
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[tokio::test]
async fn of_two_hundred_wrong_guesses_at_once_three_are_judged_and_in_all_five() {
    let t = TestRegistry::start();
    let (id, code) = with_code(&t, &number(700)).await;
    let wrong =
        |n: u32| (0..n).map(|n| format!("{n:06}")).map(|guess| if guess == code { other_than(&code) } else { guess });
    assert_eq!(judged(&storm(&t, &id, wrong(200)).await), 3);
    t.advance(seconds(60));
    assert_eq!(judged(&storm(&t, &id, wrong(50)).await), 1);
    t.advance(seconds(120));
    assert_eq!(judged(&storm(&t, &id, wrong(50)).await), 1);
    for wait in [120, 240] {
        t.advance(seconds(wait));
        assert_eq!(judged(&storm(&t, &id, wrong(20)).await), 0);
        assert_eq!(t.client.submit_code(&id, &code).await.status, 429, "the code is dead");
    }
}

#[tokio::test]
async fn of_fifty_right_submissions_at_once_one_verifies() {
    let t = TestRegistry::start();
    let (id, code) = with_code(&t, &number(701)).await;
    let answers = storm(&t, &id, std::iter::repeat_n(code, 50)).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    assert!(answers.iter().all(|answer| session_of(answer)["verified"] == true));
}

#[tokio::test]
async fn of_twenty_requests_at_once_one_sends_a_code() {
    let t = TestRegistry::start();
    let id = super::begin(&t, &number(702)).await;
    let answers = join_all((0..20).map(|_| t.client.request_code(&id, "sms"))).await;
    let sent = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 429 && answer.header("retry-after") == Some("60"));
    assert_eq!((sent, refused.count()), (1, 19));
    let verified = t.client.submit_code(&id, &t.code(&number(702))).await.expect(200);
    assert_eq!(verified["verified"], true, "and the code that arrived is the one that counts");
}
