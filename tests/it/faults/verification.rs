//! Faults while a number is being proved.

use signet_storage::dynamo::faults::Fault;
use signet_tests::TestRegistry;

const NUMBER: &str = "+12025550123";

/// The right code counts although the answer of the store got lost, and nobody is sent a second one.
#[tokio::test]
async fn the_right_code_counts_although_the_answer_is_lost() {
    let t = TestRegistry::start();
    for faults in [vec![Fault::LoseReply], vec![Fault::LoseReply; 2], vec![Fault::LoseRequest, Fault::LoseReply]] {
        let begun = t.client.begin_session(NUMBER).await.expect(200);
        let id = begun["id"].as_str().unwrap();
        t.client.request_code(id, "sms").await.expect(200);
        let code = t.code(NUMBER);
        for fault in faults {
            t.faults.once("PutItem", fault);
        }
        let done = t.client.submit_code(id, &code).await.expect(200);
        assert_eq!(done["verified"], true);
        assert_eq!(t.code(NUMBER), code);
        assert_eq!(t.client.session(id).await.expect(200)["verified"], true);
    }
}

/// The store has the code before anybody gets it, and has it once.
#[tokio::test]
async fn one_code_is_sent_although_the_answer_is_lost() {
    let t = TestRegistry::start();
    let begun = t.client.begin_session(NUMBER).await.expect(200);
    let id = begun["id"].as_str().unwrap();
    t.faults.once("PutItem", Fault::LoseReply);
    let sent = t.client.request_code(id, "sms").await.expect(200);
    // A minute is the wait after the first code; after a second it would be two.
    assert_eq!(sent["nextSms"], 60);
    let done = t.client.submit_code(id, &t.code(NUMBER)).await.expect(200);
    assert_eq!(done["verified"], true);
}

/// A wrong guess is counted once, however often its row is written.
#[tokio::test]
async fn a_wrong_guess_is_counted_once_although_the_answer_is_lost() {
    let t = TestRegistry::start();
    let begun = t.client.begin_session(NUMBER).await.expect(200);
    let id = begun["id"].as_str().unwrap();
    t.client.request_code(id, "sms").await.expect(200);
    // Three guesses may follow at once; the fourth has to wait.
    for _ in 0..3 {
        t.faults.once("PutItem", Fault::LoseReply);
        assert_eq!(t.client.submit_code(id, "none").await.expect(200)["verified"], false);
    }
    t.client.submit_code(id, "none").await.expect(429);
}

#[tokio::test]
async fn a_store_that_stays_away_is_503_and_promises_nothing() {
    let t = TestRegistry::start();
    let cases = [("GetItem", Fault::Throttle), ("PutItem", Fault::Throttle), ("PutItem", Fault::LoseRequest)];
    for (n, (operation, fault)) in cases.into_iter().enumerate() {
        let number = &format!("+120255501{n:02}");
        let begun = t.client.begin_session(number).await.expect(200);
        let id = begun["id"].as_str().unwrap();
        t.faults.always(operation, fault);
        assert_eq!(t.client.request_code(id, "sms").await.status, 503, "{operation} {fault:?}");
        assert!(t.registry.outbox.letter(number).is_none(), "a code that does not count was sent");
        t.faults.heal();
        t.client.request_code(id, "sms").await.expect(200);
        t.faults.always(operation, fault);
        assert_eq!(t.client.submit_code(id, &t.code(number)).await.status, 503);
        t.faults.heal();
        assert_eq!(t.client.submit_code(id, &t.code(number)).await.expect(200)["verified"], true);
    }
}

/// Other writers in the way are waited out, as at a registration.
#[tokio::test]
async fn conflicts_are_waited_out() {
    let t = TestRegistry::start();
    let begun = t.client.begin_session(NUMBER).await.expect(200);
    let id = begun["id"].as_str().unwrap();
    for _ in 0..3 {
        t.faults.once("PutItem", Fault::Conflict);
    }
    t.client.request_code(id, "sms").await.expect(200);
    assert_eq!(t.client.submit_code(id, &t.code(NUMBER)).await.expect(200)["verified"], true);
}
