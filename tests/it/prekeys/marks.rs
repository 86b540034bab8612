//! What is told of pools that run low or dry.

use signet::events::Event;
use signet_tests::{Table, TestRegistry};

use super::{Person, both, start, start_with, take};

const NUMBER: &str = "+12025550123";

/// What was said of pools while so many bundles were taken.
async fn said(
    t: &TestRegistry,
    alice: &Person,
    identifier: &str,
    takes: usize,
) -> Vec<(u8, &'static str, &'static str, u32)> {
    let mut events = t.registry.events.subscribe("test", 1000);
    for _ in 0..takes {
        alice.ask(t, "GET", &format!("/v2/keys/{identifier}/1"), "").await.expect(200);
    }
    let heard = std::iter::from_fn(|| events.try_recv().ok());
    let said = heard.filter_map(|happened| match happened.event {
        Event::KeysLow { aci, device, identity, kind, left } if aci == alice.aci() => {
            Some((device.get(), identity, kind, left))
        }
        _ => None,
    });
    said.collect()
}

#[tokio::test]
async fn a_pool_that_comes_to_the_mark_is_told_once() {
    let t = start_with(|config| config.prekeys.low_water = 3);
    let alice = Person::register(&t, NUMBER).await;
    let pni = format!("PNI:{}", alice.pni);
    let mut table = Table::default();
    table.row("nothing there", said(&t, &alice, &alice.aci, 3).await, vec![]);
    alice.upload(&t, &both(&alice.me.aci, 10..=14)).await.expect(204);
    table.row("above", said(&t, &alice, &alice.aci, 1).await, vec![]);
    table.row("to the mark", said(&t, &alice, &alice.aci, 1).await, vec![(1, "aci", "ec", 3), (1, "aci", "kem", 3)]);
    table.row("below", said(&t, &alice, &alice.aci, 5).await, vec![]);
    alice.upload(&t, &both(&alice.me.aci, 20..=23)).await.expect(204);
    table.row("again", said(&t, &alice, &alice.aci, 1).await, vec![(1, "aci", "ec", 3), (1, "aci", "kem", 3)]);
    alice.ask(&t, "PUT", "/v2/keys?identity=pni", both(&alice.me.pni, 5..=8).to_string()).await.expect(204);
    table.row("PNI", said(&t, &alice, &pni, 4).await, vec![(1, "pni", "ec", 3), (1, "pni", "kem", 3)]);
    table.close();
}

#[tokio::test]
async fn there_need_not_be_a_mark() {
    let t = start_with(|config| config.prekeys.low_water = 0);
    let alice = Person::register(&t, NUMBER).await;
    alice.upload(&t, &both(&alice.me.aci, 10..=12)).await.expect(204);
    assert_eq!(said(&t, &alice, &alice.aci, 5).await, vec![]);
}

/// The metrics belong to the process, which is that of all tests.
async fn exhausted(t: &TestRegistry, kind: &str) -> u64 {
    let line = format!(r#"signet_prekeys_exhausted_total{{kind="{kind}"}} "#);
    let text = t.client.manage("/metrics").await.text;
    text.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn who_finds_a_pool_empty_is_counted() {
    let t = start();
    let alice = Person::register(&t, NUMBER).await;
    for kind in ["ec", "kem"] {
        let before = exhausted(&t, kind).await;
        take(&t, &alice.aci, "1").await.expect(200);
        assert!(exhausted(&t, kind).await > before, "{kind}");
    }
}
