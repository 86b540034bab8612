//! What it costs to refuse credentials (contract keys-devices §5.1): counted in looks at the store and in hashes, not timed, so that
//! it is the same on every machine and every day. What the answers look like is in `registration/whoami.rs`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use signet::call::{Call, Credentials, Headers};
use signet::routes::{self, ROUTES};
use signet_storage::hash;
use signet_storage::model::Account;
use signet_tests::client::basic;
use signet_tests::{SignalClient, Table, TestRegistry};

const NUMBER: &str = "+12025550123";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";
/// What every refusal costs: the account is looked at once, and two hashes are made.
const COST: (u16, &[&str], u64) = (401, &["GetItem"], 2);

/// The status of a whoami with these credentials, the requests to the store, and the hashes. In this thread, where they are counted.
async fn cost(t: &TestRegistry, header: &str) -> (u16, Vec<String>, u64) {
    let route = ROUTES.iter().find(|route| route.template == "/v1/accounts/whoami").unwrap();
    let mut headers = Headers::default();
    headers.push("authorization", header);
    let call = Call {
        params: Vec::new(),
        query: Vec::new(),
        headers,
        body: Bytes::new(),
        client: None,
        credentials: Credentials::InHeaders,
        caller: None,
    };
    t.faults.take_seen();
    let before = hash::verified_here();
    let reply = routes::serve(&t.registry, route, call).await;
    (reply.status, t.faults.take_seen(), hash::verified_here() - before)
}

/// Somebody with a second device, whose credentials were used just now.
async fn settle(t: &TestRegistry) -> (Account, SignalClient) {
    let (session, me) = (t.verified_session(NUMBER).await, SignalClient::generate());
    let answer = t.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(201);
    let aci = answer["uuid"].as_str().unwrap();
    t.client.whoami(aci, &me.password).await.expect(200);
    (t.registry.accounts.get(aci.parse().unwrap()).await.unwrap().unwrap(), me)
}

#[tokio::test]
async fn whatever_is_wrong_costs_the_same_whatever_the_cache_holds() {
    let t = TestRegistry::start();
    let (account, me) = settle(&t).await;
    let aci = account.aci.to_string();
    let wrong = [
        ("the password", basic(&aci, "wrong")),
        ("a password of another length", basic(&aci, &"x".repeat(300))),
        ("the device", basic(&format!("{aci}.2"), &me.password)),
        ("the account", basic(NOBODY, &me.password)),
        ("the account, although the number has one", basic(&account.pni.to_string(), &me.password)),
    ];
    let stale_at_most = signet_config::Config::for_testing().cache.stale_at_most;
    let mut table = Table::default();
    let same = (COST.0, COST.1.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(), COST.2);
    for cached in ["a copy", "a copy that is too old", "nothing, for it is away"] {
        match cached {
            "a copy" => {}
            "a copy that is too old" => t.advance(stale_at_most),
            _ => t.registry.storage.cache.set_away(true),
        }
        for (what, header) in &wrong {
            table.row(format!("{what}, the cache holds {cached}"), cost(&t, header).await, same.clone());
        }
        let copy = t.registry.accounts.get_cached(account.aci).await;
        table.row(format!("{cached}: refusals write nothing"), copy.is_some(), cached == "a copy");
    }
    t.registry.storage.cache.set_away(false);

    // Frozen, removed.
    let freeze = |account: &mut Account, _| (account.devices[0].auth.freeze(), Vec::new());
    t.registry.accounts.update("test", account.aci, freeze).await.unwrap().unwrap();
    for what in ["frozen, right password", "removed, right password"] {
        for header in [basic(&aci, &me.password), basic(&aci, "wrong")] {
            table.row(what, cost(&t, &header).await, same.clone());
        }
        let account = t.registry.accounts.get(account.aci).await.unwrap();
        if let Some(account) = account {
            let device = &account.devices[0];
            let keys = |account: &_| t.registry.keys.writes_for_removed_account(account);
            t.registry.accounts.remove(&account, (device.id, &device.auth), keys).await.unwrap();
        }
    }
    table.close();
}

/// Who is let in costs less, and less often: a warm copy needs no store, and one that is too old is renewed.
#[tokio::test]
async fn the_right_password_is_judged_by_the_copy_for_as_long_as_that_is_believed() {
    let t = TestRegistry::start();
    let (account, me) = settle(&t).await;
    let header = basic(&account.aci.to_string(), &me.password);
    let (warm, cold) = ((200, Vec::new(), 1), (200, vec!["GetItem".to_owned()], 2));
    let bound = Duration::from_secs(60);
    let mut table = Table::default();
    for (what, wait, expected) in [
        ("just registered", Duration::ZERO, &warm),
        ("a moment before the bound", bound - Duration::from_millis(1), &warm),
        ("at the bound", Duration::from_millis(1), &cold),
        ("renewed", Duration::ZERO, &warm),
        ("a moment before the next", bound - Duration::from_millis(1), &warm),
        ("at the next", Duration::from_millis(1), &cold),
    ] {
        t.advance(wait);
        table.row(what, cost(&t, &header).await, expected.clone());
    }
    table.close();
}

/// Whoever sends it knows that it is malformed, so there is nothing to hide and no reason to work.
#[tokio::test]
async fn what_is_malformed_costs_nothing() {
    let t = TestRegistry::start();
    let mut table = Table::default();
    for header in ["", "Basic", "Basic !", "Bearer x", &basic("test", "x"), &basic(&format!("{NOBODY}.0"), "x")] {
        table.row(format!("{header:?}"), cost(&t, header).await, (401, Vec::new(), 0));
    }
    table.close();
}

/// Once a day at the account's own second (§5.3), and not again when the next request comes.
#[tokio::test]
async fn the_day_is_noted_with_one_write() {
    let t = TestRegistry::start();
    let (account, me) = settle(&t).await;
    let header = basic(&account.aci.to_string(), &me.password);
    let mut table = Table::default();
    for day in 1..=3 {
        t.advance(Duration::from_secs(86_400));
        let writes = |seen: Vec<String>| seen.into_iter().filter(|name| name != "GetItem").collect::<Vec<_>>();
        let mut written = Vec::new();
        // Noon may be before the account's second; by the next noon it has passed.
        for _ in 0..4 {
            let (status, seen, _) = cost(&t, &header).await;
            table.row(format!("day {day}: let in"), status, 200);
            written.extend(writes(seen));
        }
        let last_seen = t.registry.accounts.get(account.aci).await.unwrap().unwrap().devices[0].last_seen;
        let today = t.registry.clock.now().midnight();
        let expected = if last_seen == today { json!(["PutItem"]) } else { json!([]) };
        table.row(format!("day {day}: writes"), json!(written), expected);
        table.row(format!("day {day}: behind"), today.remaining(last_seen) <= Duration::from_secs(86_400), true);
    }
    table.close();
}
