//! Where two things are wrong, the one that is judged first answers (§3.3, §3.4).

use std::slice::from_ref;

use serde_json::{Value, json};
use signet_config::{Limit, LimitId, OnFailure};
use signet_tests::client::basic;
use signet_tests::{Answer, Table, TestRegistry};

use super::{Desk, NUMBER};

async fn send(desk: &Desk, authorization: Option<&str>, body: &str) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(authorization.map(|value| ("authorization", value)));
    desk.t.client.send("POST", "/v1/registration", &headers, body).await
}

fn without_spqr() -> (&'static str, Option<Value>) {
    ("/accountAttributes/capabilities", Some(json!({"storage": true})))
}

#[tokio::test]
async fn header_then_syntax_then_fields_then_signatures_then_capabilities_then_kind() {
    let desk = Desk::open().await;
    let good = basic(NUMBER, "password");
    let by_aci = basic("00000000-0000-4000-8000-000000000000", "password");
    let (rubbish, malformed) = (basic("rubbish", "password"), "Basic !".to_owned());
    let bad_field = ("/accountAttributes/registrationId", Some(json!(0)));
    let bad_signature = ("/aciSignedPreKey/signature", desk.body().pointer("/pniSignedPreKey/signature").cloned());
    let no_pni = [
        ("/pniIdentityKey", None),
        ("/accountAttributes/pniRegistrationId", None),
        ("/pniSignedPreKey", None),
        ("/pniPqLastResortPreKey", None),
    ];
    let receipt = [("/sessionId", None), ("/receiptCredentialPresentation", Some(json!("AAAA")))];
    let body = |changes: &[(&str, Option<Value>)]| {
        let mut body = desk.body();
        changes.iter().for_each(|(pointer, value)| signet_tests::table::put(&mut body, pointer, value.clone()));
        body.to_string()
    };
    let mut table = Table::default();
    for (what, authorization, body, status) in [
        ("no header, no JSON", None, "{".to_owned(), 400),
        ("no header, a bad field", None, body(from_ref(&bad_field)), 400),
        ("a malformed header, no JSON", Some(&malformed), "{".to_owned(), 401),
        ("a malformed header, a bad field", Some(&malformed), body(from_ref(&bad_field)), 401),
        ("no JSON after a bad field", Some(&good), format!("{}}}", body(from_ref(&bad_field))), 400),
        ("a bad field, then no JSON", Some(&good), r#"{"accountAttributes":5,"#.to_owned(), 400),
        ("a list that does not end", Some(&good), "[".to_owned(), 400),
        ("a bad field, no capability", Some(&good), body(&[bad_field.clone(), without_spqr()]), 422),
        ("a bad signature, no capability", Some(&good), body(&[bad_signature.clone(), without_spqr()]), 422),
        ("a bad field, by ACI", Some(&by_aci), body(&[bad_field]), 422),
        ("a bad signature, by ACI", Some(&by_aci), body(from_ref(&bad_signature)), 422),
        ("a bad signature, by receipt", Some(&good), body(&[&receipt[..], &[bad_signature]].concat()), 422),
        ("no capability, by ACI", Some(&by_aci), body(&[without_spqr()]), 499),
        ("no capability, by receipt", Some(&good), body(&[&receipt[..], &[without_spqr()]].concat()), 499),
        ("no capability, no number", Some(&rubbish), body(&[without_spqr()]), 499),
        ("a receipt, no number", Some(&rubbish), body(&receipt), 400),
        ("a receipt, no PNI", Some(&good), body(&[&receipt[..], &no_pni].concat()), 400),
        ("by ACI, no PNI", Some(&by_aci), body(&no_pni), 400),
        ("half a PNI, by ACI", Some(&by_aci), body(&no_pni[..1]), 422),
        ("the other half, by receipt", Some(&good), body(&[&receipt[..], &no_pni[1..]].concat()), 422),
        ("a PNI without its id, by ACI", Some(&by_aci), body(&no_pni[1..2]), 422),
        ("no capability, no PNI", Some(&good), body(&[&no_pni[..], &[without_spqr()]].concat()), 499),
        ("no PNI, an unknown session", Some(&good), body(&[&no_pni[..], &[unknown_session()]].concat()), 422),
        ("no number, an unknown session", Some(&rubbish), body(&[unknown_session()]), 422),
    ] {
        table.row(what, send(&desk, authorization.map(String::as_str), &body).await.status, status);
    }
    table.close();
}

fn unknown_session() -> (&'static str, Option<Value>) {
    ("/sessionId", Some(json!("AAAAAAAAAAAAAAAAAAAAAA==")))
}

#[tokio::test]
async fn the_limit_comes_after_the_form_and_before_the_proof() {
    let t = TestRegistry::start_with(|config| {
        let limit = Limit::bucket(1, std::time::Duration::from_secs(30), OnFailure::Refuse);
        config.limits.set(LimitId::Registration, limit);
    });
    let desk = Desk::at(t).await;
    let malformed = ("/accountAttributes/registrationId", Some(json!(0)));
    let mut table = Table::default();
    table.row("a bad field takes no permit", desk.status([malformed.clone()]).await, 422);
    table.row("nor does a missing capability", desk.status([without_spqr()]).await, 499);
    table.row("nor a missing PNI", desk.status([("/pniIdentityKey", None)]).await, 422);
    table.row("an unknown session takes it", desk.status([unknown_session()]).await, 401);
    table.row("an unknown session", desk.status([unknown_session()]).await, 429);
    table.row("an id of a wrong length", desk.status([("/sessionId", Some(json!("AAAA")))]).await, 429);
    table.row("the right session", desk.status([]).await, 429);
    let password = [("/sessionId", None), ("/recoveryPassword", Some(json!("AAAA")))];
    table.row("a recovery password", desk.status(password).await, 429);
    table.row("a bad field", desk.status([malformed]).await, 422);
    table.row("a missing capability", desk.status([without_spqr()]).await, 499);
    table.close();
}

#[tokio::test]
async fn the_proof_comes_before_the_account_is_looked_at() {
    let desk = Desk::open().await;
    let transfer = Some(json!({"spqr": true, "transfer": true}));
    assert_eq!(desk.status([("/accountAttributes/capabilities", transfer)]).await, 200);
    let stay = ("/skipDeviceTransfer", Some(json!(false)));
    let mut table = Table::default();
    table.row("the right session", desk.status([stay.clone()]).await, 409);
    table.row("an unknown one", desk.status([stay.clone(), unknown_session()]).await, 401);
    table.row("a wrong id", desk.status([stay.clone(), ("/sessionId", Some(json!("AAAA")))]).await, 400);
    table.row("no capability", desk.status([stay, without_spqr()]).await, 499);
    table.close();
}
