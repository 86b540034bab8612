//! Freezing, taking over and removing while the store loses its answers: the client learns what is so, or is told to come
//! back, and never does something half or twice.

use signet_storage::dynamo::faults::Fault;
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::{Audit, Table};

use super::{By, COMMIT, House, PIN, WRONG};

/// The commit of a freeze is a single write where the number's recovery password stays.
const WRITES: [&str; 2] = [COMMIT, "PutItem"];

#[tokio::test]
async fn an_answer_that_is_lost_once_is_nobodys_trouble() {
    let h = House::open();
    let mut table = Table::default();
    let lose = || WRITES.iter().for_each(|operation| h.t.faults.once(operation, Fault::LoseReply));
    for (n, (what, by, lock, status)) in [
        ("freeze by session", By::Session, None, 423),
        ("freeze by a wrong lock", By::Session, Some(WRONG), 423),
        ("freeze by number", By::Number, None, 423),
        ("reclaim", By::Session, Some(PIN), 200),
        ("reclaim by number", By::Number, Some(PIN), 200),
        ("reclaim by ACI", By::Aci, Some(PIN), 200),
    ]
    .into_iter()
    .enumerate()
    {
        let home = h.settle(&format!("+120255501{n:02}"), Some(PIN)).await;
        lose();
        table.row(what, h.come(&home, by, lock).await.status, status);
        h.t.faults.heal();
        table.row(format!("{what}: version"), h.account(&home).await.version, 1);
        table.row(format!("{what}: the owner"), h.whoami(&home, &h.owner).await.status, 401);
    }
    let home = h.settle("+12025550150", Some(PIN)).await;
    lose();
    table.row("remove", h.remove(&home, &h.owner).await.status, 204);
    h.t.faults.heal();
    table.row("removed", h.t.registry.accounts.get(home.aci).await, Ok(None));
    table.row("registered again", h.come(&home, By::Session, None).await.status, 201);
    table.close();
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

/// It was done and nobody knows: the client is told to come back. What was done holds from then on, for the cache does not
/// go on serving what was before.
#[tokio::test]
async fn an_answer_that_never_comes_leaves_no_old_copy() {
    let h = House::open();
    let mut table = Table::default();
    let lose = || WRITES.iter().for_each(|operation| h.t.faults.always(operation, Fault::LoseReply));
    for (n, (what, by, lock, then)) in [
        ("freeze by session", By::Session, None, 423),
        ("freeze by number", By::Number, None, 423),
        ("reclaim", By::Session, Some(PIN), 200),
    ]
    .into_iter()
    .enumerate()
    {
        let home = h.settle(&format!("+120255501{n:02}"), Some(PIN)).await;
        h.whoami(&home, &h.owner).await.expect(200);
        lose();
        table.row(what, h.come(&home, by, lock).await.status, 503);
        h.t.faults.heal();
        table.row(format!("{what}: the owner"), h.whoami(&home, &h.owner).await.status, 401);
        table.row(format!("{what}: once more"), h.come(&home, by, lock).await.status, then);
    }
    let home = h.settle("+12025550150", Some(PIN)).await;
    h.whoami(&home, &h.owner).await.expect(200);
    lose();
    table.row("remove", h.remove(&home, &h.owner).await.status, 503);
    h.t.faults.heal();
    table.row("remove: the owner", h.whoami(&home, &h.owner).await.status, 401);
    table.row("registered again", h.come(&home, By::Session, None).await.status, 201);
    table.close();
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

/// What never reached the store did not happen, and the cache may go on.
#[tokio::test]
async fn a_request_that_never_arrives_changes_nothing() {
    let h = House::open();
    let home = h.settle("+12025550123", Some(PIN)).await;
    let (account, recovery) = (h.account(&home).await, h.t.rows(Rows::Recovery).await);
    for operation in WRITES {
        h.t.faults.always(operation, Fault::LoseRequest);
    }
    let mut table = Table::default();
    table.row("freeze", h.come(&home, By::Session, None).await.status, 503);
    table.row("freeze by number", h.come(&home, By::Number, None).await.status, 503);
    table.row("reclaim", h.come(&home, By::Session, Some(PIN)).await.status, 503);
    table.row("remove", h.remove(&home, &h.owner).await.status, 503);
    h.t.faults.heal();
    table.row("account", h.account(&home).await == account, true);
    table.row("recovery password", h.t.rows(Rows::Recovery).await == recovery, true);
    table.row("the owner", h.whoami(&home, &h.owner).await.status, 200);
    table.row("the right lock was not spent", h.come(&home, By::Session, Some(PIN)).await.status, 200);
    table.close();
    Audit::of(&h.t.registry.storage).await.expect_clean();
}
