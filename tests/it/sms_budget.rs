//! The budget of messages: every rule against the attack it is for, replayed over HTTP with the clock moved, and counted by what
//! the sender really sent. With `--nocapture` each attack prints how many messages went out.

mod address;
mod country;
mod spending;
mod store;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use signet_config::{Config, Countries, Profile, Sms};
use signet_tests::{Answer, TestRegistry};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// The figures of production, for all countries and without an end to spending.
fn as_in_production(config: &mut Config) {
    config.sms = Sms { countries: Countries::All, ..Sms::of(Profile::Production) };
    config.server.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
}

fn start(change: impl FnOnce(&mut Config)) -> TestRegistry {
    TestRegistry::start_with(|config| {
        as_in_production(config);
        change(config);
    })
}

/// Opens a session for this number and asks for a code, as a client with this address. The session, and the answer.
async fn ask(t: &TestRegistry, address: &str, number: &str) -> (String, Answer) {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    let begun =
        t.client.send("POST", "/v1/verification/session", &headers, json!({"number": number}).to_string()).await;
    let id = begun.expect(200)["id"].as_str().expect("an id").to_owned();
    let answer = ask_again(t, address, &id).await;
    (id, answer)
}

async fn ask_again(t: &TestRegistry, address: &str, id: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    let body = json!({"transport": "sms", "client": "test"}).to_string();
    t.client.send("POST", &format!("/v1/verification/session/{id}/code"), &headers, body).await
}

/// Asks, and enters the code that came.
async fn prove(t: &TestRegistry, address: &str, number: &str) {
    let (id, answer) = ask(t, address, number).await;
    answer.expect(200);
    assert_eq!(t.client.submit_code(&id, &t.code(number)).await.expect(200)["verified"], true);
}

/// To how many of these numbers the sender sent a code.
fn sent(t: &TestRegistry, numbers: impl IntoIterator<Item = String>) -> usize {
    let numbers: BTreeSet<String> = numbers.into_iter().collect();
    numbers.iter().filter(|number| t.registry.outbox.letter(number).is_some_and(|letter| letter.code.is_some())).count()
}

/// Refused by this limiter, with the session as body and a wait, which is returned.
#[track_caller]
fn refused_by(answer: &Answer, limiter: &str) -> Duration {
    assert_eq!((answer.status, answer.header("x-ratelimit-limiter")), (429, Some(limiter)), "{}", answer.text);
    assert_eq!(answer.json()["nextSms"], 0, "the refusal cost the session nothing: {}", answer.text);
    let wait = answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("whole seconds");
    assert!(wait >= 1);
    Duration::from_secs(wait)
}

/// An address of its own for each of an attacker's requests.
fn rotating(n: usize) -> String {
    format!("203.{}.{}.{}", n / 65_536 % 256, n / 256 % 256, n % 256)
}

/// The n-th mobile number of a country.
fn german(n: usize) -> String {
    format!("+49151{n:08}")
}

fn latvian(n: usize) -> String {
    format!("+3712{n:07}")
}

#[tokio::test]
async fn countries_that_are_not_served_are_sent_nothing() {
    let t = start(|config| config.sms.countries = Countries::Only(["US", "GB"].map(str::to_owned).into()));
    let mut table = signet_tests::Table::default();
    for (number, status) in [
        ("+12025550123", 200),
        ("+447700900123", 200),
        // Two that share a code with one that is served.
        ("+14165550123", 440),
        ("+18765550123", 440),
        ("+447624123456", 440),
        ("+4915112345678", 440),
        // Satellites belong to no country.
        ("+881612345678", 440),
    ] {
        let (_, answer) = ask(&t, "192.0.2.1", number).await;
        table.row(number, answer.status, status);
        if status == 440 {
            let expected = json!({"reason": "providerRejected", "permanentFailure": true});
            table.row(format!("{number}: body"), answer.json(), expected);
        }
        table.row(format!("{number}: sent"), sent(&t, [number.to_owned()]), usize::from(status == 200));
    }
    table.close();
}

#[tokio::test]
async fn a_refused_request_leaves_the_code_before_it_as_it_was() {
    let t = start(|config| (config.sms.country_daily, config.sms.country_hourly) = (1, 1));
    let number = german(1);
    let (id, first) = ask(&t, "192.0.2.1", &number).await;
    first.expect(200);
    let code = t.code(&number);
    t.advance(MINUTE);
    refused_by(&ask_again(&t, "192.0.2.1", &id).await, "smsPerCountry");
    assert_eq!(t.client.submit_code(&id, &code).await.expect(200)["verified"], true);
    // And being verified it makes room again.
    ask(&t, "192.0.2.1", &german(2)).await.1.expect(200);
}

#[tokio::test]
async fn what_the_sender_does_not_send_is_given_back() {
    let t = start(|config| {
        (config.sms.country_daily, config.sms.country_hourly, config.sms.daily_cap) = (1, 1, Some(1));
        for n in 0..5 {
            config.verification.refusals.set(&german(n), signet_config::Refusal::Rejected);
        }
    });
    for n in 0..5 {
        assert_eq!(ask(&t, "192.0.2.1", &german(n)).await.1.status, 440);
    }
    ask(&t, "192.0.2.1", &german(5)).await.1.expect(200);
    refused_by(&ask(&t, "192.0.2.1", &german(6)).await.1, "smsPerCountry");
}

/// A day of people, some more in one hour than in the other, of whom every tenth never enters the code.
#[tokio::test]
async fn a_normal_day_is_not_hindered() {
    let t = start(|_| {});
    let mut n = 0;
    for people in [10, 20, 40, 60, 40, 20, 10, 0, 30, 50] {
        for _ in 0..people {
            n += 1;
            // Ten to an address, as behind the router of an office.
            let address = rotating(n / 10);
            if n % 10 == 5 {
                ask(&t, &address, &german(n)).await.1.expect(200);
            } else {
                prove(&t, &address, &german(n)).await;
            }
        }
        t.advance(HOUR);
    }
    eprintln!("a normal day: {n} people asked, {} got a code", sent(&t, (1..=n).map(german)));
    assert_eq!(sent(&t, (1..=n).map(german)), n);
}
