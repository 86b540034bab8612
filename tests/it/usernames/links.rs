//! Links: what they lead to, and when they stop.

use signet_storage::accounts::LinkClaim;
use signet_tests::Table;
use signet_tests::names::url;

use super::{SEALED, Town, name};

#[tokio::test]
async fn a_link_leads_to_the_encrypted_name() {
    let town = Town::open();
    let [me] = town.people().await;
    let first = town.take(&me, &name(0)).await;
    let mut table = Table::default();
    table.row("confirmed with one", town.follow(first).await, Some(url(SEALED)));
    table.row("its row", town.link_claim(first).await, Some(LinkClaim { aci: me.aci }));
    let kept = town.set_link(&me, b"new", true).await.unwrap();
    table.row("kept", (kept, town.follow(first).await), (first, Some(url(b"new"))));
    let second = town.set_link(&me, b"newer", false).await.unwrap();
    table.row("another", second == first, false);
    table.row("the old one", (town.follow(first).await, town.link_claim(first).await), (None, None));
    table.row("the new one", town.follow(second).await, Some(url(b"newer")));
    table.row("removed", town.remove_link(&me).await, 204);
    table.row("nothing left", (town.follow(second).await, town.link_claim(second).await), (None, None));
    table.row("the name stays", town.look_up(&name(0)).await, Some(me.aci));
    table.row("nothing to remove", town.remove_link(&me).await, 204);
    let third = town.set_link(&me, b"newest", true).await.unwrap();
    table.row("nothing to keep", [first, second].contains(&third), false);
    table.close();
    town.audit().await;
}

#[tokio::test]
async fn a_name_without_a_link_ends_the_one_before() {
    let town = Town::open();
    let [me] = town.people().await;
    let handle = town.take(&me, &name(0)).await;
    town.reserve(&me, &[&name(1)]).await.unwrap();
    assert_eq!(town.confirm(&me, &name(1), None).await, Ok(None));
    assert_eq!((town.follow(handle).await, town.link_claim(handle).await), (None, None));
    let username = town.username(&me).await;
    assert_eq!((username.link_handle, username.encrypted), (None, None));
    town.audit().await;
}

#[tokio::test]
async fn what_the_answer_to_a_look_up_says() {
    let town = Town::open();
    let [me] = town.people().await;
    let handle = town.take(&me, &name(0)).await;
    for spelt in [handle.to_string(), handle.to_string().to_uppercase()] {
        let answer =
            town.t.client.send("GET", &format!("/v1/accounts/username_link/{spelt}"), &[], "").await.expect(200);
        let expected = serde_json::json!({"usernameLinkEncryptedValue": url(SEALED), "keepLinkHandle": false});
        assert_eq!(answer, expected);
    }
}
