//! Everybody's life against the real binary at TRACE: nothing of it is found anywhere but where it belongs.

use serde_json::{Value, json};
use signet::routes::ROUTES;
use signet_tests::canary::Kind;
use signet_tests::table::put;

use super::people::{Person, Remains, Town};
use super::walk;

/// Countries of which nobody else in these tests is.
const NUMBER: &str = "+4915735987653";
const OTHER: &str = "+33612934857";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_anybodys_is_written_anywhere() {
    let mut town = Town::open().await;
    let alice = settle(&town).await;
    locked_out(&town, &alice).await;
    by_password(&town, &alice).await;
    further_device(&town, &alice).await;
    by_other_ways(&town, &alice).await;
    walk::everything(&town, &alice).await;
    provider_fails(&town).await;

    // What the registry stands on goes, one after the other: what it says then is the store's and the cache's own words.
    let metrics = town.serving.client.manage("/metrics").await.text;
    town.redis.stop();
    walk::everything(&town, &alice).await;
    drop(town.store.take());
    a_store_that_is_gone(&town, &alice).await;
    town.serving.signal("HUP");
    let more = town.serving.client.manage("/metrics").await.text;

    let mut remains = town.close();
    remains.places.push(("metrics", metrics.into_bytes()));
    remains.places.push(("later metrics", more.into_bytes()));
    something_was_written(&remains);
    assert_eq!(remains.hits(), [], "{} forms were looked for", remains.search.len());
    a_leak_would_have_been_seen(remains, &alice);
}

/// Otherwise nothing is shown by there being no hit.
fn something_was_written(remains: &Remains) {
    let log = remains.text("the log");
    for said in ["cannot serve", "the Redis cache does not answer", "a code was not delivered", "route="] {
        assert!(log.contains(said), "the log says nothing like {said:?}");
    }
    for event in ["registered", "lockFailed", "recoveryFailed", "codeSubmitted", "deviceLinked"] {
        assert!(remains.text("the audit").contains(&format!("\"event\":\"{event}\"")), "the audit has no {event}");
    }
    let metrics = remains.text("metrics");
    for route in ROUTES {
        let (method, template) = (route.method.as_str(), route.template);
        let counted = format!("signet_requests_total{{method=\"{method}\",route=\"{template}\"");
        assert!(metrics.contains(&counted), "{method} {template} was never asked");
    }
    assert!(!remains.text("refusals").is_empty() && remains.search.len() > 1_000);
}

/// One line more in each place, as a careless change would write it, and it is seen.
fn a_leak_would_have_been_seen(mut remains: Remains, alice: &Person) {
    let leaks = [
        format!("number={:?}", alice.number),
        format!("{:?}", alice.me.password.as_bytes()),
        alice.lock[..20].to_owned(),
    ];
    for (n, (place, text)) in remains.places.iter_mut().enumerate() {
        let before = text.len();
        text.extend_from_slice(format!("\n2026-11-21T21:36:13.493027Z  INFO signet: {}\n", leaks[n % 3]).as_bytes());
        assert!(!remains.search.hits(text).is_empty(), "{place}");
        text.truncate(before);
    }
}

async fn settle(town: &Town) -> Person {
    let mut alice = town.person(NUMBER);
    let session = town.session(NUMBER).await;
    alice.register(town, &session).await;
    let whoami = alice.ask(town, "GET", "/v1/accounts/whoami", &Value::Null).await.expect(200);
    assert_eq!(whoami["number"], NUMBER);
    let wrong = town.draw("a wrong password");
    town.send_as(&alice.aci, &wrong, "GET", "/v1/accounts/whoami", &Value::Null).await.expect(401);
    let stranger = town.draw("no user");
    town.send_as(&stranger, &wrong, "GET", "/v1/accounts/whoami", &Value::Null).await.expect(401);
    alice
}

/// Somebody else has got the number, and does not know the lock.
async fn locked_out(town: &Town, alice: &Person) {
    let session = town.session(NUMBER).await;
    let thief = town.person(OTHER);
    for lock in [None, Some(thief.lock.clone())] {
        let mut body = alice.registration(town, Some(&session));
        put(&mut body, "/accountAttributes/registrationLock", lock.map(Value::from));
        let refused = town.send_as(NUMBER, &thief.me.password, "POST", "/v1/registration", &body).await.expect(423);
        town.told(&refused["svr2Credentials"], "password");
    }
}

/// The wrong one, and then the right one after all; by number and by ACI.
async fn by_password(town: &Town, alice: &Person) {
    let mut body = alice.registration(town, None);
    for user in [NUMBER, &alice.aci] {
        put(&mut body, "/recoveryPassword", Some(json!(town.person(OTHER).recovery)));
        let refused = town.send_as(user, &alice.me.password, "POST", "/v1/registration", &body).await;
        assert!(refused.status == 403 || refused.status == 401, "{refused:?}");
    }
    let session = town.session(NUMBER).await;
    let mut back = alice.registration(town, Some(&session));
    // The pause after a wrong lock: nobody is let in for minutes, not even with the right one.
    town.send_as(NUMBER, &alice.me.password, "POST", "/v1/registration", &back).await;
    put(&mut back, "/accountAttributes/registrationLock", None);
    town.send_as(NUMBER, &alice.me.password, "POST", "/v1/registration", &back).await;
}

async fn further_device(town: &Town, _alice: &Person) {
    // The lock has frozen alice; another person links.
    let mut bob = town.person(OTHER);
    let session = town.session(OTHER).await;
    bob.register(town, &session).await;
    let code = bob.ask(town, "GET", "/v1/devices/provisioning/code", &Value::Null).await.expect(200);
    let identifier = town.told(&code, "tokenIdentifier");
    let mut body = bob.me.linking(&town.told(&code, "verificationCode"));
    put(&mut body, "/accountAttributes/name", Some(json!(town.draw("a device name"))));
    let password = town.draw("a device's password");
    let linked = town.send_as("nobody", &password, "PUT", "/v1/devices/link", &body).await.expect(200);
    let wait = format!("/v1/devices/wait_for_linked_device/{identifier}?timeout=1");
    bob.ask(town, "GET", &wait, &Value::Null).await.expect(200);
    let user = format!("{}.{}", bob.aci, linked["deviceId"]);
    let name = json!({"deviceName": town.draw("a device name")});
    town.send_as(&user, &password, "PUT", "/v1/accounts/name", &name).await.expect(204);
    for mine in ["/v2/svr/auth", "/v2/backup/auth"] {
        let credentials = bob.ask(town, "GET", mine, &Value::Null).await.expect(200);
        let token = format!("{}:{}", credentials["username"].as_str().unwrap(), town.told(&credentials, "password"));
        let check = json!({"number": OTHER, "tokens": [token]});
        town.send("POST", &format!("{mine}/check"), &[], &check).await.expect(200);
    }
    walk::everything(town, &bob).await;
    bob.ask(town, "DELETE", "/v1/accounts/me", &Value::Null).await.expect(204);
    town.send_as(&user, &password, "GET", "/v1/accounts/whoami", &Value::Null).await.expect(401);
}

/// Tokens that devices hand each other.
async fn by_other_ways(town: &Town, alice: &Person) {
    let token = hex::encode(town.draw("a transfer token"));
    town.mark("a transfer token", Kind::Random, &token[..32]);
    let path = format!("/v1/devices/restore_account/{}", &token[..32]);
    let how = json!({"method": "DEVICE_TRANSFER", "deviceTransferBootstrap": town.draw("a bootstrap")});
    town.send("PUT", &path, &[], &how).await.expect(204);
    town.send("GET", &format!("{path}?timeout=1"), &[], &Value::Null).await.expect(200);
    let keys = format!("/v2/keys/{}/*", alice.aci);
    for access_key in [&alice.access_key, &town.person(OTHER).access_key] {
        town.send("GET", &keys, &[("unidentified-access-key", access_key)], &Value::Null).await;
    }
}

/// The one who sends codes says no, and tells why in words of their own.
async fn provider_fails(town: &Town) {
    use signet_tests::Reaction;
    let number = "+393474819265";
    town.mark("a number", Kind::Number, number);
    for reaction in [
        Reaction::Answer(400, format!("{{\"error\":\"no such number {number}\"}}")),
        Reaction::Answer(500, format!("cannot send to {number}")),
        Reaction::HangUp,
    ] {
        town.provider.react([reaction]);
        let begun = town.send("POST", "/v1/verification/session", &[], &json!({"number": number})).await.expect(200);
        let path = format!("/v1/verification/session/{}", town.told(&begun, "id"));
        town.send("PATCH", &path, &[], &json!({"captcha": "noop.noop.registration.noop"})).await.expect(200);
        let ask = json!({"transport": "sms", "client": "ios"});
        let refused = town.send("POST", &format!("{path}/code"), &[], &ask).await;
        assert!(refused.status >= 400, "{refused:?}");
    }
}

async fn a_store_that_is_gone(town: &Town, alice: &Person) {
    let number = town.person("+447911938475").number;
    let begin = json!({"number": number});
    town.send("POST", "/v1/verification/session", &[], &begin).await.expect(503);
    assert_eq!(alice.ask(town, "GET", "/v1/accounts/whoami", &Value::Null).await.status / 100, 5);
    let head = format!("/v1/accounts/account/PNI:{}", uuid::Uuid::from_u128(7));
    town.send("HEAD", &head, &[], &Value::Null).await.expect(503);
    let link = alice.me.linking(&town.draw("a link token"));
    town.send_as("nobody", &alice.me.password, "PUT", "/v1/devices/link", &link).await;
}
