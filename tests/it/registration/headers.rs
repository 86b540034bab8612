//! The Authorization header (§3.3 steps 1 and 2, §3.6, §13.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signet_tests::client::basic;
use signet_tests::{Answer, Table};

use super::Desk;

async fn send(desk: &Desk, authorization: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("authorization", authorization)];
    desk.t.client.send("POST", "/v1/registration", &headers, desk.body().to_string()).await
}

#[tokio::test]
async fn a_missing_header_is_400_and_a_malformed_one_401() {
    let desk = Desk::open().await;
    let json = [("content-type", "application/json")];
    let missing = desk.t.client.send("POST", "/v1/registration", &json, desk.body().to_string()).await;
    assert_eq!(missing.status, 400);

    let good = basic(&desk.number, &desk.me.password);
    let token = good.strip_prefix("Basic ").expect("the scheme");
    let mut table = Table::default();
    for malformed in [
        String::new(),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        token.to_owned(),
        format!("basic {token}"),
        format!("BASIC {token}"),
        format!("Basic  {token}"),
        format!("Basic\t{token}"),
        format!("Bearer {token}"),
        format!("Digest {token}"),
        format!("{good}!"),
        "Basic -_-_".to_owned(),
        format!("Basic {}", STANDARD.encode(&desk.number)),
        format!("Basic {}", STANDARD.encode([0xff, b':', 0xfe])),
        basic("", "password"),
        basic("   ", "password"),
        basic(&desk.number, ""),
        basic(&desk.number, " \t "),
        basic("", ""),
        basic(&format!("{}.", desk.number), "password"),
        basic(&format!("{}.x", desk.number), "password"),
        basic(&format!("{}.256", desk.number), "password"),
        basic(".1", "password"),
    ] {
        let answer = send(&desk, &malformed).await;
        table.row(&malformed, (answer.status, answer.header("www-authenticate").is_some()), (401, true));
    }
    table.close();
}

#[tokio::test]
async fn a_password_may_hold_colons_and_a_device_is_ignored() {
    let desk = Desk::open().await;
    let answer = send(&desk, &basic(&desk.number, "pass:wo:rd")).await.expect(201);
    let aci = answer["uuid"].as_str().expect("an ACI");
    desk.t.client.whoami(aci, "pass:wo:rd").await.expect(200);
    assert_eq!(desk.t.client.whoami(aci, "pass").await.status, 401);
    for device in [1, 2, 7] {
        assert_eq!(send(&desk, &basic(&format!("{}.{device}", desk.number), "password")).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_no_number_is_422_and_leaves_no_trace() {
    let desk = Desk::open().await;
    let before = desk.t.row_counts().await;
    let mut table = Table::default();
    for number in [
        "rubbish",
        "+",
        "12025550123",
        "+1 202 555 0123",
        " +12025550123",
        "+12025550123 ",
        "+1202555012a",
        "+141512312341",
        "+4407700900111",
        "+49493023125000",
        "tel#+12025550123",
        "__no_number__",
        "\u{662}\u{662}",
        "+000000000000",
    ] {
        let answer = desk.t.client.register(number, "password", &desk.body()).await;
        table.row(number, (answer.status, answer.text.as_str()), (422, ""));
    }
    table.close();
    assert_eq!(desk.t.row_counts().await, before);
}
