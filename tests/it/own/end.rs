//! The end of an account that has everything (§11.8): no way of asking finds anything of it, and no row names it but those that the
//! contract keeps for a time. Also where its end is cut off in the middle.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use prost::Message;
use serde_json::{Value, json};
use signet::call::Method;
use signet::grpc::methods::{Access as GrpcAccess, METHODS};
use signet::grpc::proto::org::signal::chat::account as proto;
use signet::grpc::proto::org::signal::chat::common::{IdentityType, ServiceIdentifier};
use signet::grpc::proto::org::signal::chat::keys;
use signet::routes::{Access, ROUTES};
use signet::sweep::{Plan, Sweeper};
use signet_config::{Config, LimitId, SweepKind};
use signet_storage::dynamo::faults::Fault;
use signet_storage::dynamo::items::text_of;
use signet_storage::dynamo::tables::{TABLES, Table as Rows};
use signet_storage::model::Account;
use signet_tests::client::basic;
use signet_tests::grpc::{Raw, Said};
use signet_tests::names::name;
use signet_tests::registry::contents;
use signet_tests::{Answer, Audit, SignalClient, Socket, Table};
use tonic::Code;
use uuid::Uuid;

use super::full::{NAMES, fill};
use super::{Home, Login, NUMBER, Via, limit};

const ME: &str = "/v1/accounts/me";
/// Somebody whom there never was.
const NOBODY: Uuid = Uuid::from_u128(0x4000_8000_0000_0000_0000);

/// A registry that refuses nobody for asking too much, and has every way back.
async fn home() -> Home {
    Home::open_with(|config| {
        config.recovery.by_aci = true;
        for id in LimitId::ALL {
            let size = config.limits.get(*id).size.max(100_000);
            limit(config, *id, size);
        }
    })
    .await
}

/// What somebody is known by.
struct Ids {
    aci: Uuid,
    pni: Uuid,
    name: Vec<u8>,
    handle: Uuid,
}

impl Ids {
    fn of(account: &Account) -> Self {
        let (name, handle) = (account.username.hash.as_ref().unwrap(), account.username.link_handle.unwrap());
        Self { aci: account.aci.uuid(), pni: account.pni.uuid(), name: name.as_bytes().to_vec(), handle }
    }

    fn unknown() -> Self {
        let pni = Uuid::from_u128(0x4000_8000_0000_0000_0001);
        Self { aci: NOBODY, pni, name: vec![1; 32], handle: Uuid::from_u128(0x4000_8000_0000_0000_0002) }
    }
}

/// Everything that a stranger can ask about an account by REST, and that an acquaintance can.
async fn asked(h: &Home, other: &Login, of: &Ids) -> Vec<(String, u16, String)> {
    let Ids { aci, pni, name, handle } = of;
    let key = [("unidentified-access-key", STANDARD.encode([7; 16]))];
    let key = key.each_ref().map(|(name, value)| (*name, value.as_str()));
    let check = json!({"elements": [
        {"uuid": aci, "fingerprint": "AAAAAA=="}, {"uuid": format!("PNI:{pni}"), "fingerprint": "AAAAAA=="},
    ]});
    let name = URL_SAFE_NO_PAD.encode(name);
    let send = async |method: &str, path: &str, headers: &[(&str, &str)], body: String| -> Answer {
        h.t.client.send(method, path, headers, body).await
    };
    let mut answers = vec![
        ("exists", send("HEAD", &format!("/v1/accounts/account/{aci}"), &[], String::new()).await),
        ("number exists", send("HEAD", &format!("/v1/accounts/account/PNI:{pni}"), &[], String::new()).await),
        ("username", send("GET", &format!("/v1/accounts/username_hash/{name}"), &[], String::new()).await),
        ("link", send("GET", &format!("/v1/accounts/username_link/{handle}"), &[], String::new()).await),
        ("identities", send("POST", "/v1/profile/identity_check/batch", &[], check.to_string()).await),
    ];
    for device in ["*", "1", "6"] {
        for identity in [aci.to_string(), format!("PNI:{pni}")] {
            let path = format!("/v2/keys/{identity}/{device}");
            answers.push(("keys, by the access key", send("GET", &path, &key, String::new()).await));
            answers.push(("keys, by a device", h.ask(Via::Rest, other, "GET", &path, "").await));
        }
    }
    answers.into_iter().map(|(what, answer)| (what.to_owned(), answer.status, answer.text)).collect()
}

/// The same by gRPC.
async fn asked_by_grpc(h: &Home, other: &Login, of: &Ids) -> Vec<(String, Said, Bytes)> {
    let id = |kind: IdentityType, uuid: Uuid| {
        Some(ServiceIdentifier { identity_type: kind.into(), uuid: uuid.as_bytes().to_vec() })
    };
    let (aci, pni) = (id(IdentityType::Aci, of.aci), id(IdentityType::Pni, of.pni));
    let call = async |method: &str, caller: Option<&Login>, message: Vec<u8>| -> Raw {
        let frame = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
        let credentials = caller.map(|caller| basic(&caller.user, &caller.password));
        let metadata: Vec<_> = credentials.iter().map(|value| ("authorization", value.as_str())).collect();
        h.wire().raw(&format!("/org.signal.chat.{method}"), &metadata, frame).await
    };
    let mut answers = Vec::new();
    for identity in [aci.clone(), pni] {
        let exists = proto::CheckAccountExistenceRequest { service_identifier: identity.clone() }.encode_to_vec();
        answers.push(("exists", call("account.AccountsAnonymous/CheckAccountExistence", None, exists).await));
        let request = keys::GetPreKeysRequest { target_identifier: identity, device_id: None };
        let keys = call("keys.Keys/GetPreKeys", Some(other), request.encode_to_vec()).await;
        answers.push(("keys, by a device", keys));
        let authorization = keys::get_pre_keys_anonymous_request::Authorization::UnidentifiedAccessKey(vec![7; 16]);
        let request = keys::GetPreKeysAnonymousRequest { request: Some(request), authorization: Some(authorization) };
        let keys = call("keys.KeysAnonymous/GetPreKeys", None, request.encode_to_vec()).await;
        answers.push(("keys, by the access key", keys));
    }
    let name = proto::LookupUsernameHashRequest { username_hash: of.name.to_vec() }.encode_to_vec();
    answers.push(("username", call("account.AccountsAnonymous/LookupUsernameHash", None, name).await));
    let link = proto::LookupUsernameLinkRequest { username_link_handle: of.handle.as_bytes().to_vec() };
    answers.push(("link", call("account.AccountsAnonymous/LookupUsernameLink", None, link.encode_to_vec()).await));
    let authorization = proto::get_capabilities_anonymous_request::Authorization::UnidentifiedAccessKey(vec![7; 16]);
    let request =
        proto::GetCapabilitiesAnonymousRequest { account_identifier: aci, authorization: Some(authorization) };
    let can = call("account.AccountsAnonymous/GetCapabilities", None, request.encode_to_vec()).await;
    answers.push(("capabilities", can));
    answers.into_iter().map(|(what, raw)| (what.to_owned(), raw.said(), raw.body)).collect()
}

/// Somebody else, who asks.
async fn acquaintance(h: &Home) -> Login {
    let (me, number) = (SignalClient::generate(), "+12025550124");
    let session = h.t.verified_session(number).await;
    let answer = h.t.client.register(number, &me.password, &me.registration(&session)).await.expect(201);
    Login { user: answer["uuid"].as_str().unwrap().to_owned(), password: me.password, ..h.primary() }
}

/// Rows that name the account in any spelling: table, key.
async fn rows_that_name(h: &Home, account: &Account) -> Vec<String> {
    let names = [
        account.aci.to_string().into_bytes(),
        account.pni.to_string().into_bytes(),
        account.aci.uuid().as_bytes().to_vec(),
        account.pni.uuid().as_bytes().to_vec(),
        NUMBER.as_bytes().to_vec(),
        account.identity_key.as_bytes().to_vec(),
        account.pni_identity_key.as_bytes().to_vec(),
    ];
    let mut found = Vec::new();
    for spec in &TABLES {
        for row in h.t.rows(spec.table).await {
            let contents = contents(&row);
            if names.iter().any(|name| contents.windows(name.len()).any(|window| window == name)) {
                let key = text_of(&row, spec.partition.name).unwrap_or_default();
                // Sessions have ids without meaning.
                let key = if spec.table == Rows::Sessions { "" } else { key };
                found.push(format!("{} {key}", spec.name));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The number's claim, which keeps the PNI for ever and the ACI for thirty days; usernames that are held or reserved; and proofs of
/// the number.
fn kept() -> Vec<String> {
    let [held, _, reserved] = NAMES.map(|n| format!("claims username#{}", hex::encode(name(n).hash)));
    let mut kept = vec![format!("claims tel#{NUMBER}"), held, reserved, "sessions ".to_owned()];
    kept.sort();
    kept
}

/// Does everybody hear of it what is heard of somebody whom there never was?
async fn expect_unknown(h: &Home, other: &Login, account: &Account, table: &mut Table) {
    let (of, unknown) = (Ids::of(account), Ids::unknown());
    let (heard, expected) = (asked(h, other, &of).await, asked(h, other, &unknown).await);
    for (heard, expected) in heard.into_iter().zip(expected) {
        table.row("by REST", heard, expected);
    }
    let (heard, expected) = (asked_by_grpc(h, other, &of).await, asked_by_grpc(h, other, &unknown).await);
    for (heard, expected) in heard.into_iter().zip(expected) {
        table.row("by gRPC", heard, expected);
    }
}

/// No route, method or socket for devices lets these in.
async fn expect_shut(h: &Home, devices: &[Login], table: &mut Table) {
    let refused = Said::because(Code::Unauthenticated, "INVALID_CREDENTIALS");
    for device in devices {
        for route in ROUTES.iter().filter(|route| route.access == Access::Device) {
            let path = ["{device}", "{key}", "{tokenIdentifier}", "{destination}", "{hash}", "{handle}"]
                .iter()
                .fold(route.template.to_owned(), |path, name| path.replace(name, "1"));
            let answer = h.ask(Via::Rest, device, route.method.as_str(), &path, "").await;
            table.row(format!("{} {path}", route.method.as_str()), answer.status, 401);
        }
        let credentials = basic(&device.user, &device.password);
        for method in METHODS.iter().filter(|method| method.access == GrpcAccess::Device) {
            let raw = h.wire().raw(method.path, &[("authorization", &credentials)], vec![0; 5]).await;
            table.row(method.path, raw.said(), refused.clone());
        }
        let headers = [("authorization", credentials.as_str())];
        let socket = Socket::open(h.t.plain, signet_tests::socket::CHAT, &headers).await;
        table.row("a socket", socket.err().map(|answer| answer.status), Some(403));
    }
    assert!(ROUTES.iter().any(|route| route.method == Method::Delete && route.template == ME));
}

/// Neither recovery password leads back, no lock and no one-time password is asked for, and the number's memory gives the ACI.
async fn expect_a_new_life(h: &Home, account: &Account, table: &mut Table) {
    let next = SignalClient::generate();
    for user in [NUMBER.to_owned(), account.aci.to_string()] {
        let mut body = next.registration("");
        body["sessionId"] = Value::Null;
        body["recoveryPassword"] = json!(STANDARD.encode([9; 32]));
        body["accountAttributes"]["recoveryPassword"] = json!(STANDARD.encode([9; 32]));
        table.row("recovered", h.t.client.register(&user, &next.password, &body).await.status, 403);
    }
    let answer = h.register_again(&next, &[]).await.expect(201);
    let told = (answer["uuid"].clone(), answer["pni"].clone(), answer["usernameHash"].clone());
    let expected = (json!(account.aci.to_string()), json!(account.pni.to_string()), Value::Null);
    table.row("registered again", told, expected);
    let me = Login { password: next.password, ..h.primary() };
    let report = h.ask(Via::Rest, &me, "GET", "/v2/accounts/data_report", "").await.expect(200);
    let part = &report["data"]["account"];
    for (what, found, expected) in [
        ("lock", &part["registrationLockSet"], json!(false)),
        ("recovery", &part["recoveryPasswordSet"], json!(false)),
        ("of the number", &part["numberRecoveryUntil"], Value::Null),
        ("one-time passwords", &part["oneTimePasswords"], json!([])),
        ("one that waits", &part["pendingOneTimePasswordUntil"], Value::Null),
        ("username", &part["username"]["hash"], Value::Null),
        ("badges", &part["badges"], json!([])),
        ("one-time keys", &report["data"]["devices"][0]["aciKeys"]["oneTimeKeys"]["ec"], Value::Null),
    ] {
        table.row(what, found, &expected);
    }
    table.row("one device", report["data"]["devices"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_by_whatever_way_one_asks() {
    let h = home().await;
    let (devices, other) = (fill(&h).await, acquaintance(&h).await);
    let account = h.account().await;
    let before = rows_that_name(&h, &account).await;
    assert!(before.len() > kept().len() + 4, "{before:?}");
    // Which of the questions tell a known account from an unknown one: those that must tell none afterwards.
    let (known, unknown) = (Ids::of(&account), Ids::unknown());
    let differing = asked(&h, &other, &known)
        .await
        .iter()
        .zip(asked(&h, &other, &unknown).await)
        .filter(|(a, b)| **a != *b)
        .count();
    assert!(differing >= 10, "{differing}");

    h.ask(Via::Socket, &devices[3], "DELETE", "/v1/accounts/me/", "").await.expect(204);

    let mut table = Table::default();
    expect_unknown(&h, &other, &account, &mut table).await;
    expect_shut(&h, &devices, &mut table).await;
    table.row("rows", rows_that_name(&h, &account).await, kept());
    table.row("pages", h.t.rows(Rows::Prekeys).await.len(), 0);
    Audit::of(&h.t.registry.storage).await.expect_clean();
    expect_a_new_life(&h, &account, &mut table).await;
    table.close();
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

/// The rows of an account go at once. Its pages of one-time keys go after it, and if that is cut off they are rubbish which nobody
/// is given until the sweep takes it away; nor does a second life find any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_in_the_middle_it_has_ended_all_the_same() {
    for (operation, fault) in
        [("BatchWriteItem", Fault::LoseRequest), ("BatchWriteItem", Fault::LoseReply), ("Query", Fault::LoseRequest)]
    {
        let h = home().await;
        let (devices, other) = (fill(&h).await, acquaintance(&h).await);
        let account = h.account().await;
        h.t.faults.always(operation, fault);
        h.ask(Via::Rest, &h.primary(), "DELETE", ME, "").await.expect(204);
        h.t.faults.heal();
        let mut table = Table::default();
        let left = h.t.rows(Rows::Prekeys).await.len();
        table.row("pages are left", left > 0, true);
        expect_unknown(&h, &other, &account, &mut table).await;
        expect_shut(&h, &devices[..2], &mut table).await;
        // Who asks once more is nobody.
        table.row("once more", h.ask(Via::Rest, &h.primary(), "DELETE", ME, "").await.status, 401);
        let mut expected = kept();
        expected.extend([account.aci.to_string(), account.pni.to_string()].map(|id| format!("prekeys {id}")));
        expected.sort();
        table.row("rows", rows_that_name(&h, &account).await, expected);
        if fault == Fault::LoseRequest {
            sweep(&h).await;
            table.row("swept", rows_that_name(&h, &account).await, kept());
        }
        expect_a_new_life(&h, &account, &mut table).await;
        table.close();
        Audit::of(&h.t.registry.storage).await.expect_clean();
    }
}

/// Takes away what nothing points at, when it is old enough.
async fn sweep(h: &Home) {
    h.t.advance(Duration::from_secs(3_601));
    let registry = &h.t.registry;
    let (accounts, keys) = (registry.accounts.clone(), registry.keys.clone());
    let ages = Config::for_testing().sweep;
    let sweeper = Sweeper::new(&registry.storage, accounts, keys, registry.events.clone(), ages);
    let plan = Plan { kinds: vec![SweepKind::Pages], apply: true, ends_primaries: false, rate: 0 };
    let mut cursor = plan.begin();
    while let Some(here) = cursor {
        cursor = sweeper.step(&plan, here).await.unwrap().next;
    }
}

/// The store does it and its answers are lost, or it is never asked: whoever asks again finds it done, or does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_answer_is_lost_asks_again() {
    for (fault, then) in [(Fault::LoseReply, 401), (Fault::LoseRequest, 204), (Fault::Throttle, 204)] {
        let h = home().await;
        let (devices, other) = (fill(&h).await, acquaintance(&h).await);
        let account = h.account().await;
        h.t.faults.always("TransactWriteItems", fault);
        let mut table = Table::default();
        table.row("cut off", h.ask(Via::Rest, &devices[1], "DELETE", ME, "").await.status, 503);
        h.t.faults.heal();
        table.row("again", h.ask(Via::Rest, &devices[2], "DELETE", ME, "").await.status, then);
        expect_unknown(&h, &other, &account, &mut table).await;
        expect_shut(&h, &devices[..2], &mut table).await;
        table.close();
        Audit::of(&h.t.registry.storage).await.expect_clean();
    }
}

/// A client that goes away while it is being done leaves nothing half done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_has_ended_its_account() {
    let h = home().await;
    let devices = fill(&h).await;
    let account = h.account().await;
    h.t.faults.always("TransactWriteItems", Fault::DelayReply(Duration::from_millis(300)));
    let ask = h.ask(Via::Rest, &devices[0], "DELETE", ME, "");
    assert!(tokio::time::timeout(Duration::from_millis(100), ask).await.is_err());
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if h.t.rows(Rows::Accounts).await.is_empty() {
            break;
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    h.t.faults.heal();
    let mut table = Table::default();
    expect_shut(&h, &devices[..2], &mut table).await;
    table.close();
    let rows = rows_that_name(&h, &account).await;
    let rows: Vec<_> = rows.into_iter().filter(|row| !row.starts_with("prekeys")).collect();
    assert_eq!(rows, kept(), "and its pages may be left");
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

/// Let in a moment ago, by a copy, say: what has gone meanwhile is gone (§9.7), and nothing else can be done to it.
#[tokio::test]
async fn who_asks_of_an_account_that_has_just_gone() {
    let h = home().await;
    let caller = signet::call::Caller { account: h.account().await.into(), device: h.primary().id };
    h.ask(Via::Rest, &h.primary(), "DELETE", ME, "").await.expect(204);
    let account = &h.t.registry.account;
    assert!(account.end(&caller).await.is_ok());
    let refused = [
        account.unlock(&caller).await.is_err(),
        account.find_by_number(&caller, true).await.is_err(),
        account.new_totp_key(&caller).await.is_err(),
        account.totp_keys(&caller).await.is_err(),
        account.remove_totp(&caller, 1).await.is_err(),
        account.report(&caller).await.is_err(),
    ];
    assert_eq!(refused, [true; 6]);
    assert_eq!(h.t.row_counts().await[0], ("accounts", 0));
    Audit::of(&h.t.registry.storage).await.expect_clean();
}
