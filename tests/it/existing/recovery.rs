//! Recovery passwords (§7.1, §7.2): the number's, which runs out and goes when a code comes, and the account's, which lets
//! an owner back by ACI where that is switched on (§3.5).

use serde_json::{Value, json};
use signet::events::Event;
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::{SignalClient, Table, TestRegistry};

use super::{By, DAY, Home, House, LOCK, MS, NEW_PASSWORD, NUMBER, PIN, heard, password};

#[tokio::test]
async fn a_numbers_password_runs_out_at_the_millisecond() {
    for (days, configured) in [(300, None), (2, Some(2 * DAY))] {
        let h = House::open_with(|config| {
            config.recovery.password_lifetime = configured.unwrap_or(config.recovery.password_lifetime);
        });
        let lifetime = days * DAY;
        let home = h.settle(NUMBER, None).await;
        h.t.advance(lifetime - MS);
        // Coming back without setting a new one does not make the old one last longer.
        assert_eq!(h.come_with(&home, By::Number, &[(NEW_PASSWORD, None)]).await.status, 200);
        h.t.advance(MS);
        assert_eq!(h.t.rows(Rows::Recovery).await.len(), 1, "the row is still there, but counts for nothing");
        assert_eq!(h.come(&home, By::Number, None).await.status, 403);
    }
}

#[tokio::test]
async fn each_time_it_is_set_it_lasts_anew() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    for _ in 0..3 {
        h.t.advance(200 * DAY);
        assert_eq!(h.come(&home, By::Number, None).await.status, 200, "and the newcomer sets the same one again");
    }
    h.t.advance(300 * DAY);
    assert_eq!(h.come(&home, By::Number, None).await.status, 403);
}

#[tokio::test]
async fn a_row_says_when_the_store_may_drop_it_and_nothing_in_clear() {
    let h = House::open();
    h.settle(NUMBER, None).await;
    let rows = h.t.rows(Rows::Recovery).await;
    let expires: i64 = rows[0]["expires"].as_n().unwrap().parse().unwrap();
    let until = h.t.registry.clock.now().plus(300 * DAY).seconds();
    assert_eq!(expires, until + 1, "not before it has run out");
    for spec in &signet_storage::dynamo::tables::TABLES {
        for row in h.t.rows(spec.table).await {
            let contents = signet_tests::registry::contents(&row);
            let hex = "09".repeat(32);
            let there = |secret: &[u8]| contents.windows(secret.len()).any(|window| window == secret);
            assert!(!there(&[9; 32]) && !there(hex.as_bytes()), "{}", spec.name);
        }
    }
    // The number's and the account's copy have salts of their own.
    let account = serde_json::to_value(h.t.registry.accounts.get(aci(&h).await).await.unwrap().unwrap()).unwrap();
    let of_number = rows[0]["password"].as_m().unwrap();
    assert_ne!(of_number["salt"].as_s().unwrap(), account["recoveryPassword"]["salt"].as_str().unwrap());
    assert_ne!(of_number["hash"].as_s().unwrap(), account["recoveryPassword"]["hash"].as_str().unwrap());
}

async fn aci(h: &House) -> signet_storage::ids::AccountId {
    let rows = h.t.rows(Rows::Accounts).await;
    rows[0]["aci"].as_s().unwrap().parse().unwrap()
}

#[tokio::test]
async fn asking_for_a_number_nobody_has_writes_nothing() {
    let h = House::open();
    let before = h.t.row_counts().await;
    let mut events = h.listen();
    for number in [NUMBER, "+2290190011234", "+22990011234"] {
        let nobody = Home {
            number: number.to_owned(),
            aci: uuid::Uuid::nil().to_string().parse().unwrap(),
            session: String::new(),
        };
        assert_eq!(h.come(&nobody, By::Number, None).await.status, 403);
        assert_eq!(h.come(&nobody, By::Number, Some(PIN)).await.status, 403);
    }
    assert_eq!(h.t.row_counts().await, before);
    let told = heard(&mut events);
    assert_eq!(told, vec![Event::RecoveryFailed { aci: None }; 6]);
}

/// Whoever came by a code does not want an older way in to stay open; the account's own password is another matter.
#[tokio::test]
async fn a_right_code_removes_the_numbers_password() {
    let h = House::open();
    let c = &h.t.client;
    let home = h.settle(NUMBER, None).await;
    let id = c.begin_session(NUMBER).await.expect(200)["id"].as_str().unwrap().to_owned();
    c.request_code(&id, "sms").await.expect(200);
    assert_eq!(h.recovery(&home).await, (true, true), "a session that is not verified removes nothing");
    c.session(&id).await.expect(200);
    let code = h.t.code(NUMBER);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(c.submit_code(&id, wrong).await.expect(200)["verified"], false);
    assert_eq!(h.recovery(&home).await, (true, true), "nor does a wrong code");
    h.t.advance(std::time::Duration::from_secs(60));
    assert_eq!(c.submit_code(&id, &code).await.expect(200)["verified"], true);
    assert_eq!(h.recovery(&home).await, (false, true));
    assert_eq!(h.come(&home, By::Number, None).await.status, 403);
    assert_eq!(h.come(&home, By::Aci, None).await.status, 200);
}

/// Every route that looks at a verified session does so too; registering by it does not.
#[tokio::test]
async fn whatever_loads_a_verified_session_removes_it() {
    let h = House::open();
    let c = &h.t.client;
    let home = h.settle(NUMBER, None).await;
    let id = home.session.as_str();
    assert_eq!(h.recovery(&home).await, (true, true), "it was set by means of this very session");
    for route in ["GET", "PATCH", "POST"] {
        assert_eq!(h.come_with(&home, By::Session, &[(NEW_PASSWORD, Some(password()))]).await.status, 200);
        assert_eq!(h.recovery(&home).await, (true, true));
        let (answer, expected) = match route {
            "GET" => (c.session(id).await, 200),
            "PATCH" => (c.update_session(id, &json!({})).await, 200),
            _ => (c.request_code(id, "sms").await, 409),
        };
        assert_eq!((answer.status, &answer.json()["verified"]), (expected, &json!(true)), "{route}");
        assert_eq!(h.recovery(&home).await, (false, true), "{route}");
    }
}

#[tokio::test]
async fn an_empty_password_is_none() {
    let h = House::open();
    let session = h.t.verified_session(NUMBER).await;
    let body = h.owner.registration(&session);
    let mut table = Table::default();
    for (what, value) in [("absent", None), ("null", Some(Value::Null)), ("empty", Some(json!("")))] {
        let mut body = body.clone();
        signet_tests::table::put(&mut body, NEW_PASSWORD, value);
        let answer = h.t.client.register(NUMBER, &h.owner.password, &body).await;
        assert!([200, 201].contains(&answer.status), "{what}: {answer:?}");
        let aci = answer.json()["uuid"].as_str().unwrap().parse().unwrap();
        let home = Home { number: NUMBER.to_owned(), aci, session: session.clone() };
        table.row(what, h.recovery(&home).await, (false, false));
        for by in [By::Number, By::Aci] {
            table.row(format!("{what}, {by:?}"), h.come(&home, by, None).await.status, 403);
        }
    }
    // An earlier one of the number outlives an account that sets none, but the account's own does not.
    let home = h.settle(NUMBER, None).await;
    assert_eq!(h.come(&home, By::Session, None).await.status, 200);
    table.row("a later registration without one", h.recovery(&home).await, (true, false));
    table.close();
}

#[tokio::test]
async fn a_numbers_password_counts_for_both_forms_of_the_number() {
    let h = House::open();
    let home = h.settle("+2290190011234", None).await;
    let other_form = Home { number: "+22990011234".to_owned(), session: String::new(), ..home };
    let answer = h.come(&other_form, By::Number, None).await.expect(200);
    assert_eq!((&answer["uuid"], &answer["number"]), (&json!(home.aci), &json!("+22990011234")));
}

#[tokio::test]
async fn by_aci_only_where_it_is_switched_on() {
    let t = TestRegistry::start();
    let h = House::at(t);
    let home = h.settle(NUMBER, None).await;
    let before = h.account(&home).await;
    assert_eq!(h.come(&home, By::Aci, None).await.status, 400);
    assert_eq!(h.come_with(&home, By::Aci, &[("/recoveryPassword", Some(json!("AAAA")))]).await.status, 400);
    assert_eq!(h.account(&home).await, before);
    assert_eq!(h.come(&home, By::Number, None).await.status, 200, "the switch is for the ACI only");
}

/// Every row of §3.5 but those of `order.rs`.
#[tokio::test]
async fn every_row_of_kind_c() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    let before = h.account(&home).await;
    let no_pni =
        ["/pniIdentityKey", "/pniSignedPreKey", "/pniPqLastResortPreKey", "/accountAttributes/pniRegistrationId"];
    let no_pni: Vec<_> = no_pni.map(|pointer| (pointer, None)).to_vec();
    let proof = |value: Value| ("/recoveryPassword", Some(value));
    let session = ("/sessionId", Some(json!(home.session)));
    let mut table = Table::default();
    for (what, changes, status) in [
        ("a session instead", vec![("/recoveryPassword", None), session.clone()], 400),
        ("an empty password, a session", vec![proof(json!("")), session.clone()], 400),
        ("both proofs", vec![session], 422),
        ("no proof", vec![proof(Value::Null)], 422),
        ("no new password", vec![(NEW_PASSWORD, None)], 400),
        ("an empty new password", vec![(NEW_PASSWORD, Some(json!("")))], 400),
        ("no PNI", no_pni, 400),
        ("a wrong password", vec![proof(json!("AAAA"))], 403),
    ] {
        table.row(what, h.come_with(&home, By::Aci, &changes).await.status, status);
        table.row(format!("{what}: nothing done"), h.account(&home).await == before, true);
    }
    let stranger = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let nobody = Home { aci: stranger, number: NUMBER.to_owned(), session: String::new() };
    table.row("nobody's ACI", h.come(&nobody, By::Aci, None).await.status, 403);
    // The PNI is no name to come by.
    let pni = before.pni.to_string();
    let body = h.body(&home, By::Aci, None);
    table.row("the PNI", h.t.client.register(&pni, &h.newcomer.password, &body).await.status, 403);
    let upper = home.aci.to_string().to_uppercase();
    table.row("in capitals", h.t.client.register(&upper, &h.newcomer.password, &body).await.status, 200);
    table.close();

    let again = h.come(&home, By::Aci, None).await.expect(200);
    for (field, expected) in
        [("uuid", json!(home.aci)), ("pni", json!(pni)), ("number", json!(NUMBER)), ("reregistration", json!(true))]
    {
        assert_eq!(again[field], expected, "{field}");
    }
    h.whoami(&home, &h.newcomer).await.expect(200);
    assert_eq!(h.whoami(&home, &h.owner).await.status, 401);
    // A new lock comes with it, and the passwords are those of the newcomer.
    assert_eq!(h.come_with(&home, By::Aci, &[(LOCK, Some(json!(PIN)))]).await.status, 200);
    assert!(h.account(&home).await.registration_lock.is_some());
    let third = SignalClient::generate();
    let mut body = third.registration("");
    signet_tests::table::put(&mut body, "/sessionId", None);
    signet_tests::table::put(&mut body, "/recoveryPassword", Some(json!("AAAA")));
    signet_tests::table::put(&mut body, NEW_PASSWORD, Some(password()));
    assert_eq!(h.t.client.register(&home.aci.to_string(), &third.password, &body).await.status, 403);
}

#[tokio::test]
async fn who_is_told_of_recoveries() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    let mut events = h.listen();
    let aci = home.aci;
    let success = vec![Event::Recovered { aci }, Event::Registered { aci, reregistration: true }];
    let wrong = [("/recoveryPassword", Some(json!("AAAA")))];
    let mut table = Table::default();
    for (by, failed) in [(By::Number, None), (By::Aci, Some(aci))] {
        assert_eq!(h.come(&home, by, None).await.status, 200);
        table.row(format!("{by:?}"), heard(&mut events), success.clone());
        assert_eq!(h.come_with(&home, by, &wrong).await.status, 403);
        table.row(format!("{by:?}, wrong"), heard(&mut events), vec![Event::RecoveryFailed { aci: failed }]);
    }
    assert_eq!(h.come(&home, By::Session, None).await.status, 200);
    table.row("a session", heard(&mut events), vec![Event::Registered { aci, reregistration: true }]);
    table.close();
}
