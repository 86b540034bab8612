//! Many at once: one token lets one in, and one place is taken once.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::json;
use signet_tests::Audit;

use super::{Home, MOST};

/// How many got each status.
fn counted(statuses: Vec<u16>) -> BTreeMap<u16, usize> {
    statuses.into_iter().fold(BTreeMap::new(), |mut counts, status| {
        *counts.entry(status).or_default() += 1;
        counts
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_links_with_one_token_are_one() {
    let h = Home::open().await;
    let body = h.body(&h.token().await, &[]);
    let links = (0..100).map(|n| {
        let (client, body) = (h.t.client.clone(), body.clone());
        tokio::spawn(async move { client.link(&format!("password {n}"), &body).await.status })
    });
    let statuses = join_all(links.collect::<Vec<_>>()).await.into_iter().map(|status| status.unwrap()).collect();
    assert_eq!(counted(statuses), BTreeMap::from([(200, 1), (403, 99)]));
    assert_eq!(h.ids().await, [1, 2]);
    assert_eq!(Audit::of(&h.t.registry.storage).await.expect_clean().keys, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_links_for_the_last_place_are_one() {
    let h = Home::open().await;
    for _ in 0..MOST - 2 {
        h.link().await;
    }
    let mut bodies = Vec::new();
    for _ in 0..50 {
        bodies.push(h.body(&h.token().await, &[]));
    }
    let links = bodies.into_iter().map(|body| {
        let client = h.t.client.clone();
        tokio::spawn(async move { client.link("password", &body).await })
    });
    let answers = join_all(links.collect::<Vec<_>>()).await.into_iter().map(|answer| answer.unwrap());
    let answers: Vec<_> = answers.collect();
    let full = answers.iter().filter(|answer| answer.status == 411);
    assert!(full.into_iter().all(|answer| answer.json() == json!({"current": 6, "max": 6})));
    let statuses = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(counted(statuses), BTreeMap::from([(200, 1), (411, 49)]));
    assert_eq!(h.ids().await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(Audit::of(&h.t.registry.storage).await.expect_clean().keys, 12);
}

/// Links and removals in each other's way: ids stay unique, and everybody who was told so is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_and_removals_at_once() {
    let h = Home::open().await;
    let old = [h.link().await, h.link().await, h.link().await];
    let mut bodies = Vec::new();
    for _ in 0..2 {
        bodies.push(h.body(&h.token().await, &[]));
    }
    let links = join_all(bodies.iter().map(|body| h.t.client.link("password", body)));
    let removals = join_all(old.iter().map(|device| h.unlink(device, device.id)));
    let (linked, removed) = tokio::join!(links, removals);
    assert!(removed.iter().all(|answer| answer.status == 204), "{removed:?}");
    let mut ids: Vec<_> = linked.into_iter().map(|answer| answer.expect(200)["deviceId"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    let mut there: Vec<_> = h.ids().await.into_iter().map(u64::from).collect();
    there.sort_unstable();
    assert_eq!(there, [&[1], &ids[..]].concat());
    for device in &old {
        assert_eq!(h.whoami(device).await, 401);
    }
    Audit::of(&h.t.registry.storage).await.expect_clean();
}
