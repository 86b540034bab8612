//! What the four routes of one session have in common: the id, and the body before the id (§4.3, §4.4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use signet_tests::{Table, TestRegistry};

use super::{begin, number, send};

const REQUEST_CODE: &str = r#"{"transport":"sms","client":"test"}"#;
const SUBMIT_CODE: &str = r#"{"code":"000000"}"#;

/// Method, what follows the id, and a body that is right.
const ROUTES: [(&str, &str, &str); 4] =
    [("GET", "", ""), ("PATCH", "", "{}"), ("POST", "/code", REQUEST_CODE), ("PUT", "/code", SUBMIT_CODE)];

#[tokio::test]
async fn ids_that_lead_nowhere() {
    let t = TestRegistry::start();
    let id = |length: usize| URL_SAFE.encode(vec![0xfb; length]);
    let mut table = Table::default();
    for (id, status) in [
        (id(16), 404),
        (id(16).trim_end_matches('=').to_owned(), 404),
        (id(0), 404),
        (id(15), 400),
        (id(17), 400),
        (id(32), 400),
        ("x".to_owned(), 422),
        ("!!!!".to_owned(), 422),
        ("A+A+A+A+A+A+A+A+A+A+AA==".to_owned(), 422),
        ("%2F%2F%2F%2F".to_owned(), 422),
        ("%FF%FE".to_owned(), 422),
    ] {
        for (method, rest, body) in ROUTES {
            let answer = send(&t, method, &format!("/v1/verification/session/{id}{rest}"), body).await;
            table.row(format!("{method} {id:?}{rest}"), (answer.status, answer.text.as_str()), (status, ""));
        }
    }
    table.close();
}

#[tokio::test]
async fn an_id_may_be_written_with_padding_without_and_escaped() {
    let t = TestRegistry::start();
    let id = begin(&t, &number(200)).await;
    for id in [id.clone(), id.trim_end_matches('=').to_owned(), id.replace('=', "%3D")] {
        assert_eq!(t.client.session(&id).await.status, 200, "{id}");
        assert_eq!(t.client.update_session(&id, &serde_json::json!({})).await.status, 200, "{id}");
    }
}

#[tokio::test]
async fn a_body_is_judged_before_the_session_is_looked_for() {
    let t = TestRegistry::start();
    let known = begin(&t, &number(201)).await;
    let unknown = URL_SAFE.encode([7; 16]);
    let mut table = Table::default();
    for id in [&known, &unknown] {
        for (method, rest, body, status) in [
            ("PATCH", "", "{", 400),
            ("PATCH", "", "", 422),
            ("PATCH", "", "[]", 422),
            ("PATCH", "", r#"{"pushToken":"t"}"#, 422),
            ("PATCH", "", r#"{"pushTokenType":"fcm"}"#, 422),
            ("PATCH", "", r#"{"pushToken":"t","pushTokenType":"x"}"#, 422),
            ("PATCH", "", r#"{"captcha":7}"#, 422),
            ("PATCH", "", r#"{"pushChallenge":{}}"#, 422),
            ("POST", "/code", "{", 400),
            ("POST", "/code", "", 422),
            ("POST", "/code", "{}", 422),
            ("POST", "/code", r#"{"transport":"sms"}"#, 422),
            ("POST", "/code", r#"{"client":"ios"}"#, 422),
            ("POST", "/code", r#"{"transport":null,"client":"ios"}"#, 422),
            ("POST", "/code", r#"{"transport":5,"client":"ios"}"#, 422),
            ("POST", "/code", r#"{"transport":{},"client":"ios"}"#, 422),
            ("POST", "/code", r#"{"transport":"sms","client":null}"#, 422),
            ("POST", "/code", r#"{"transport":"SMS","client":"ios"}"#, 422),
            ("POST", "/code", r#"{"transport":"pigeon","client":"ios"}"#, 422),
            ("PUT", "/code", "{", 400),
            ("PUT", "/code", "", 422),
            ("PUT", "/code", "{}", 422),
            ("PUT", "/code", r#"{"code":null}"#, 422),
            ("PUT", "/code", r#"{"code":123456}"#, 422),
            ("PUT", "/code", r#"{"code":""}"#, 422),
            ("PUT", "/code", r#"{"code":" \t"}"#, 422),
        ] {
            let answer = send(&t, method, &format!("/v1/verification/session/{id}{rest}"), body).await;
            table.row(format!("{method} {rest} {body}"), answer.status, status);
        }
    }
    table.close();
}
