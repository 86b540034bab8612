//! The store does its work and its answer is lost: the same commit is sent again, recognises its own rows, and nothing is done twice
//! or by halves.

use signet_storage::dynamo::faults::Fault;
use signet_tests::Table;
use signet_tests::names::url;

use super::{SEALED, Town, name};

const COMMIT: &str = "TransactWriteItems";
/// A change of the account alone is a single write.
const WRITES: [&str; 2] = [COMMIT, "PutItem"];

#[tokio::test]
async fn an_answer_that_is_lost_once_is_nobodys_trouble() {
    let town = Town::open();
    let [me] = town.people().await;
    let (first, second) = (name(0), name(1));
    let lose = || {
        // What the commit before did not use is not meant for this one.
        town.t.faults.heal();
        WRITES.iter().for_each(|operation| town.t.faults.once(operation, Fault::LoseReply));
    };
    let mut table = Table::default();
    for n in 2..5 {
        // So that the next one lets the oldest go.
        town.take(&me, &name(n)).await;
    }
    town.clear(&me).await;
    lose();
    table.row("reserve", town.reserve(&me, &[&first]).await, Ok(first.encoded()));
    lose();
    let handle = town.confirm(&me, &first, Some(SEALED)).await.unwrap().unwrap();
    table.row("confirm", town.follow(handle).await, Some(url(SEALED)));
    town.reserve(&me, &[&second]).await.unwrap();
    lose();
    let handle = town.confirm(&me, &second, Some(SEALED)).await.unwrap().unwrap();
    table.row("confirm another", town.follow(handle).await, Some(url(SEALED)));
    table.row("the oldest was let go", town.claim(&name(2)).await, None);
    lose();
    let handle = town.set_link(&me, b"new", false).await.unwrap();
    table.row("link", town.follow(handle).await, Some(url(b"new")));
    lose();
    table.row("link: kept", town.set_link(&me, b"newer", true).await, Ok(handle));
    lose();
    table.row("unlink", town.remove_link(&me).await, 204);
    lose();
    table.row("clear", town.clear(&me).await, 204);
    town.t.faults.heal();
    let held = town.username(&me).await.holds;
    table.row(
        "held",
        held.iter().map(|hold| hold.hash.clone()).collect(),
        vec![name(4).opaque(), first.opaque(), second.opaque()],
    );
    table.close();
    town.audit().await;
}

/// The commit took place and nobody was told. Who asks once more gets what is so.
#[tokio::test]
async fn who_asks_once_more_is_told() {
    let town = Town::open();
    let [me] = town.people().await;
    let (mine, other) = (name(0), name(1));
    let mut table = Table::default();
    let lose_all = || WRITES.iter().for_each(|operation| town.t.faults.always(operation, Fault::LoseReply));
    lose_all();
    table.row("reserve", town.reserve(&me, &[&mine]).await, Err(503));
    town.t.faults.heal();
    table.row("reserve again", town.reserve(&me, &[&mine]).await, Ok(mine.encoded()));
    lose_all();
    table.row("confirm", town.confirm(&me, &mine, Some(SEALED)).await, Err(503));
    town.t.faults.heal();
    let handle = town.username(&me).await.link_handle;
    table.row("confirm again", town.confirm(&me, &mine, Some(SEALED)).await, Ok(handle));
    table.row("look-up", town.look_up(&mine).await, Some(me.aci));
    lose_all();
    table.row("link", town.set_link(&me, b"new", true).await, Err(503));
    town.t.faults.heal();
    table.row("link again", town.set_link(&me, b"new", true).await.ok(), handle);
    lose_all();
    table.row("clear", town.clear(&me).await, 503);
    town.t.faults.heal();
    table.row("clear again", town.clear(&me).await, 204);
    table.row("look-up", town.look_up(&mine).await, None);
    // What never arrived did not happen.
    town.reserve(&me, &[&other]).await.unwrap();
    WRITES.iter().for_each(|operation| town.t.faults.always(operation, Fault::LoseRequest));
    table.row("lost on the way", town.confirm(&me, &other, Some(SEALED)).await, Err(503));
    town.t.faults.heal();
    table.row("nobody's", town.look_up(&other).await, None);
    table.row("to be confirmed", town.confirm(&me, &other, None).await, Ok(None));
    table.close();
    town.audit().await;
}
