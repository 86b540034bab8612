//! What the registry knows about an account is in its report (§10.4): whatever lies in any row of any table is told, or said why not.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet::account::report::told::{TOLD, Told};
use signet::grpc::proto::org::signal::chat::account::GetAccountDataReportRequest;
use signet_storage::dynamo::items::{key, text, text_of};
use signet_storage::dynamo::tables::{TABLES, Table as Rows};
use signet_storage::dynamo::{Item, Value as Attribute};
use signet_tests::grpc::{Said, outcome};
use signet_tests::{Table, TestRegistry};
use tonic::Code;

use super::full::fill;
use super::{Home, Login, NUMBER, Via, WAYS};

const REPORT: &str = "/v2/accounts/data_report";

/// Ends the path of what is left empty.
const NOTHING: &str = " (empty)";

/// Paths of everything in a row; those of a claim begin with its kind.
fn paths(table: &str, row: &Item) -> BTreeSet<String> {
    fn gather(path: &str, value: &Attribute, into: &mut BTreeSet<String>) {
        match value {
            Attribute::M(map) => map.iter().for_each(|(name, value)| gather(&format!("{path}/{name}"), value, into)),
            Attribute::L(list) => list.iter().for_each(|value| gather(&format!("{path}[]"), value, into)),
            Attribute::Null(_) => drop(into.insert(format!("{path}{NOTHING}"))),
            _ => drop(into.insert(path.to_owned())),
        }
    }
    let kind = text_of(row, "claim").and_then(|claim| claim.split_once('#')).map(|(kind, _)| kind);
    let table = kind.map_or_else(|| table.to_owned(), |kind| format!("{table}:{kind}"));
    let mut paths = BTreeSet::new();
    row.iter().for_each(|(name, value)| gather(&format!("{table}/{name}"), value, &mut paths));
    paths
}

/// All that is stored, by walking as a sweep does.
async fn stored(t: &TestRegistry) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for spec in &TABLES {
        let mut from = None;
        loop {
            let (rows, next) = t.registry.storage.dynamo.walk(spec.table, 50, from).await.unwrap();
            rows.iter().for_each(|row| all.extend(paths(spec.name, row)));
            from = next;
            if from.is_none() {
                break;
            }
        }
    }
    all
}

fn told() -> BTreeMap<&'static str, Told> {
    TOLD.iter().copied().collect()
}

/// What lies there and nobody has thought of. Where there is nothing, it is enough to have thought of what else there may be.
fn forgotten(stored: &BTreeSet<String>) -> Vec<String> {
    let told = told();
    let begins_one =
        |path: &str| told.keys().any(|known| known.strip_prefix(path).is_some_and(|rest| rest.starts_with(['/', '['])));
    let known = |path: &str| {
        told.contains_key(path)
            || path.strip_suffix(NOTHING).is_some_and(|path| told.contains_key(path) || begins_one(path))
    };
    stored.iter().filter(|path| !known(path.as_str())).cloned().collect()
}

/// Is there anything at this place?
fn is_at(report: &Value, place: &str) -> bool {
    match place.strip_prefix('/').map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
        None => !report.is_null(),
        Some((name, rest)) => {
            let rest = if rest.is_empty() { String::new() } else { format!("/{rest}") };
            match (name, report) {
                ("[]", Value::Array(list)) => list.iter().any(|value| is_at(value, &rest)),
                (name, report) => report.get(name).is_some_and(|value| is_at(value, &rest)),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_stored_is_told() {
    let h = Home::open().await;
    fill(&h).await;
    // A session of each kind of challenge and transport, since they are somebody's number, too.
    let other = h.t.client.begin_session(NUMBER).await.expect(200);
    let id = other["id"].as_str().unwrap();
    h.t.client.update_session(id, &json!({"pushToken": "a token", "pushTokenType": "fcm"})).await;
    let stored = stored(&h.t).await;
    assert!(stored.len() > 80, "only {}", stored.len());
    let unknown = forgotten(&stored);
    assert!(unknown.is_empty(), "stored, and in the report nothing is said of:\n{}", unknown.join("\n"));
    let report = h.ask(Via::Rest, &h.primary(), "GET", REPORT, "").await.expect(200);
    let mut table = Table::default();
    for (path, told) in TOLD {
        if let Told::At(place) | Told::Present(place) = told {
            table.row(format!("{path} at {place}"), is_at(&report, place), true);
        }
        // Sessions have fields that none of these has used.
        if !path.starts_with("sessions/") {
            table.row(format!("{path} is stored"), stored.contains(*path), true);
        }
    }
    table.row("each once", told().len(), TOLD.len());
    table.close();
}

/// The test above sees what it is to see: an attribute, one inside a device, one of a key, a claim of a new kind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_planted_is_missed() {
    let h = Home::open().await;
    let dynamo = &h.t.registry.storage.dynamo;
    assert_eq!(forgotten(&stored(&h.t).await), Vec::<String>::new());
    let put = async |table: Rows, row: Item| dynamo.put_all(table, vec![row]).await.unwrap();
    let mut account = h.t.rows(Rows::Accounts).await.remove(0);
    account.insert("shoeSize".to_owned(), text("43"));
    let Some(Attribute::L(devices)) = account.get_mut("devices") else { panic!("devices are a list") };
    let Attribute::M(device) = &mut devices[0] else { panic!("a device is a map") };
    device.insert("position".to_owned(), Attribute::M([("latitude".to_owned(), text("51"))].into()));
    put(Rows::Accounts, account).await;
    let mut keys = h.t.rows(Rows::Keys).await.remove(0);
    keys.insert("backup".to_owned(), Attribute::L(vec![text("a private key")]));
    put(Rows::Keys, keys).await;
    let mut claim = key("claim", "email#somebody@example.org");
    claim.insert("aci".to_owned(), text(h.aci.to_string()));
    put(Rows::Claims, claim).await;
    assert_eq!(
        forgotten(&stored(&h.t).await),
        [
            "accounts/devices[]/position/latitude",
            "accounts/shoeSize",
            "claims:email/aci",
            "claims:email/claim",
            "keys/backup[]"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_what_is_so() {
    let h = Home::open().await;
    fill(&h).await;
    let report = h.ask(Via::Rest, &h.primary(), "GET", REPORT, "").await.expect(200);
    let account = h.account().await;
    let part = &report["data"]["account"];
    let device = &report["data"]["devices"][5];
    let mut table = Table::default();
    // The reference's own fields.
    table.row("number", &part["phoneNumber"], &json!(NUMBER));
    table.row("badges", &part["badges"][0]["expiration"], &json!("2026-07-14T12:00:00Z"));
    table.row("sealed sender", &part["allowSealedSenderFromAnyone"], &json!(false));
    table.row("found", &part["findAccountByPhoneNumber"], &json!(true));
    table.row("devices", report["data"]["devices"].as_array().map(Vec::len), Some(6));
    table.row("id", &device["id"], &json!(6));
    table.row("seen", &device["lastSeen"], &json!("2026-07-13T00:00:00Z"));
    table.row("created", &device["created"], &json!("2026-07-13T12:00:00Z"));
    table.row("agent", &device["userAgent"], &json!("Signal-Android/7.1"));
    table.row("made", &report["reportTimestamp"], &json!("2026-07-13T12:00:00Z"));
    // Ours.
    table.row("aci", &part["aci"], &json!(h.aci.to_string()));
    table.row("pni", &part["pni"], &json!(account.pni.to_string()));
    table.row("lock", &part["registrationLockSet"], &json!(true));
    table.row("channel", &device["channel"], &json!("fcm"));
    let pools = |keys: &str| device[keys]["oneTimeKeys"].clone();
    let given =
        |ec: u32, kem: u32| json!({"ec": {"uploaded": 100, "given": ec}, "kem": {"uploaded": 100, "given": kem}});
    table.row("one-time keys", pools("aciKeys"), given(1, 1));
    table.row("of the number", pools("pniKeys"), given(0, 0));
    let id: Result<uuid::Uuid, _> = report["reportId"].as_str().unwrap().parse();
    table.row("an id", id.is_ok(), true);
    table.close();
}

/// Neither the JSON nor the text has a secret in it, in any of the usual spellings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_not_shown() {
    let h = Home::open().await;
    let devices = fill(&h).await;
    let report = h.ask(Via::Rest, &h.primary(), "GET", REPORT, "").await;
    let account = h.account().await;
    let stored = serde_json::to_value(&account).unwrap();
    let mut secrets = vec!["a push token".to_owned(), "31".repeat(32), as_text(&stored["registrationLock"])];
    let keys = [&account.totp[0].key, &account.pending_totp.as_ref().unwrap().key];
    for bytes in [&[7; 16], &[9; 32], keys[0].as_bytes(), keys[1].as_bytes()] as [&[u8]; 4] {
        // As a whole value: labels here begin with the same bytes as the access key.
        let encoded = STANDARD.encode(bytes);
        secrets.extend([
            format!("\"{encoded}\""),
            format!("\"{}\"", encoded.trim_end_matches('=')),
            hex::encode(bytes),
        ]);
    }
    secrets.extend(devices.iter().map(|device| device.password.clone()));
    for device in stored["devices"].as_array().unwrap() {
        secrets.extend(["hash", "salt"].map(|part| as_text(&device["auth"][part])));
    }
    for secret in &secrets {
        assert!(!report.text.contains(secret), "{secret}");
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn by_every_way_it_is_the_same() {
    let h = Home::open().await;
    let linked = h.link().await;
    let mut table = Table::default();
    let mut seen = Vec::new();
    for via in WAYS {
        for path in [REPORT, "/v2/accounts/data_report?deviceId=1"] {
            let mut report = h.ask(via, &linked, "GET", path, "").await.expect(200);
            report["reportId"].take();
            let text = report["text"].take();
            let text: Vec<_> = text.as_str().unwrap().lines().skip(1).map(str::to_owned).collect();
            seen.push((report.as_object().cloned().unwrap(), text));
        }
    }
    let answer = outcome(h.grpc().get_account_data_report(linked.says(GetAccountDataReportRequest {})).await).unwrap();
    let mut json: Value = serde_json::from_str(&answer.json).unwrap();
    json["reportId"].take();
    json["text"] = Value::Null;
    seen.push((json.as_object().cloned().unwrap(), answer.text.lines().skip(1).map(str::to_owned).collect()));
    for one in &seen {
        table.row("the same", one == &seen[0], true);
    }
    for line in ["Account", "  Phone number: +12025550123", "  Badges: None", "Device 2"] {
        table.row(line, seen[0].1.iter().any(|told| told == line), true);
    }
    table.row("nobody", h.status_of_nobody("GET", REPORT).await, 401);
    table.row("no such method", h.status(Via::Rest, "PUT", REPORT, "").await, 405);
    let nobody = Login { password: "wrong".to_owned(), ..linked };
    let refused = outcome(h.grpc().get_account_data_report(nobody.says(GetAccountDataReportRequest {})).await).err();
    table.row("nobody", refused, Some(Said::because(Code::Unauthenticated, "INVALID_CREDENTIALS")));
    table.close();
}

/// Whom a copy of the account still lets in, but the account does not.
#[tokio::test]
async fn a_device_that_has_gone_is_told_nothing() {
    let h = Home::open().await;
    let linked = h.link().await;
    let caller = signet::call::Caller { account: h.account().await.into(), device: linked.id };
    assert!(h.t.registry.account.report(&caller).await.is_ok());
    let path = format!("/v1/devices/{}", linked.id.get());
    h.ask(Via::Rest, &h.primary(), "DELETE", &path, "").await.expect(204);
    assert!(h.t.registry.account.report(&caller).await.is_err());
}
