//! The two limits that promise "so many in any hour": registrations of one client address, codes for one number.

use std::time::Duration;

use signet_config::{Config, LimitId, Limits, Profile};
use signet_tests::redis::RedisServer;
use signet_tests::{Answer, SignalClient, TestRegistry};

use super::{NUMBER, node, until_cache_is};

const MINUTE: Duration = Duration::from_secs(60);
const MILLI: Duration = Duration::from_millis(1);

/// What people get.
fn as_in_production(config: &mut Config) {
    for id in [LimitId::RegistrationPerAddress, LimitId::CodePerNumber] {
        config.limits.set(id, Limits::of(Profile::Production).get(id));
    }
    config.server.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
}

async fn register_from(t: &TestRegistry, address: &str) -> Answer {
    t.client.send("POST", "/v1/registration", &[("x-forwarded-for", address)], "").await
}

#[track_caller]
fn assert_refused(answer: &Answer, limiter: &str, retry_after: Duration) {
    let seconds = retry_after.as_secs().to_string();
    assert_eq!(answer.status, 429, "{}", answer.text);
    assert_eq!(answer.header("x-ratelimit-limiter"), Some(limiter));
    assert_eq!(answer.header("retry-after"), Some(seconds.as_str()));
}

#[tokio::test]
async fn one_address_attempts_five_registrations_in_any_hour() {
    let t = TestRegistry::start_with(as_in_production);
    for _ in 0..5 {
        assert_eq!(register_from(&t, "192.0.2.1").await.status, 400, "also one without credentials is an attempt");
        t.advance(MINUTE);
    }
    let refused = register_from(&t, "192.0.2.1").await;
    assert_refused(&refused, "registrationPerAddress", MINUTE * 55);
    assert_eq!(refused.text, "");
    // Not the number, not the account, not the rest of the registry: this address.
    assert_eq!(register_from(&t, "192.0.2.2").await.status, 400);
    let (me, session) = (SignalClient::generate(), t.verified_session(NUMBER).await);
    t.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(201);

    t.advance(MINUTE * 55 - MILLI);
    assert_refused(&register_from(&t, "192.0.2.1").await, "registrationPerAddress", Duration::from_secs(1));
    t.advance(MILLI);
    assert_eq!(register_from(&t, "192.0.2.1").await.status, 400);
    assert_refused(&register_from(&t, "192.0.2.1").await, "registrationPerAddress", MINUTE);

    // A /64 is one client.
    for host in 1..=5 {
        assert_eq!(register_from(&t, &format!("2001:db8::{host}")).await.status, 400);
    }
    assert_eq!(register_from(&t, "2001:db8::ffff:1").await.status, 429);
    assert_eq!(register_from(&t, "2001:db8:0:1::1").await.status, 400);
}

async fn begin(t: &TestRegistry) -> String {
    t.client.begin_session(NUMBER).await.expect(200)["id"].as_str().expect("an id").to_owned()
}

/// Permits left for codes to the number.
async fn codes_left(t: &TestRegistry) -> u64 {
    let overview = t.client.manage(&format!("/limits/{NUMBER}")).await.expect(200);
    let rows = overview["limiters"].as_array().expect("a list");
    let row = rows.iter().find(|row| row["limiter"] == "codePerNumber").expect("the limiter of codes");
    row["left"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_number_is_sent_three_codes_in_any_hour_whatever_the_session() {
    let t = TestRegistry::start_with(as_in_production);
    let (first, second) = (begin(&t).await, begin(&t).await);
    t.client.request_code(&first, "sms").await.expect(200);
    for _ in 0..5 {
        let early = t.client.request_code(&first, "sms").await;
        assert_refused(&early, "sessionSchedule", MINUTE);
    }
    assert_eq!(codes_left(&t).await, 2, "what the session's schedule refuses takes no permit");
    t.advance(MINUTE);
    t.client.request_code(&first, "voice").await.expect(200);
    t.client.request_code(&second, "sms").await.expect(200);
    let code = t.code(NUMBER);
    t.advance(MINUTE);

    let refused = t.client.request_code(&second, "sms").await;
    assert_refused(&refused, "codePerNumber", MINUTE * 58);
    assert_eq!((&refused.json()["id"], &refused.json()["nextSms"]), (&second.as_str().into(), &0.into()));
    assert_eq!(t.code(NUMBER), code, "nothing was sent");
    let done = t.client.submit_code(&second, &code).await.expect(200);
    assert_eq!(done["verified"], true, "the code that was sent before still counts");

    let other = t.client.begin_session("+12025550161").await.expect(200);
    t.client.request_code(other["id"].as_str().expect("an id"), "sms").await.expect(200);
    t.advance(MINUTE * 58 - MILLI);
    let third = begin(&t).await;
    assert_refused(&t.client.request_code(&third, "sms").await, "codePerNumber", Duration::from_secs(1));
    t.advance(MILLI);
    t.client.request_code(&third, "sms").await.expect(200);
}

#[tokio::test]
async fn of_ten_requests_at_once_one_takes_a_permit() {
    let t = TestRegistry::start_with(|config| {
        as_in_production(config);
        let limit = signet_config::Limit { size: 100, ..config.limits.get(LimitId::CodePerNumber) };
        config.limits.set(LimitId::CodePerNumber, limit);
    });
    let session = begin(&t).await;
    let answers = futures::future::join_all((0..10).map(|_| t.client.request_code(&session, "sms"))).await;
    let sent = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((sent, codes_left(&t).await), (1, 99));
}

#[tokio::test]
async fn nodes_share_the_windows_and_without_their_store_nothing_goes_out() {
    let mut redis = RedisServer::start();
    let (one, two) = (node(&redis, as_in_production).await, node(&redis, as_in_production).await);
    for t in [&one, &two, &one] {
        t.client.request_code(&begin(t).await, "sms").await.expect(200);
    }
    let session = begin(&two).await;
    assert_refused(&two.client.request_code(&session, "sms").await, "codePerNumber", MINUTE * 60);
    for t in [&one, &two, &one, &two, &one] {
        assert_eq!(register_from(t, "192.0.2.1").await.status, 400);
    }
    assert_refused(&register_from(&two, "192.0.2.1").await, "registrationPerAddress", MINUTE * 60);

    redis.stop();
    until_cache_is(&two.client, "down").await;
    for answer in [two.client.request_code(&session, "sms").await, register_from(&two, "192.0.2.9").await] {
        assert_eq!((answer.status, answer.text.as_str()), (503, ""));
    }
}
