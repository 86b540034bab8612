//! Linking and removing while the store loses its answers: never twice, never half, and what was told is so.

use std::time::Duration;

use signet::events::Event;
use signet_storage::dynamo::faults::Fault;
use signet_tests::{Audit, Table};

use super::{Home, device, heard};

const COMMIT: &str = "TransactWriteItems";

#[tokio::test]
async fn a_passing_fault_is_nobodys_trouble() {
    let h = Home::open().await;
    let mut events = h.listen();
    let mut table = Table::default();
    for (what, faults) in [
        ("the answer is lost", vec![Fault::LoseReply]),
        ("it is lost twice", vec![Fault::LoseReply; 2]),
        ("the request is lost", vec![Fault::LoseRequest]),
        ("others are in the way", vec![Fault::Conflict; 3]),
        ("lost, then others in the way", vec![Fault::LoseReply, Fault::Conflict]),
        // So often that the rounds inside of a commit are used up, and the next one starts from a fresh look.
        ("lost, then others for long", [vec![Fault::LoseReply], vec![Fault::Conflict; 7]].concat()),
        ("it takes long", vec![Fault::Delay(Duration::from_millis(200))]),
    ] {
        let token = h.token().await;
        let plan = || faults.iter().for_each(|fault| h.t.faults.once(COMMIT, *fault));
        plan();
        table.row(what, h.status(&token, &[]).await, 200);
        h.t.faults.heal();
        table.row(format!("{what}: devices"), h.ids().await, vec![1, 2]);
        table.row(format!("{what}: the token"), h.status(&token, &[]).await, 403);
        table.row(
            format!("{what}: told"),
            heard(&mut events),
            vec![Event::DeviceLinked { aci: h.aci, device: device(2) }],
        );
        plan();
        table.row(format!("{what}: removed"), h.unlink(&h.primary(), 2).await.status, 204);
        h.t.faults.heal();
        table.row(format!("{what}: gone"), h.ids().await, vec![1]);
        let told = vec![Event::DeviceRemoved { aci: h.aci, device: device(2) }];
        table.row(format!("{what}: told of the removal"), heard(&mut events), told);
    }
    table.close();
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

/// Nobody knows whether it was done: 503. It was, once, and the token is used.
#[tokio::test]
async fn an_answer_that_never_comes_links_once_and_removes_for_good() {
    let h = Home::open().await;
    let token = h.token().await;
    let mut table = Table::default();
    h.t.faults.always(COMMIT, Fault::LoseReply);
    table.row("link", h.status(&token, &[]).await, 503);
    h.t.faults.heal();
    table.row("devices", h.ids().await, vec![1, 2]);
    table.row("the token", h.status(&token, &[]).await, 403);
    let user = format!("{}.2", h.aci);
    let whoami = async || h.t.client.whoami(&user, "device's password").await.status;
    table.row("it signs in", whoami().await, 200);
    h.t.faults.always(COMMIT, Fault::LoseReply);
    table.row("removal", h.unlink(&h.primary(), 2).await.status, 503);
    h.t.faults.heal();
    table.row("its credentials fail", whoami().await, 401);
    table.row("removal, once more", h.unlink(&h.primary(), 2).await.status, 204);
    table.close();
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

#[tokio::test]
async fn what_never_arrives_did_not_happen() {
    let h = Home::open().await;
    let second = h.link().await;
    let (token, account) = (h.token().await, h.account().await);
    let mut table = Table::default();
    h.t.faults.always(COMMIT, Fault::LoseRequest);
    table.row("link", h.status(&token, &[]).await, 503);
    table.row("removal", h.unlink(&h.primary(), 2).await.status, 503);
    h.t.faults.heal();
    table.row("account", h.account().await, account);
    table.row("it signs in", h.whoami(&second).await, 200);
    table.row("the token still holds", h.status(&token, &[]).await, 200);
    table.close();
    Audit::of(&h.t.registry.storage).await.expect_clean();
}
