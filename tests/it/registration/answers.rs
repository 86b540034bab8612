//! What answers look like: bodies, content type, and what every answer carries (§1.1, §3.7).

use serde_json::{Value, json};
use signet::routes::LONGEST_BODY;
use signet_tests::client::basic;
use signet_tests::registry::NOON;
use signet_tests::{Answer, Table};

use super::{Desk, NUMBER};

fn fields(body: &Value) -> Vec<&str> {
    let mut fields: Vec<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    fields.sort_unstable();
    fields
}

#[tokio::test]
async fn the_body_of_success_has_exactly_these_fields() {
    let desk = Desk::open().await;
    let answer = desk.register(&desk.body()).await;
    assert_eq!((answer.status, answer.header("content-type")), (201, Some("application/json")));
    let timing = answer.header("server-timing").expect("where the time went").to_owned();
    for step in ["request", "session", "lookup", "commit"] {
        assert!(timing.contains(&format!("{step};dur=")), "{timing}");
    }
    let body = answer.json();
    let (aci, pni) = (body["uuid"].as_str().expect("an ACI"), body["pni"].as_str().expect("a PNI"));
    let lower = |id: &str| id.parse::<uuid::Uuid>().is_ok_and(|parsed| parsed.to_string() == id);
    assert!(lower(aci) && lower(pni) && aci != pni, "two bare lower-case UUIDs: {aci} {pni}");
    let mut expected = json!({
        "uuid": aci, "pni": pni, "number": NUMBER,
        "usernameHash": null, "usernameLinkHandle": null, "storageCapable": false,
        "entitlements": {"badges": [], "backup": null}, "authCredentialSalt": null,
        "deviceId": 1, "reregistration": false,
    });
    assert_eq!(body, expected);

    let again = desk.register(&desk.body()).await;
    assert_eq!((again.status, again.header("content-type")), (200, Some("application/json")));
    assert!(again.header("server-timing").is_some());
    assert_eq!(fields(&again.json()), fields(&expected));

    let who = desk.t.client.whoami(aci, &desk.me.password).await;
    assert_eq!(who.header("content-type"), Some("application/json"));
    let identity = expected.as_object_mut().expect("an object");
    identity.retain(|name, _| name != "deviceId" && name != "reregistration");
    identity.insert("storageCapable".to_owned(), json!(true));
    assert_eq!(who.expect(200), expected);
}

#[tokio::test]
async fn every_answer_tells_the_time() {
    let desk = Desk::open().await;
    let c = &desk.t.client;
    let session = format!("/v1/verification/session/{}", desk.session);
    let post = async |path: &str, body: &str| c.send("POST", path, &[], body).await;
    let mut table = Table::default();
    for (answer, status) in [
        (desk.register(&desk.body()).await, 201),
        (desk.register(&desk.body()).await, 200),
        (post("/v1/registration", "{}").await, 400),
        (c.register("rubbish", "password", &desk.body()).await, 422),
        (c.whoami("rubbish", "password").await, 401),
        (c.session(&desk.session).await, 200),
        (c.submit_code(&desk.session, "000000").await, 409),
        (c.send("GET", "/", &[], "").await, 404),
        (c.send("GET", "/v1", &[], "").await, 404),
        (c.send("POST", "/v1/registration/", &[], "").await, 404),
        (c.send("GET", "/v2/registration", &[], "").await, 404),
        (c.send("GET", "/V1/registration", &[], "").await, 404),
        (c.send("GET", "/livez", &[], "").await, 404),
        (c.send("GET", "/metrics", &[], "").await, 404),
        (c.send("GET", "/outbox/+12025550123", &[], "").await, 404),
        (c.send("GET", "/v1/registration", &[], "").await, 405),
        (c.send("PUT", "/v1/registration", &[], "{}").await, 405),
        (c.send("DELETE", "/v1/registration", &[], "").await, 405),
        (c.send("OPTIONS", "/v1/registration", &[], "").await, 405),
        (c.send("GET", "/v1/verification/session", &[], "").await, 405),
        (c.send("DELETE", &session, &[], "").await, 405),
        (c.send("GET", &format!("{session}/code"), &[], "").await, 405),
        (c.send("POST", "/v1/accounts/whoami", &[], "").await, 405),
    ] {
        let time: Option<i64> = answer.header("x-signal-timestamp").and_then(|text| text.parse().ok());
        table.row(format!("{status} {}", answer.text), (answer.status, time), (status, Some(NOON.millis())));
        if matches!(status, 404 | 405) {
            table.row(status, answer.text.as_str(), "");
        }
    }
    table.close();
    desk.t.advance(std::time::Duration::from_millis(1234));
    let later = c.session(&desk.session).await;
    assert_eq!(later.header("x-signal-timestamp"), Some((NOON.millis() + 1234).to_string().as_str()));
}

#[tokio::test]
async fn a_body_has_an_end() {
    let desk = Desk::open().await;
    let authorization = basic(NUMBER, &desk.me.password);
    let send = async |body: Vec<u8>| -> Answer {
        let headers = [("authorization", authorization.as_str())];
        desk.t.client.send("POST", "/v1/registration", &headers, body).await
    };
    let padded = |length: usize| {
        let mut body = desk.body().to_string().into_bytes();
        body.resize(length, b' ');
        body
    };
    assert_eq!(send(padded(LONGEST_BODY)).await.status, 201);
    for length in [LONGEST_BODY + 1, LONGEST_BODY * 2] {
        let answer = send(padded(length)).await;
        assert_eq!((answer.status, answer.text.as_str()), (413, ""));
        assert!(answer.header("x-signal-timestamp").is_some());
    }
}
