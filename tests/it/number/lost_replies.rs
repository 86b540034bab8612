//! The store loses answers, or requests: the client learns what is so, or is told to come back, and nothing is done by half.

use serde_json::json;
use signet_storage::dynamo::faults::Fault;
use signet_tests::{Audit, Table};

use super::{COMMIT, HERE, LOCK, PIN, THERE, Town, Via, changed, heard};

#[tokio::test]
async fn an_answer_that_is_lost_once_is_nobodys_trouble() {
    let town = Town::open();
    let mut table = Table::default();
    let who = town.settle(HERE).await;
    town.link(&who).await;
    let holder = town.settle_with(THERE, &[(LOCK, Some(json!(PIN)))]).await;
    for (n, (what, to)) in
        [("a held number", THERE), ("a free one", "+12025550103"), ("the same", "+12025550103")].into_iter().enumerate()
    {
        let body = changed(town.body(&who, to).await, &[("/reglock", Some(json!(PIN)))]);
        town.t.faults.once(COMMIT, Fault::LoseReply);
        let answer = town.ask(Via::ALL[n % 2], &who, &body).await;
        town.t.faults.heal();
        table.row(what, (answer.status, answer.json()["number"].clone()), (200, json!(to)));
        table.row(format!("{what}: who it is"), town.whoami(&who).await.json()["number"].clone(), json!(to));
        table.row(format!("{what}: the holder"), town.whoami(&holder).await.status, 401);
    }
    table.close();
    Audit::of(&town.t.registry.storage).await.expect_clean();
}

/// It was done and nobody knows. The holder is out all the same, and who asks again is told how it is.
#[tokio::test]
async fn an_answer_that_never_comes_leaves_no_old_copy() {
    for (to, held) in [(THERE, true), ("+12025550103", false)] {
        let town = Town::open();
        let (who, holder) = (town.settle(HERE).await, town.settle(THERE).await);
        for person in [&who, &holder] {
            town.whoami(person).await.expect(200);
        }
        let mut socket =
            signet_tests::Socket::of_device(town.t.plain, &holder.aci.to_string(), &holder.me.password).await;
        let body = town.body(&who, to).await;
        town.t.faults.always(COMMIT, Fault::LoseReply);
        assert_eq!(town.ask(Via::Rest, &who, &body).await.status, 503);
        town.t.faults.heal();
        assert_eq!(town.whoami(&holder).await.status, if held { 401 } else { 200 });
        if held {
            assert_eq!(socket.closed().await.map(|(code, _)| code), Some(4401));
        }
        assert_eq!(town.whoami(&who).await.expect(200)["number"], to);
        assert_eq!(town.ask(Via::Rest, &who, &body).await.expect(200)["number"], to);
        Audit::of(&town.t.registry.storage).await.expect_clean();
    }
}

#[tokio::test]
async fn a_request_that_never_arrives_changes_nothing() {
    let town = Town::open();
    let (who, holder) = (town.settle(HERE).await, town.settle(THERE).await);
    let before = (town.account(&who).await, town.account(&holder).await);
    let body = town.body(&who, THERE).await;
    town.t.faults.always(COMMIT, Fault::LoseRequest);
    assert_eq!(town.ask(Via::Rest, &who, &body).await.status, 503);
    town.t.faults.heal();
    assert_eq!((town.account(&who).await, town.account(&holder).await), before);
    assert_eq!((town.whoami(&who).await.status, town.whoami(&holder).await.status), (200, 200));
    Audit::of(&town.t.registry.storage).await.expect_clean();
    town.ask(Via::Rest, &who, &body).await.expect(200);
}

/// Somebody who hangs up while the commit is on its way: it takes place whole, and the caches know.
#[tokio::test]
async fn a_client_that_hangs_up_leaves_a_whole_story() {
    let town = Town::open();
    for (n, wait) in [0_u64, 1, 3, 10, 30, 60].into_iter().enumerate() {
        let [here, there] = [format!("+1202555020{n}"), format!("+1202555021{n}")];
        let (who, holder) = (town.settle(&here).await, town.settle(&there).await);
        let body = town.body(&who, &there).await;
        let mut events = town.listen();
        town.t.faults.once(COMMIT, Fault::DelayReply(std::time::Duration::from_millis(50)));
        let asked = town.ask(Via::Rest, &who, &body);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(wait), asked).await;
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        town.t.faults.heal();
        let number = town.account(&who).await.phone_number.as_str().to_owned();
        assert_eq!(heard(&mut events).len(), if number == there { 2 } else { 0 }, "what was done is told");
        assert_eq!(town.whoami(&who).await.expect(200)["number"], number.as_str());
        assert_eq!(town.whoami(&holder).await.status, if number == there { 401 } else { 200 }, "{wait} ms");
    }
    Audit::of(&town.t.registry.storage).await.expect_clean();
}
