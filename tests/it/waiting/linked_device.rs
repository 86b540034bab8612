//! `GET /v1/devices/wait_for_linked_device/{tokenIdentifier}` (contract keys-devices §3.5).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;
use signet::waiting::linked_device::announce;
use signet_config::LimitId;
use signet_storage::model::LinkTokenId;
use signet_tests::Table;

use super::{HOUR, Home, LINKED, PRIMARY, limit, over, refused_by};

const DIGEST: [u8; 32] = [0xfb; 32];

fn path(identifier: &str, timeout: &str) -> String {
    format!("/v1/devices/wait_for_linked_device/{identifier}?timeout={timeout}")
}

fn token(timeout: &str) -> String {
    path(&URL_SAFE_NO_PAD.encode(DIGEST), timeout)
}

#[tokio::test]
async fn statuses() {
    let h = Home::open().await;
    let mut table = Table::default();
    table.row("nobody", h.t.client.send("GET", &token("1"), &[], "").await.status, 401);
    table.row("a linked device", h.get(LINKED, &token("1")).await.status, 401);
    for (name, identifier) in [
        ("rubbish", "rubbish".to_owned()),
        ("31 bytes", URL_SAFE_NO_PAD.encode([1; 31])),
        ("33 bytes", URL_SAFE_NO_PAD.encode([1; 33])),
        ("32 characters", "A".repeat(32)),
        ("64 characters", "A".repeat(64)),
        ("65 characters", "A".repeat(65)),
        ("the other alphabet", STANDARD.encode(DIGEST).replace('/', "%2F")),
    ] {
        table.row(name, h.get(PRIMARY, &path(&identifier, "1")).await.status, 400);
    }
    for timeout in ["0", "3601", "-1", "1.5", "", "soon", "99999999999999999999"] {
        table.row(format!("timeout {timeout:?}"), h.get(PRIMARY, &token(timeout)).await.status, 400);
    }
    let nothing = h.get(PRIMARY, &token("1")).await;
    table.row("nothing in time", (nothing.status, nothing.text), (204, String::new()));

    let device = json!({"id": 2, "name": null, "lastSeen": 1_783_900_800_000_u64, "registrationId": 5});
    announce(&h.t.registry.mailbox, &LinkTokenId::from_bytes(&DIGEST).unwrap(), &device).await.unwrap();
    for timeout in ["1", "3600"] {
        table.row("linked before", h.get(PRIMARY, &token(timeout)).await.expect(200), device.clone());
    }
    let without = format!("/v1/devices/wait_for_linked_device/{}", URL_SAFE.encode(DIGEST));
    let found = h.get(PRIMARY, &without).await;
    table.row("no timeout, padded", found.header("content-type"), Some("application/json"));
    table.row("no timeout, padded", found.status, 200);
    let other = path(&URL_SAFE_NO_PAD.encode([1; 32]), "1");
    table.row("another token", h.get(PRIMARY, &other).await.status, 204);
    h.t.advance(HOUR);
    table.row("an hour later", h.get(PRIMARY, &token("1")).await.status, 204);
    table.close();
}

#[tokio::test]
async fn whoever_waits_is_told_at_once() {
    let h = Home::open().await;
    let wait = h.begin(PRIMARY, &token("3600"), 1).await;
    let device = json!({"id": 2});
    announce(&h.t.registry.mailbox, &LinkTokenId::from_bytes(&[1; 32]).unwrap(), &json!({"id": 3})).await.unwrap();
    announce(&h.t.registry.mailbox, &LinkTokenId::from_bytes(&DIGEST).unwrap(), &device).await.unwrap();
    assert_eq!(over(wait).await, (200, device.to_string()));
}

#[tokio::test]
async fn an_account_waits_so_often() {
    let h = Home::open_with(|config| limit(config, LimitId::WaitForLinkedDevice, 1)).await;
    assert_eq!(h.get(PRIMARY, &token("0")).await.status, 400);
    assert_eq!(h.get(PRIMARY, &path("rubbish", "1")).await.status, 400);
    assert_eq!(h.get(LINKED, &token("1")).await.status, 401);
    assert_eq!(h.get(PRIMARY, &token("1")).await.status, 204, "what was refused took no permit");
    assert_eq!(refused_by(&h.get(PRIMARY, &token("1")).await), (429, Some("waitForLinkedDevice")));
}
