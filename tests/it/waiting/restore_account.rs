//! `/v1/devices/restore_account/{token}` (contract keys-devices §3.7), and what all waits have in common.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use signet_config::LimitId;
use signet_tests::{Table, TestRegistry};

use super::{HOUR, RESTORE, limit, over, refused_by, under_way, wait_for_restore};

fn registry() -> TestRegistry {
    TestRegistry::start_with(|config| {
        limit(config, LimitId::RecordDeviceTransferRequest, 10_000);
        limit(config, LimitId::WaitForDeviceTransferRequest, 10_000);
    })
}

async fn put(t: &TestRegistry, token: &str, body: &Value) -> u16 {
    let path = format!("/v1/devices/restore_account/{token}");
    t.client.send("PUT", &path, &[], body.to_string()).await.status
}

fn by(method: &str) -> Value {
    json!({"method": method, "deviceTransferBootstrap": null})
}

#[tokio::test]
async fn what_may_be_put() {
    let t = registry();
    let mut table = Table::default();
    let decline = by("DECLINE");
    for (name, token, status) in [
        ("blank", "%20%20".to_owned(), 400),
        ("one character", "x".to_owned(), 204),
        ("64 characters", "x".repeat(64), 204),
        ("65 characters", "x".repeat(65), 400),
        ("64 others", "%C3%A9".repeat(64), 204),
        ("an odd one", "%2A%20%0D%0A%00".to_owned(), 204),
    ] {
        table.row(name, put(&t, &token, &decline).await, status);
        let path = format!("/v1/devices/restore_account/{token}?timeout=1");
        let expected = if status == 204 { 200 } else { status };
        table.row(format!("{name}, waited for"), t.client.send("GET", &path, &[], "").await.status, expected);
    }
    for (name, body, status) in [
        ("nothing", "", 422),
        ("no JSON", "{\"method\"", 400),
        ("a list", "[]", 422),
        ("no method", "{}", 422),
        ("null", "{\"method\":null}", 422),
        ("another method", "{\"method\":\"PIGEON\"}", 422),
        ("another case", "{\"method\":\"decline\"}", 422),
        ("no base64", "{\"method\":\"DECLINE\",\"deviceTransferBootstrap\":\"?\"}", 422),
        ("further fields", "{\"method\":\"DECLINE\",\"more\":1}", 204),
    ] {
        table.row(name, t.client.send("PUT", RESTORE, &[], body).await.status, status);
    }
    for (length, status) in [(0, 204), (4_096, 204), (4_097, 422)] {
        let bytes = STANDARD.encode(vec![0xff; length]);
        let body = json!({"method": "DEVICE_TRANSFER", "deviceTransferBootstrap": bytes});
        table.row(format!("{length} bytes"), put(&t, "token", &body).await, status);
    }
    table.close();
}

#[tokio::test]
async fn what_was_put_is_what_is_got() {
    let t = registry();
    let got = async || t.client.send("GET", &format!("{RESTORE}?timeout=1"), &[], "").await;
    let mut table = Table::default();
    table.row("nothing yet", got().await.status, 204);
    for method in ["REMOTE_BACKUP", "LOCAL_BACKUP", "DEVICE_TRANSFER", "DECLINE"] {
        table.row(method, put(&t, "token", &by(method)).await, 204);
        table.row(method, got().await.expect(200), by(method));
    }
    let unpadded = json!({"method": "DECLINE", "deviceTransferBootstrap": STANDARD_NO_PAD.encode([0xff; 10])});
    for bytes in [STANDARD.encode([0xff; 10]), STANDARD_NO_PAD.encode([0xff; 10])] {
        put(&t, "token", &json!({"method": "DECLINE", "deviceTransferBootstrap": bytes})).await;
        table.row(bytes, got().await.expect(200), unpadded.clone());
    }
    table.row("absent is null", put(&t, "token", &json!({"method": "DECLINE"})).await, 204);
    table.row("absent is null", got().await.expect(200), by("DECLINE"));
    for timeout in ["0", "3601", "x"] {
        let path = format!("{RESTORE}?timeout={timeout}");
        table.row(format!("timeout {timeout}"), t.client.send("GET", &path, &[], "").await.status, 400);
    }
    t.advance(HOUR);
    table.row("an hour later", got().await.status, 204);
    table.close();
}

#[tokio::test]
async fn each_address_has_a_limit_for_either() {
    let t = TestRegistry::start_with(|config| {
        limit(config, LimitId::RecordDeviceTransferRequest, 1);
        limit(config, LimitId::WaitForDeviceTransferRequest, 1);
    });
    assert_eq!(put(&t, "token", &json!({})).await, 422);
    assert_eq!(put(&t, &"x".repeat(65), &by("DECLINE")).await, 400);
    assert_eq!(put(&t, "token", &by("DECLINE")).await, 204, "what was refused took no permit");
    let again = t.client.send("PUT", RESTORE, &[], by("DECLINE").to_string()).await;
    assert_eq!(refused_by(&again), (429, Some("recordDeviceTransferRequest")));
    assert_eq!(t.client.send("GET", &format!("{RESTORE}?timeout=0"), &[], "").await.status, 400);
    assert_eq!(t.client.send("GET", RESTORE, &[], "").await.status, 200);
    let again = t.client.send("GET", RESTORE, &[], "").await;
    assert_eq!(refused_by(&again), (429, Some("waitForDeviceTransferRequest")));
}

#[tokio::test]
async fn a_later_waiter_takes_the_place_and_gets_the_answer() {
    let t = registry();
    let mut last = wait_for_restore(&t.client, 3600);
    under_way(&t, 1).await;
    for _ in 0..5 {
        let next = wait_for_restore(&t.client, 3600);
        assert_eq!(over(last).await, (204, String::new()));
        under_way(&t, 1).await;
        last = next;
    }
    assert_eq!(put(&t, "other", &by("DECLINE")).await, 204);
    assert!(!last.is_finished(), "that was another token");
    assert_eq!(put(&t, "token", &by("REMOTE_BACKUP")).await, 204);
    let (status, text) = over(last).await;
    assert_eq!((status, serde_json::from_str::<Value>(&text).unwrap()), (200, by("REMOTE_BACKUP")));
    under_way(&t, 0).await;
}

/// However many come at once, one is left, and it is the one that gets the answer.
#[tokio::test]
async fn of_many_at_once_one_is_left() {
    let t = registry();
    for round in 0..5 {
        let waits: Vec<_> = (0..30).map(|_| wait_for_restore(&t.client, 3600)).collect();
        // The first that hears of nobody else has not begun yet, hence the look at who is over.
        for _ in 0..1_000 {
            if waits.iter().filter(|wait| wait.is_finished()).count() == 29 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        under_way(&t, 1).await;
        put(&t, "token", &by("DECLINE")).await;
        let mut statuses = Vec::new();
        for wait in waits {
            statuses.push(over(wait).await.0);
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![200], vec![204; 29]].concat(), "round {round}");
        t.advance(HOUR);
    }
}
