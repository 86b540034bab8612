//! Faults at a registration, and above all at its one commit.

use std::time::Duration;

use signet_storage::dynamo::faults::Fault;
use signet_tests::{SignalClient, TestRegistry};

use super::expect_accounts;

const NUMBER: &str = "+12025550123";
const COMMIT: &str = "TransactWriteItems";

/// One registration costs these requests, and none of them asks an index: an index may be late. A further one
/// looks for one-time keys to clear away.
#[tokio::test]
async fn a_registration_reads_keys_and_commits_once() {
    let t = TestRegistry::start();
    let session = t.verified_session(NUMBER).await;
    let me = SignalClient::generate();
    t.faults.take_seen();
    t.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(201);
    assert_eq!(t.faults.take_seen(), ["GetItem", "GetItem", COMMIT]);
    t.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(200);
    assert_eq!(t.faults.take_seen(), ["GetItem", "GetItem", "GetItem", COMMIT, "Query", "Query"]);
}

/// Faults that the registry gets over by itself: the client sees 201, once, and that is what there is.
#[tokio::test]
async fn a_passing_fault_is_not_seen_by_the_client() {
    let commit = |faults: &[Fault]| faults.iter().map(|fault| (COMMIT, *fault)).collect::<Vec<_>>();
    let t = TestRegistry::start();
    let cases = [
        ("the answer to the commit is lost after it was done", commit(&[Fault::LoseReply])),
        ("it is lost twice", commit(&[Fault::LoseReply; 2])),
        ("the commit never arrives", commit(&[Fault::LoseRequest])),
        ("it is throttled twice", commit(&[Fault::Throttle; 2])),
        ("other transactions are in the way", commit(&[Fault::Conflict; 3])),
        ("in the way, then lost", commit(&[Fault::Conflict, Fault::LoseReply])),
        ("lost, then in the way", commit(&[Fault::LoseReply, Fault::Conflict])),
        ("it takes long", commit(&[Fault::Delay(Duration::from_millis(200))])),
        ("reads are throttled", vec![("GetItem", Fault::Throttle), ("GetItem", Fault::LoseReply)]),
    ];
    for (n, (what, faults)) in cases.into_iter().enumerate() {
        let number = format!("+120255501{n:02}");
        let session = t.verified_session(&number).await;
        let me = SignalClient::generate();
        for (operation, fault) in &faults {
            t.faults.once(operation, *fault);
        }
        let answer = t.client.register(&number, &me.password, &me.registration(&session)).await;
        assert_eq!(answer.status, 201, "{what}");
        let answer = answer.json();
        assert_eq!(answer["reregistration"], false, "{what}");
        let aci = answer["uuid"].as_str().unwrap();
        let who = t.client.whoami(aci, &me.password).await.expect(200);
        assert_eq!((&who["uuid"], &who["pni"]), (&answer["uuid"], &answer["pni"]), "{what}");
        let audit = expect_accounts(&t, n + 1).await;
        let account = audit.accounts.iter().find(|account| account.phone_number.as_str() == number).unwrap();
        assert_eq!((account.aci.to_string().as_str(), account.version), (aci, 0), "{what}");
    }
}

/// Faults that last: the client is told to come back, and if nothing was done, nothing is there.
#[tokio::test]
async fn a_lasting_fault_is_503_and_leaves_nothing() {
    let t = TestRegistry::start();
    let cases = [
        (COMMIT, Fault::Conflict),
        (COMMIT, Fault::Throttle),
        (COMMIT, Fault::LoseRequest),
        ("GetItem", Fault::Throttle),
        ("GetItem", Fault::LoseReply),
    ];
    for (n, (operation, fault)) in cases.into_iter().enumerate() {
        let number = format!("+120255501{n:02}");
        let session = t.verified_session(&number).await;
        let me = SignalClient::generate();
        t.faults.always(operation, fault);
        let answer = t.client.register(&number, &me.password, &me.registration(&session)).await;
        assert_eq!((answer.status, answer.text.as_str()), (503, ""), "{operation} {fault:?}");
        assert_eq!(answer.header("retry-after"), Some("1"), "{operation} {fault:?}");
        t.faults.heal();
        expect_accounts(&t, n).await;
        // And it is over when it is over.
        t.client.register(&number, &me.password, &me.registration(&session)).await.expect(201);
        expect_accounts(&t, n + 1).await;
    }
}

/// Every answer of the store gets lost: nobody knows whether it was done. It was, and the client's second try finds it.
#[tokio::test]
async fn a_client_that_asks_again_gets_the_account_it_has() {
    let t = TestRegistry::start();
    let session = t.verified_session(NUMBER).await;
    let me = SignalClient::generate();
    let body = me.registration(&session);
    t.faults.always(COMMIT, Fault::LoseReply);
    assert_eq!(t.client.register(NUMBER, &me.password, &body).await.status, 503);
    t.faults.heal();
    let before = expect_accounts(&t, 1).await.accounts.remove(0);

    let answer = t.client.register(NUMBER, &me.password, &body).await.expect(200);
    assert_eq!(answer["reregistration"], true);
    assert_eq!(answer["uuid"], before.aci.to_string());
    assert_eq!(answer["pni"], before.pni.to_string());
    t.client.whoami(answer["uuid"].as_str().unwrap(), &me.password).await.expect(200);
    expect_accounts(&t, 1).await;
}

/// The client's own connection breaks while the registry works: it repeats the same POST and gets the same ACI.
#[tokio::test]
async fn a_client_that_was_cut_off_gets_the_same_aci() {
    let t = TestRegistry::start();
    for (number, cut_after) in [("+12025550101", 1), ("+12025550102", 100), ("+12025550103", 400)] {
        let session = t.verified_session(number).await;
        let me = SignalClient::generate();
        let body = me.registration(&session);
        // The commit is slow, so the cut falls before, into, or after it.
        t.faults.once(COMMIT, Fault::Delay(Duration::from_millis(200)));
        let request = t.client.register(number, &me.password, &body);
        let _ = tokio::time::timeout(Duration::from_millis(cut_after), request).await;
        let first = t.client.register(number, &me.password, &body).await;
        assert!([200, 201].contains(&first.status), "{first:?}");
        let second = t.client.register(number, &me.password, &body).await.expect(200);
        assert_eq!((&first.json()["uuid"], &first.json()["pni"]), (&second["uuid"], &second["pni"]));
        t.client.whoami(second["uuid"].as_str().unwrap(), &me.password).await.expect(200);
    }
    expect_accounts(&t, 3).await;
}

/// The answer to the first one's commit is lost, and before it is sent again somebody else re-registers the number.
#[tokio::test]
async fn a_commit_that_was_overtaken_is_not_done_twice() {
    let t = TestRegistry::start();
    let session = t.verified_session(NUMBER).await;
    let (first, second) = (SignalClient::generate(), SignalClient::generate());
    let (first_body, second_body) = (first.registration(&session), second.registration(&session));
    for _ in 0..3 {
        t.faults.once(COMMIT, Fault::LoseReply);
    }
    let (a, b) = tokio::join!(
        t.client.register(NUMBER, &first.password, &first_body),
        t.client.register(NUMBER, &second.password, &second_body),
    );
    for answer in [&a, &b] {
        assert!([200, 201, 503].contains(&answer.status), "{answer:?}");
    }
    let audit = expect_accounts(&t, 1).await;
    let aci = audit.accounts[0].aci.to_string();
    let mut valid = 0;
    for (answer, me) in [(a, first), (b, second)] {
        assert!(answer.status == 503 || answer.json()["uuid"] == aci, "{answer:?}");
        valid += usize::from(t.client.whoami(&aci, &me.password).await.status == 200);
    }
    assert_eq!(valid, 1, "the last one in has the account");
}
