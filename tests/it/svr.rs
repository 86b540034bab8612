//! Credentials for secure value recovery over HTTP (contract registration §7.4, §7.5).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use signet_config::{Limit, LimitId, Limits, Profile};
use signet_tests::client::basic;
use signet_tests::{Answer, SignalClient, Table, TestRegistry};

const NUMBER: &str = "+12025550123";
const OTHER: &str = "+12025550124";
const CHECKS: [&str; 2] = ["/v2/svr/auth/check", "/v2/backup/auth/check"];

struct Owner {
    aci: String,
    password: String,
}

async fn owner(t: &TestRegistry, number: &str) -> Owner {
    let (me, session) = (SignalClient::generate(), t.verified_session(number).await);
    let account = t.client.register(number, &me.password, &me.registration(&session)).await.expect(201);
    Owner { aci: account["uuid"].as_str().expect("an ACI").to_owned(), password: me.password }
}

async fn credentials(t: &TestRegistry, owner: &Owner, path: &str) -> Value {
    let authorization = basic(&owner.aci, &owner.password);
    t.client.send("GET", path, &[("authorization", &authorization)], "").await.expect(200)
}

/// As clients present it: `username:password`.
async fn token(t: &TestRegistry, owner: &Owner) -> String {
    let issued = credentials(t, owner, "/v2/svr/auth").await;
    format!("{}:{}", issued["username"].as_str().expect("text"), issued["password"].as_str().expect("text"))
}

async fn check(t: &TestRegistry, path: &str, body: &Value) -> Answer {
    t.client.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
}

/// What is told of each token.
async fn verdicts(t: &TestRegistry, number: &str, tokens: &[&str]) -> BTreeMap<String, String> {
    let found = check(t, CHECKS[0], &json!({"number": number, "tokens": tokens})).await.expect(200);
    serde_json::from_value(found["matches"].clone()).expect("a verdict for each token")
}

fn wanted<const N: usize>(rows: [(&str, &str); N]) -> BTreeMap<String, String> {
    rows.into_iter().map(|(token, verdict)| (token.to_owned(), verdict.to_owned())).collect()
}

#[tokio::test]
async fn a_device_gets_credentials_of_its_own() {
    let t = TestRegistry::start();
    let (me, other) = (owner(&t, NUMBER).await, owner(&t, OTHER).await);
    let mine = credentials(&t, &me, "/v2/svr/auth").await;
    assert_eq!(mine, credentials(&t, &me, "/v2/backup/auth").await, "two names of one thing");
    let now = t.clock.clock().now().seconds();
    assert_eq!(mine["username"].as_str().expect("text").len(), 32);
    assert!(mine["password"].as_str().expect("text").starts_with(&format!("{now}:")));
    assert_eq!(mine.as_object().expect("an object").len(), 2);
    assert_ne!(mine["username"], credentials(&t, &other, "/v2/svr/auth").await["username"]);
}

#[tokio::test]
async fn each_token_gets_its_verdict() {
    let t = TestRegistry::start();
    let (me, other) = (owner(&t, NUMBER).await, owner(&t, OTHER).await);
    let (mine, others) = (token(&t, &me).await, token(&t, &other).await);
    let forged = format!("{}{}", &mine[..mine.len() - 1], if mine.ends_with('0') { 1 } else { 0 });
    let unsigned = mine.rsplit_once(':').expect("a signature").0.to_owned();
    let mut table = Table::default();
    for (name, number, tokens, verdicts_wanted) in [
        ("mine", NUMBER, vec![&mine], wanted([(&mine, "match")])),
        ("another account's", NUMBER, vec![&others], wanted([(&others, "no-match")])),
        ("both", OTHER, vec![&mine, &others], wanted([(&mine, "no-match"), (&others, "match")])),
        ("nobody's number", "+12025550125", vec![&mine], wanted([(&mine, "no-match")])),
        ("without a signature", NUMBER, vec![&unsigned], wanted([(&unsigned, "invalid")])),
        ("forged", NUMBER, vec![&forged, &mine], wanted([(&forged, "invalid"), (&mine, "match")])),
        ("twice the same", NUMBER, vec![&mine, &mine], wanted([(&mine, "match")])),
    ] {
        let tokens: Vec<&str> = tokens.into_iter().map(String::as_str).collect();
        table.row(name, verdicts(&t, number, &tokens).await, verdicts_wanted);
    }
    for rubbish in ["", "rubbish", ":", "::", "a:b", "a:1:", &format!("{mine}:x")] {
        table.row(rubbish, verdicts(&t, NUMBER, &[rubbish]).await, wanted([(rubbish, "invalid")]));
    }
    let by_the_old_name = check(&t, CHECKS[1], &json!({"number": NUMBER, "passwords": [mine]})).await.expect(200);
    table.row("older names of route and field", by_the_old_name, json!({"matches": {mine.as_str(): "match"}}));
    table.close();
}

#[tokio::test]
async fn only_the_newest_of_a_name_counts_and_only_for_its_time() {
    let t = TestRegistry::start();
    let me = owner(&t, NUMBER).await;
    let old = token(&t, &me).await;
    t.advance(Duration::from_secs(1));
    let new = token(&t, &me).await;
    let both = wanted([(&old, "invalid"), (&new, "match")]);
    assert_eq!(verdicts(&t, NUMBER, &[&old, &new]).await, both);
    assert_eq!(verdicts(&t, NUMBER, &[&new, &old]).await, both, "in whatever order");
    assert_eq!(verdicts(&t, NUMBER, &[&old]).await, wanted([(&old, "match")]), "alone it is the newest");

    t.advance(Duration::from_secs(120 * 24 * 3600 - 1));
    let alone = [verdicts(&t, NUMBER, &[&old]).await, verdicts(&t, NUMBER, &[&new]).await];
    assert_eq!(alone, [wanted([(&old, "match")]), wanted([(&new, "match")])], "120 days old");
    t.advance(Duration::from_secs(1));
    assert_eq!(verdicts(&t, NUMBER, &[&old]).await, wanted([(&old, "invalid")]), "a second more");
    t.advance(Duration::from_secs(1));
    // What is too old does not push out anything, either.
    assert_eq!(verdicts(&t, NUMBER, &[&old, &new]).await, wanted([(&old, "invalid"), (&new, "invalid")]));
}

/// The new form of a number in Benin finds the account, the old one does not, although they are one number.
#[tokio::test]
async fn a_number_is_looked_up_as_it_is_written() {
    let t = TestRegistry::start();
    let me = owner(&t, "+2290190011234").await;
    let mine = token(&t, &me).await;
    assert_eq!(verdicts(&t, "+2290190011234", &[&mine]).await, wanted([(&mine, "match")]));
    assert_eq!(verdicts(&t, "+22990011234", &[&mine]).await, wanted([(&mine, "no-match")]));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let t = TestRegistry::start();
    let ten = vec!["a:b"; 10];
    let mut table = Table::default();
    for path in CHECKS {
        for (body, status) in [
            ("{", 400),
            ("", 422),
            ("null", 422),
            ("[]", 422),
            ("{}", 422),
            (r#"{"number": "+12025550123"}"#, 422),
            (r#"{"number": "+12025550123", "tokens": null}"#, 422),
            (r#"{"number": "+12025550123", "tokens": []}"#, 422),
            (r#"{"number": "+12025550123", "tokens": [null]}"#, 422),
            (r#"{"number": "+12025550123", "tokens": "a:b"}"#, 422),
            (r#"{"tokens": ["a:b"]}"#, 422),
            (r#"{"number": null, "tokens": ["a:b"]}"#, 422),
            (r#"{"number": "12025550123", "tokens": ["a:b"]}"#, 422),
            (r#"{"number": "", "tokens": ["a:b"]}"#, 422),
            (r#"{"number": "+12025550123", "tokens": ["a:b"]}"#, 200),
        ] {
            table.row(body, t.client.send("POST", path, &[], body).await.status, status);
        }
        for (tokens, status) in [(ten.clone(), 200), ([&ten[..], &["a:b"]].concat(), 422)] {
            let body = json!({"number": NUMBER, "tokens": tokens});
            table.row(format!("{} tokens", tokens.len()), check(&t, path, &body).await.status, status);
        }
    }
    table.close();
}

#[tokio::test]
async fn an_address_asks_a_hundred_times() {
    let t = TestRegistry::start_with(|config| {
        config.limits.set(LimitId::BackupAuthCheck, Limits::of(Profile::Production).get(LimitId::BackupAuthCheck));
    });
    let body = json!({"number": NUMBER, "tokens": ["a:b"]});
    let ask = || check(&t, CHECKS[0], &body);
    for n in 0..100 {
        assert_eq!(ask().await.status, 200, "{n}");
    }
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("x-ratelimit-limiter")), (429, Some("backupAuthCheck")));
    assert_eq!(refused.header("retry-after"), Some("900"));
    t.advance(Duration::from_secs(900));
    assert_eq!([ask().await.status, ask().await.status], [200, 429]);
}

/// As for every limit by address, an IPv6 network is one client; and what an operator resets is what is counted.
#[tokio::test]
async fn a_network_asks_as_one_and_an_operator_can_let_it_ask_again() {
    let t = TestRegistry::start_with(|config| {
        config.server.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        let limit = Limits::of(Profile::Production).get(LimitId::BackupAuthCheck);
        config.limits.set(LimitId::BackupAuthCheck, Limit { size: 1, ..limit });
    });
    let body = json!({"number": NUMBER, "tokens": ["a:b"]}).to_string();
    let ask =
        async |address| t.client.send("POST", CHECKS[0], &[("x-forwarded-for", address)], body.clone()).await.status;
    let mut table = Table::default();
    table.row("the first", ask("2001:db8::1").await, 200);
    table.row("its neighbour", ask("2001:db8::2").await, 429);
    table.row("another network", ask("2001:db8:0:1::1").await, 200);
    let reset = t.client.manage_by("DELETE", "/limits/2001:db8::7").await;
    table.row("reset", reset.status, 200);
    table.row("the neighbour again", ask("2001:db8::2").await, 200);
    table.close();
}

/// The answer says nothing about who holds a number to somebody without credentials.
#[tokio::test]
async fn rubbish_learns_nothing() {
    let t = TestRegistry::start();
    owner(&t, NUMBER).await;
    for tokens in [json!(["a:b"]), json!(["rubbish", "a:1:b"])] {
        let ask = async |number| check(&t, CHECKS[0], &json!({"number": number, "tokens": tokens})).await.expect(200);
        assert_eq!(ask(NUMBER).await, ask(OTHER).await);
    }
}
