//! How codes reach people: the senders against real receivers, and test numbers, which need none (§4.5, §4.6).

mod production;
mod sns;
mod test_numbers;
mod webhook;

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use signet_config::Config;
use signet_tests::{Answer, Client, TestRegistry};

const NUMBER: &str = "+12025550123";

/// What the client is told of a code that was not delivered.
fn undeliverable(reason: &str, permanent: bool) -> Value {
    json!({"reason": reason, "permanentFailure": permanent})
}

/// A session for the number; its id.
async fn begin(client: &Client, number: &str) -> String {
    let session = client.begin_session(number).await.expect(200);
    session["id"].as_str().expect("an id").to_owned()
}

/// Asks for a code as this client does.
async fn request(client: &Client, id: &str, transport: &str, kind: &str, language: &str) -> Answer {
    let body = json!({"transport": transport, "client": kind}).to_string();
    let headers = [("content-type", "application/json"), ("accept-language", language)];
    client.send("POST", &format!("/v1/verification/session/{id}/code"), &headers, body).await
}

/// Seconds until the next SMS, and until the next guess; -1 is never.
async fn nexts(client: &Client, id: &str) -> (i64, i64) {
    let session = client.session(id).await.expect(200);
    let next = |name: &str| session[name].as_i64().unwrap_or(-1);
    (next("nextSms"), next("nextVerificationAttempt"))
}

async fn verifies(client: &Client, id: &str, code: &str) -> bool {
    client.submit_code(id, code).await.expect(200)["verified"] == true
}

/// Six digits in a row, as a person would find them.
fn code_in(text: &str) -> String {
    let digits: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 6).collect();
    assert_eq!(digits.len(), 1, "one code in {text:?}");
    digits[0].to_owned()
}

/// Where nobody listens.
fn deserted() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn registry(change: impl FnOnce(&mut Config)) -> TestRegistry {
    TestRegistry::start_with(change)
}

/// As long as a test waits for an answer that does not come.
const SHORT: Duration = Duration::from_millis(150);

/// A registry that does not wait long, and a session whose code got no answer: the client is told to come back, and the code
/// keeps its place in the schedule. The session's id.
async fn without_an_answer(to: impl FnOnce(&mut Config)) -> (TestRegistry, String) {
    let t = registry(|config| {
        to(config);
        config.verification.send_within = SHORT;
    });
    let id = begin(&t.client, NUMBER).await;
    let told = t.client.request_code(&id, "sms").await.expect(440);
    assert_eq!(told, undeliverable("providerUnavailable", false));
    assert_eq!(nexts(&t.client, &id).await, (60, 0));
    (t, id)
}
