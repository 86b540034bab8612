//! What anybody may ask about accounts (contract registration §9.4-§9.6).

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use signet_config::{Limit, LimitId, OnFailure};
use signet_storage::dynamo::Value;
use signet_storage::dynamo::Write;
use signet_storage::dynamo::items::{key, text};
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::ids::AccountId;
use signet_tests::client::basic;
use signet_tests::{SignalClient, Table, TestRegistry};

const NUMBER: &str = "+12025550101";
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";
/// Its standard base64 has characters that the URL-safe alphabet lacks.
const NAME: [u8; 32] = [0xfb; 32];

struct Someone {
    aci: String,
    pni: String,
    password: String,
}

async fn register(t: &TestRegistry) -> Someone {
    let (me, session) = (SignalClient::generate(), t.verified_session(NUMBER).await);
    let answer = t.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(201);
    let id = |name: &str| answer[name].as_str().unwrap().to_owned();
    Someone { aci: id("uuid"), pni: id("pni"), password: me.password }
}

async fn ask(t: &TestRegistry, method: &str, path: &str) -> u16 {
    let answer = t.client.send(method, path, &[], "").await;
    if method == "HEAD" {
        assert_eq!((answer.text.as_str(), answer.header("content-type")), ("", None));
    }
    answer.status
}

#[tokio::test]
async fn whether_an_account_exists_is_200_or_404() {
    let t = TestRegistry::start();
    let who = register(&t).await;
    let mut table = Table::default();
    for (identifier, status) in [
        (who.aci.clone(), 200),
        (format!("PNI:{}", who.pni), 200),
        (format!("PNI%3A{}", who.pni), 200),
        (who.pni.clone(), 404),
        (format!("PNI:{}", who.aci), 404),
        (UNKNOWN.to_owned(), 404),
        (format!("PNI:{UNKNOWN}"), 404),
        ("rubbish".to_owned(), 404),
    ] {
        let path = format!("/v1/accounts/account/{identifier}");
        table.row(&path, ask(&t, "HEAD", &path).await, status);
        let authorization = basic(&who.aci, &who.password);
        let known = t.client.send("HEAD", &path, &[("authorization", &authorization)], "").await.status;
        table.row(format!("{path}, by a known device"), known, 400);
    }
    table.close();
    t.client.send_as("DELETE", "/v1/accounts/me", &who.aci, &who.password).await.expect(204);
    assert_eq!(ask(&t, "HEAD", &format!("/v1/accounts/account/{}", who.aci)).await, 404);
}

/// Put by hand: nobody knows the name behind it.
async fn give_username(t: &TestRegistry, aci: &str, confirmed: bool) {
    let mut row = key("claim", format!("username#{}", hex::encode(NAME)));
    row.insert("aci".to_owned(), text(aci.to_owned()));
    row.insert("confirmed".to_owned(), Value::Bool(confirmed));
    row.insert("reclaimable".to_owned(), Value::Bool(false));
    let aci: AccountId = aci.parse().unwrap();
    t.registry
        .accounts
        .update("test", aci, |_, _| ((), vec![Write::put("username", Rows::Claims, row.clone())]))
        .await
        .unwrap();
}

#[tokio::test]
async fn only_a_confirmed_username_is_found() {
    let t = TestRegistry::start();
    let who = register(&t).await;
    let path = |hash: String| format!("/v1/accounts/username_hash/{hash}");
    let known = path(URL_SAFE_NO_PAD.encode(NAME));
    assert_eq!(ask(&t, "GET", &known).await, 404);
    give_username(&t, &who.aci, false).await;
    assert_eq!(ask(&t, "GET", &known).await, 404, "a reserved one is nobody's yet");
    give_username(&t, &who.aci, true).await;
    assert_eq!(t.client.send("GET", &known, &[], "").await.expect(200)["uuid"], who.aci.as_str());
    let mut table = Table::default();
    for (what, hash, status) in [
        ("padded", URL_SAFE.encode(NAME), 200),
        ("the other alphabet", STANDARD.encode(NAME).replace('/', "%2F"), 422),
        ("too short", URL_SAFE_NO_PAD.encode(&NAME[1..]), 422),
        ("too long", URL_SAFE_NO_PAD.encode([7; 33]), 422),
        ("somebody else's", URL_SAFE_NO_PAD.encode([7; 32]), 404),
        ("rubbish", "rubbish".to_owned(), 422),
    ] {
        table.row(what, ask(&t, "GET", &path(hash)).await, status);
    }
    let by_a_device = t.client.send_as("GET", &known, &who.aci, &who.password).await.status;
    table.row("by a known device", by_a_device, 400);
    table.row("no link", ask(&t, "GET", &format!("/v1/accounts/username_link/{UNKNOWN}")).await, 404);
    table.row("a link that is none", ask(&t, "GET", "/v1/accounts/username_link/rubbish").await, 404);
    table.close();
}

#[tokio::test]
async fn one_address_does_not_look_up_everybody() {
    let questions = [
        (LimitId::CheckAccountExistence, "HEAD", format!("/v1/accounts/account/{UNKNOWN}"), "checkAccountExistence"),
        (LimitId::UsernameLookup, "GET", format!("/v1/accounts/username_hash/{}", "A".repeat(43)), "usernameLookup"),
        (
            LimitId::UsernameLinkLookup,
            "GET",
            format!("/v1/accounts/username_link/{UNKNOWN}"),
            "usernameLinkLookupPerIp",
        ),
    ];
    for (limiter, method, path, name) in questions {
        let t = TestRegistry::start_with(|config| {
            config.limits.set(limiter, Limit::bucket(2, Duration::from_secs(60), OnFailure::Allow));
        });
        assert_eq!([ask(&t, method, &path).await, ask(&t, method, &path).await], [404, 404]);
        let refused = t.client.send(method, &path, &[], "").await;
        assert_eq!((refused.status, refused.header("x-ratelimit-limiter")), (429, Some(name)));
    }
}
