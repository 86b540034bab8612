//! `/v1/devices/transfer_archive` (contract keys-devices §3.8).

use serde_json::{Value, json};
use signet_config::LimitId;
use signet_tests::Table;
use signet_tests::table::put;

use super::{HOUR, Home, LINKED, PRIMARY, REGISTRATION_ID, limit, over, refused_by};

const PATH: &str = "/v1/devices/transfer_archive";
const WAIT: &str = "/v1/devices/transfer_archive?timeout=1";

fn archive() -> Value {
    json!({"cdn": 3, "key": "abc_-123"})
}

/// Of the primary, for the linked device.
fn body(archive: &Value) -> Value {
    json!({
        "destinationDeviceId": LINKED,
        "destinationDeviceRegistrationId": REGISTRATION_ID,
        "transferArchive": archive,
    })
}

#[tokio::test]
async fn what_may_be_put() {
    let h = Home::open().await;
    let mut table = Table::default();
    table.row("nobody", h.t.client.send("PUT", PATH, &[], body(&archive()).to_string()).await.status, 401);
    for (name, text, status) in [("nothing", "", 422), ("no JSON", "{", 400), ("a list", "[]", 422)] {
        table.row(name, h.send("PUT", PRIMARY, PATH, text).await.status, status);
    }
    for (pointer, value, status) in [
        ("/destinationDeviceId", json!(0), 422),
        ("/destinationDeviceId", json!(1), 204),
        ("/destinationDeviceId", json!(127), 204),
        ("/destinationDeviceId", json!(128), 422),
        ("/destinationDeviceId", json!("2"), 422),
        ("/destinationDeviceId", Value::Null, 422),
        ("/destinationDeviceRegistrationId", json!(-1), 422),
        ("/destinationDeviceRegistrationId", json!(0), 204),
        ("/destinationDeviceRegistrationId", json!(0x3FFF), 204),
        ("/destinationDeviceRegistrationId", json!(0x4000), 422),
        ("/transferArchive", Value::Null, 422),
        ("/transferArchive", json!({}), 422),
        ("/transferArchive", json!("RELINK_REQUESTED"), 422),
        ("/transferArchive", json!({"cdn": 3}), 422),
        ("/transferArchive", json!({"key": "abc"}), 422),
        ("/transferArchive", json!({"cdn": "3", "key": "abc"}), 422),
        ("/transferArchive", json!({"cdn": 3, "key": ""}), 422),
        ("/transferArchive", json!({"cdn": 3, "key": " "}), 422),
        ("/transferArchive", json!({"cdn": 3, "key": "a+b/"}), 422),
        ("/transferArchive", json!({"cdn": 3, "key": "x".repeat(64)}), 204),
        ("/transferArchive", json!({"cdn": 3, "key": "x".repeat(65)}), 422),
        ("/transferArchive", json!({"error": "RELINK_REQUESTED"}), 204),
        ("/transferArchive", json!({"error": "CONTINUE_WITHOUT_UPLOAD"}), 204),
        ("/transferArchive", json!({"error": "OTHER"}), 422),
        ("/transferArchive", json!({"cdn": 3, "key": "abc", "error": "RELINK_REQUESTED"}), 422),
        ("/transferArchive", json!({"cdn": 3, "key": "abc", "more": 1}), 204),
        ("/more", json!(1), 204),
    ] {
        let mut changed = body(&archive());
        put(&mut changed, pointer, Some(value.clone()));
        table.row(format!("{pointer} {value}"), h.put(PRIMARY, PATH, &changed).await.status, status);
    }
    for pointer in ["/destinationDeviceId", "/destinationDeviceRegistrationId", "/transferArchive"] {
        let mut changed = body(&archive());
        put(&mut changed, pointer, None);
        table.row(format!("no {pointer}"), h.put(PRIMARY, PATH, &changed).await.status, 422);
    }
    table.close();
}

#[tokio::test]
async fn the_installation_that_it_is_for_gets_it() {
    let h = Home::open().await;
    let mut table = Table::default();
    table.row("nobody", h.t.client.send("GET", WAIT, &[], "").await.status, 401);
    for timeout in ["0", "3601", "x"] {
        table.row(timeout, h.get(LINKED, &format!("{PATH}?timeout={timeout}")).await.status, 400);
    }
    table.row("nothing in time", h.get(LINKED, WAIT).await.status, 204);
    let failed = json!({"error": "CONTINUE_WITHOUT_UPLOAD"});
    for content in [archive(), failed, archive()] {
        let wait = h.begin(LINKED, &format!("{PATH}?timeout=3600"), 1).await;
        let (padded, expected) = (json!(content), content.clone());
        table.row("put", h.put(PRIMARY, PATH, &body(&padded)).await.status, 204);
        let (status, text) = over(wait).await;
        table.row("waited for", (status, serde_json::from_str(&text).unwrap_or_default()), (200, expected.clone()));
        table.row("late", h.get(LINKED, WAIT).await.expect(200), expected);
        h.t.advance(HOUR);
        table.row("an hour later", h.get(LINKED, WAIT).await.status, 204);
    }
    h.put(PRIMARY, PATH, &body(&archive())).await;
    table.row("another device", h.get(PRIMARY, WAIT).await.status, 204);
    let mut other = body(&archive());
    put(&mut other, "/destinationDeviceRegistrationId", Some(json!(REGISTRATION_ID + 1)));
    h.t.advance(HOUR);
    h.put(PRIMARY, PATH, &other).await;
    table.row("another installation of that id", h.get(LINKED, WAIT).await.status, 204);
    table.close();
}

#[tokio::test]
async fn a_later_waiter_takes_the_place() {
    let h = Home::open().await;
    let path = format!("{PATH}?timeout=3600");
    let first = h.begin(LINKED, &path, 1).await;
    let primary = h.begin(PRIMARY, &path, 2).await;
    let second = h.begin(LINKED, &path, 2).await;
    assert_eq!(over(first).await.0, 204);
    assert!(!primary.is_finished(), "that one waits for something else");
    h.put(PRIMARY, PATH, &body(&archive())).await;
    assert_eq!(over(second).await.0, 200);
}

#[tokio::test]
async fn limits() {
    let h = Home::open_with(|config| {
        limit(config, LimitId::UploadTransferArchive, 1);
        limit(config, LimitId::WaitForTransferArchive, 1);
    })
    .await;
    assert_eq!(h.put(PRIMARY, PATH, &json!({})).await.status, 422);
    assert_eq!(h.put(PRIMARY, PATH, &body(&archive())).await.status, 204, "what was refused took no permit");
    let again = h.put(LINKED, PATH, &body(&archive())).await;
    assert_eq!(refused_by(&again), (429, Some("uploadTransferArchive")), "devices of an account share it");
    assert_eq!(h.get(LINKED, &format!("{PATH}?timeout=0")).await.status, 400);
    assert_eq!(h.get(LINKED, WAIT).await.status, 200);
    assert_eq!(refused_by(&h.get(LINKED, WAIT).await), (429, Some("waitForTransferArchive")));
    assert_eq!(h.get(PRIMARY, WAIT).await.status, 204, "each device has its own");
}
