//! How waits end that nobody answers: the registry stops, or the client hangs up.

use std::time::Duration;

use signet_tests::TestRegistry;
use signet_tests::process::Serving;
use tempfile::tempdir;

use super::{Home, LINKED, PRIMARY, over, under_way, wait_for_restore};

#[tokio::test]
async fn a_registry_that_stops_answers_all_who_wait() {
    let h = Home::open().await;
    let restore = wait_for_restore(&h.t.client, 3600);
    under_way(&h.t, 1).await;
    let archive = h.begin(LINKED, "/v1/devices/transfer_archive?timeout=3600", 2).await;
    let token = format!("/v1/devices/wait_for_linked_device/{}?timeout=3600", "A".repeat(43));
    let linked = h.begin(PRIMARY, &token, 3).await;
    let stopped = tokio::task::spawn_blocking(move || drop(h));
    for wait in [restore, archive, linked] {
        assert_eq!(over(wait).await, (204, String::new()));
    }
    tokio::time::timeout(Duration::from_secs(5), stopped).await.expect("it stops at once").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_a_wait_at_once() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &[]);
    let wait = wait_for_restore(&serving.client, 3600);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!wait.is_finished());
    serving.signal("TERM");
    assert_eq!(over(wait).await, (204, String::new()));
    let stopped = tokio::task::spawn_blocking(move || serving.wait());
    let code = tokio::time::timeout(Duration::from_secs(5), stopped).await.expect("it stops at once").unwrap();
    assert_eq!(code, Some(0));
}

/// An hour's wait of a client that has gone would be an hour's memory.
#[tokio::test]
async fn a_client_that_hangs_up_waits_no_longer() {
    let t = TestRegistry::start();
    for _ in 0..3 {
        let wait = wait_for_restore(&t.client, 3600);
        under_way(&t, 1).await;
        wait.abort();
        under_way(&t, 0).await;
    }
}
