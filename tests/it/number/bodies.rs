//! What the body must be (§10.1): all that is wrong with it alone is told before anything is looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_tests::Table;

use super::{HERE, THERE, Town, Via, changed, message};

fn cases() -> Vec<(&'static str, &'static str, Option<Value>)> {
    let strangers = ClientKeys::generate(&IdentityKeyPair::generate());
    let of = |kind: i64| json!([{ "type": kind, "destinationDeviceId": 2, "destinationRegistrationId": 4321, "content": "AAAA" }]);
    let to = |device: i64| json!([{ "type": 1, "destinationDeviceId": device, "destinationRegistrationId": 4321, "content": "AAAA" }]);
    vec![
        ("no number", "/number", None),
        ("null", "/number", Some(Value::Null)),
        ("blank", "/number", Some(json!(""))),
        ("impossible", "/number", Some(json!("+1415123123a"))),
        ("not normalised", "/number", Some(json!("+4407700900111"))),
        ("no proof", "/sessionId", None),
        ("a blank proof", "/sessionId", Some(json!(" "))),
        ("a session that is no base64", "/sessionId", Some(json!("!"))),
        ("a session that is no text", "/sessionId", Some(json!([]))),
        ("two proofs", "/recoveryPassword", Some(json!(STANDARD.encode([9; 32])))),
        ("a password that is no base64", "/recoveryPassword", Some(json!("!"))),
        ("a lock that is no text", "/reglock", Some(json!(5))),
        ("no identity key", "/pniIdentityKey", None),
        ("null", "/pniIdentityKey", Some(Value::Null)),
        ("an empty one", "/pniIdentityKey", Some(json!(""))),
        ("a short one", "/pniIdentityKey", Some(json!("BQAA"))),
        ("one of low order", "/pniIdentityKey", Some(json!(STANDARD.encode([&[5][..], &[0; 32]].concat())))),
        ("no messages", "/deviceMessages", None),
        ("null", "/deviceMessages", Some(Value::Null)),
        ("messages that are no list", "/deviceMessages", Some(json!({}))),
        ("the server's own receipt", "/deviceMessages", Some(of(5))),
        ("of no kind", "/deviceMessages", Some(of(0))),
        ("of a kind that was given up", "/deviceMessages", Some(of(2))),
        ("of a kind that is unknown", "/deviceMessages", Some(of(9))),
        ("to device 0", "/deviceMessages", Some(to(0))),
        ("to device 128", "/deviceMessages", Some(to(128))),
        ("to device -1", "/deviceMessages", Some(to(-1))),
        ("no content", "/deviceMessages/0/content", None),
        ("empty content", "/deviceMessages/0/content", Some(json!(""))),
        ("content that is no base64", "/deviceMessages/0/content", Some(json!("_"))),
        ("no kind", "/deviceMessages/0/type", None),
        ("two to one device", "/deviceMessages", Some(json!([message(2, 4321), message(2, 4321)]))),
        ("no signed keys", "/devicePniSignedPrekeys", None),
        ("none of them", "/devicePniSignedPrekeys", Some(json!({}))),
        ("of device 0", "/devicePniSignedPrekeys/0", Some(json!(strangers.signed))),
        ("of device x", "/devicePniSignedPrekeys/x", Some(json!(strangers.signed))),
        ("of device 128", "/devicePniSignedPrekeys/128", Some(json!(strangers.signed))),
        ("null", "/devicePniSignedPrekeys/2", Some(Value::Null)),
        ("another identity's", "/devicePniSignedPrekeys/1", Some(json!(strangers.signed))),
        ("another identity's, of the second device", "/devicePniSignedPrekeys/2", Some(json!(strangers.signed))),
        ("another identity's, of no device", "/devicePniSignedPrekeys/3", Some(json!(strangers.signed))),
        ("no last-resort keys", "/devicePniPqLastResortPrekeys", None),
        ("none of them", "/devicePniPqLastResortPrekeys", Some(json!({}))),
        ("another identity's", "/devicePniPqLastResortPrekeys/2", Some(json!(strangers.last_resort))),
        ("another identity's, of no device", "/devicePniPqLastResortPrekeys/3", Some(json!(strangers.last_resort))),
        ("an EC key", "/devicePniPqLastResortPrekeys/2", Some(json!(strangers.signed))),
        ("no registration ids", "/pniRegistrationIds", None),
        ("none of them", "/pniRegistrationIds", Some(json!({}))),
        ("0", "/pniRegistrationIds/2", Some(json!(0))),
        ("too large", "/pniRegistrationIds/2", Some(json!(0x4000))),
        ("text", "/pniRegistrationIds/2", Some(json!("7"))),
        ("of device 0", "/pniRegistrationIds/0", Some(json!(7))),
    ]
}

#[tokio::test]
async fn whatever_is_wrong_is_422_and_changes_nothing() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    town.link(&who).await;
    let (before, body) = (town.account(&who).await, town.body(&who, THERE).await);
    let mut table = Table::default();
    for via in Via::ALL {
        for (what, pointer, value) in cases() {
            let answer = town.ask(via, &who, &changed(body.clone(), &[(pointer, value)])).await;
            table.row(format!("{via:?}, {pointer}: {what}"), (answer.status, answer.text.as_str()), (422, ""));
        }
        let user = who.aci.to_string();
        for (what, text, status) in [("{", "{", 400), ("nothing", "", 422), ("null", "null", 422), ("[]", "[]", 422)] {
            table.row(format!("{via:?}: {what}"), town.send(via, &user, &who.me.password, text).await.status, status);
        }
    }
    table.row("the account", town.account(&who).await == before, true);
    table.close();
    town.ask(Via::Rest, &who, &body).await.expect(200);
}

#[tokio::test]
async fn whatever_may_be_otherwise_is_fine() {
    let town = Town::open();
    let who = town.settle(HERE).await;
    town.link(&who).await;
    let mut table = Table::default();
    for (n, (what, changes)) in [
        ("a lock where none is wanted", vec![("/reglock", Some(json!("whatever")))]),
        ("an empty password beside a session", vec![("/recoveryPassword", Some(json!("")))]),
        ("null beside a session", vec![("/recoveryPassword", Some(Value::Null)), ("/reglock", Some(Value::Null))]),
        ("a field that nobody knows", vec![("/whatever", Some(json!(5)))]),
        ("a message that begins a session", vec![("/deviceMessages/0/type", Some(json!(3)))]),
        ("the largest registration id", vec![("/pniRegistrationIds/2", Some(json!(0x3FFF)))]),
        ("no messages at all", vec![("/deviceMessages", Some(json!([])))]),
        ("the longest message", vec![("/deviceMessages/0/content", Some(json!(STANDARD.encode(vec![7; 96 * 1024]))))]),
    ]
    .into_iter()
    .enumerate()
    {
        let body = town.body(&who, &format!("+120255502{n:02}")).await;
        let answer = town.ask(Via::ALL[n % 2], &who, &changed(body, &changes)).await;
        table.row(what, (answer.status, answer.text.is_empty()), (200, false));
    }
    table.close();
}
