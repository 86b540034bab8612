//! `PUT /v1/devices/capabilities` (§3.6).

use std::collections::BTreeSet;

use signet_tests::Table;
use signet_tests::client::basic;

use super::{Device, Home, device};

async fn put(h: &Home, who: &Device, body: &str) -> u16 {
    let authorization = basic(&who.user, &who.password);
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    let answer = h.t.client.send("PUT", "/v1/devices/capabilities", &headers, body).await;
    assert_eq!(answer.text.is_empty(), answer.status != 400, "{answer:?}");
    answer.status
}

#[tokio::test]
async fn a_device_says_what_it_can_do_from_now_on() {
    let h = Home::open().await;
    let (primary, second) = (h.primary(), h.link().await);
    let held = async |id: u8| {
        let account = h.account().await;
        let names = &account.device(device(id)).unwrap().capabilities;
        names.iter().cloned().collect::<Vec<_>>().join(" ")
    };
    let mut table = Table::default();
    for (body, status, then) in [
        ("", 422, "spqr"),
        ("null", 422, "spqr"),
        ("[]", 422, "spqr"),
        ("{", 400, "spqr"),
        (r#"{"spqr": "yes"}"#, 422, "spqr"),
        (
            r#"{"spqr": true, "storage": true, "transfer": false, "profiles_v2": null, "flying": true}"#,
            204,
            "spqr storage",
        ),
        // No downgrade is looked for here.
        (r#"{"storage": true}"#, 204, "storage"),
        ("{}", 204, ""),
    ] {
        table.row(body, (put(&h, &second, body).await, held(2).await.as_str()), (status, then));
    }
    table.row("the primary's stayed", held(1).await.as_str(), "spqr storage");
    table.row("the primary", put(&h, &primary, r#"{"transfer": true}"#).await, 204);
    table.row("the primary's", held(1).await.as_str(), "transfer");
    let wrong = Device { password: "wrong".to_owned(), ..second.clone() };
    table.row("a wrong password", put(&h, &wrong, "{}").await, 401);
    let all = ["storage", "transfer", "attachmentBackfill", "spqr", "profiles_v2", "usernameChangeSyncMessage"];
    let all: BTreeSet<_> =
        all.into_iter().chain(["optionalPhoneNumber"]).map(|name| format!("\"{name}\":true")).collect();
    let body = format!("{{{}}}", all.into_iter().collect::<Vec<_>>().join(","));
    table.row("all of them", put(&h, &second, &body).await, 204);
    table.row("are stored", held(2).await.split(' ').count(), 7);
    table.close();
}

/// A device that registered again meanwhile under the same id is not the one that asked.
#[tokio::test]
async fn only_the_device_that_asked_is_changed() {
    let h = Home::open().await;
    let second = h.link().await;
    assert_eq!(h.whoami(&second).await, 200, "and so it is cached");
    // Behind the cache's back: another device has taken its place.
    let mut account = h.account().await;
    account.devices[1].auth = signet_storage::hash::SaltedTokenHash::of("another", &h.t.registry.storage.chance);
    let row = signet_storage::dynamo::items::to_item(&account);
    let put_back = vec![row];
    h.t.registry.storage.dynamo.put_all(signet_storage::dynamo::tables::Table::Accounts, put_back).await.unwrap();
    assert_eq!(put(&h, &second, "{}").await, 401);
    assert_eq!(h.ask("GET", "/v1/devices", &second).await.status, 401);
    assert_eq!(h.unlink(&second, 2).await.status, 401);
    assert_eq!(h.account().await, account);
}
