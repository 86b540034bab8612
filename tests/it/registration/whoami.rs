//! `GET /v1/accounts/whoami`, and with it how devices prove who they are (§13.3, keys-devices §5.1).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use signet_tests::Answer;
use signet_tests::client::basic;

use super::Desk;

/// Everything of an answer but the date.
fn told(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    (answer.status, answer.text.clone(), headers)
}

#[tokio::test]
async fn whoever_fails_fails_alike() {
    let desk = Desk::open().await;
    let account = desk.register(&desk.body()).await.expect(201);
    let (aci, pni) = (account["uuid"].as_str().expect("an ACI"), account["pni"].as_str().expect("a PNI"));
    let password = desk.me.password.as_str();
    for user in [aci.to_owned(), format!("{aci}.1")] {
        assert_eq!(desk.t.client.whoami(&user, password).await.expect(200)["uuid"], aci, "{user}");
    }

    let bare_of_padding = STANDARD_NO_PAD.encode(format!("{aci}:{password}"));
    let padded = STANDARD.encode(format!("{aci}:{password}"));
    for right in [
        format!("Basic {padded}"),
        format!("basic {padded}"),
        format!("BASIC {padded}"),
        format!("Basic {bare_of_padding}"),
    ] {
        let answer = desk.t.client.send("GET", "/v1/accounts/whoami", &[("authorization", &right)], "").await;
        assert_eq!(answer.status, 200, "{}", &right[..6]);
    }

    let bare = desk.t.client.send("GET", "/v1/accounts/whoami", &[], "").await;
    assert_eq!(bare.status, 401);
    assert!(bare.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Basic realm=")));
    let good = basic(aci, password);
    for wrong in [
        basic(aci, "wrong"),
        basic(aci, &password[1..]),
        basic(aci, &format!("{password}0")),
        basic(aci, &password.to_uppercase()),
        basic(&format!("{aci}.2"), password),
        basic(&format!("{aci}.0"), password),
        basic(&format!("{aci}.256"), password),
        basic(&format!("{aci}.-1"), password),
        basic(&format!("{aci}."), password),
        basic(&format!("{aci}.x"), password),
        basic(&format!("{aci}.1.1"), password),
        basic(&format!("{aci}.128"), password),
        basic(".", password),
        basic(".1", password),
        basic("test", password),
        basic(pni, password),
        basic(&format!("PNI:{pni}"), password),
        basic("00000000-0000-4000-8000-000000000000", password),
        basic(&desk.number, password),
        basic("", password),
        basic(aci, ""),
        format!("Basic {}", STANDARD.encode(aci)),
        format!("Bearer {password}"),
        good.replacen(' ', "  ", 1),
        "Basic".to_owned(),
        "Basic !".to_owned(),
        format!("Basic {}", STANDARD.encode([0xff, 0xfe, b':', 0xfd])),
        "x".repeat(10_000),
        String::new(),
    ] {
        let answer = desk.t.client.send("GET", "/v1/accounts/whoami", &[("authorization", &wrong)], "").await;
        assert_eq!(told(&answer), told(&bare), "{}", &wrong[..wrong.len().min(80)]);
    }
}
