//! One-time passwords from the first key to a registration (§14), by REST, by a socket and by gRPC.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet::grpc::proto::org::signal::chat::account::list_mfa_keys_response::mfa_key_metadata::MfaKeyType;
use signet::grpc::proto::org::signal::chat::account::{
    ConfirmTotpKeyRequest, GenerateTotpKeyRequest, ListMfaKeysRequest, RemoveMfaKeyRequest, SetMfaKeyMetadataRequest,
    confirm_totp_key_response, generate_totp_key_response, set_mfa_key_metadata_response,
};
use signet_config::LimitId;
use signet_storage::Timestamp;
use signet_storage::model::totp::code;
use signet_tests::grpc::{Said, outcome};
use signet_tests::{SignalClient, Table};
use tonic::Code;

use super::{DAY, Home, Login, Via, WAYS, limit};

const KEYS: &str = "/v1/accounts/totp";
const CONFIRM: &str = "/v1/accounts/totp/confirm";
const STEP: Duration = Duration::from_secs(30);

/// A key that waits to be confirmed.
async fn offered(h: &Home, via: Via) -> Vec<u8> {
    let answer = h.ask(via, &h.primary(), "POST", KEYS, "").await.expect(200);
    let shown = (&answer["algorithm"], &answer["digits"], &answer["stepSeconds"]);
    assert_eq!(shown, (&json!("HmacSHA256"), &json!(6), &json!(30)));
    let key = STANDARD.decode(answer["key"].as_str().unwrap()).unwrap();
    assert_eq!(key.len(), 32);
    key
}

fn confirming(code: u32, label: &[u8]) -> String {
    json!({"code": code, "label": STANDARD.encode(label)}).to_string()
}

fn now(h: &Home) -> Timestamp {
    h.t.registry.clock.now()
}

async fn confirmed(h: &Home, via: Via, key: &[u8], label: &[u8]) -> u64 {
    let body = confirming(code(key, now(h)), label);
    h.ask(via, &h.primary(), "PUT", CONFIRM, body).await.expect(200)["id"].as_u64().unwrap()
}

/// Ids and labels.
async fn listed(h: &Home, via: Via) -> Vec<(u64, Vec<u8>)> {
    let answer = h.ask(via, &h.primary(), "GET", KEYS, "").await.expect(200);
    let read = |key: &Value| (key["id"].as_u64().unwrap(), STANDARD.decode(key["label"].as_str().unwrap()).unwrap());
    answer["keys"].as_array().unwrap().iter().map(read).collect()
}

#[tokio::test]
async fn a_key_from_its_making_to_its_end() {
    for via in WAYS {
        let h = Home::open().await;
        let mut table = Table::default();
        table.row("none", listed(&h, via).await, vec![]);
        let key = offered(&h, via).await;
        table.row("waits", listed(&h, via).await, vec![]);
        let id = confirmed(&h, via, &key, b"one").await;
        table.row("confirmed", listed(&h, via).await, vec![(id, b"one".to_vec())]);
        table.row("its id is one that clients read", id < 128, true);
        table.row("again", confirmed(&h, via, &key, b"not heard").await, id);
        table.row("changes nothing", listed(&h, via).await, vec![(id, b"one".to_vec())]);

        let second = offered(&h, via).await;
        let third = offered(&h, via).await;
        let late = h.status(via, "PUT", CONFIRM, confirming(code(&second, now(&h)), b"")).await;
        table.row("the one before it waits no more", late, 441);
        let other = confirmed(&h, via, &third, &[7; 160]).await;
        table.row("two", listed(&h, via).await, vec![(id, b"one".to_vec()), (other, vec![7; 160])]);
        table.row("no third", h.status(via, "POST", KEYS, "").await, 409);

        let label = json!({"label": STANDARD.encode(b"other")}).to_string();
        table.row("label", h.status(via, "PUT", &format!("{KEYS}/{other}"), label).await, 204);
        table.row("gone", h.status(via, "DELETE", &format!("{KEYS}/{id}"), "").await, 204);
        table.row("gone is gone", h.status(via, "DELETE", &format!("{KEYS}/{id}/"), "").await, 204);
        table.row("one", listed(&h, via).await, vec![(other, b"other".to_vec())]);
        offered(&h, via).await;
        table.close();
    }
}

#[tokio::test]
async fn every_status() {
    let h = Home::open().await;
    let mut table = Table::default();
    for via in WAYS {
        h.change(|account| (account.totp, account.pending_totp) = (vec![], None)).await;
        table.row("nothing waits", h.status(via, "PUT", CONFIRM, confirming(123_456, b"")).await, 409);
        let key = offered(&h, via).await;
        let right = code(&key, now(&h));
        let label = STANDARD.encode([7; 160]);
        for (body, status) in [
            ("{", 400),
            ("", 422),
            ("{}", 422),
            (&json!({"code": right}).to_string(), 422),
            (&json!({"label": label}).to_string(), 422),
            (&json!({"code": right, "label": "%"}).to_string(), 422),
            (&json!({"code": right.to_string(), "label": label}).to_string(), 422),
            (&json!({"code": -1, "label": label}).to_string(), 422),
            (&confirming(right, &[7; 161]), 422),
            (&confirming(right + 1_000_000, &[7; 160]), 441),
            (&confirming((right + 1) % 1_000_000, &[7; 160]), 441),
            (&confirming(right, &[7; 160]), 200),
            (&confirming(right, &[]), 200),
            (&confirming((right + 1) % 1_000_000, &[7; 160]), 409),
        ] {
            table.row(format!("{via:?} {body}"), h.status(via, "PUT", CONFIRM, body).await, status);
        }
        let id = listed(&h, via).await[0].0;
        let ok = json!({"label": label}).to_string();
        for (path, body, status) in [
            (format!("{KEYS}/{id}"), ok.as_str(), 204),
            (format!("{KEYS}/{}", (id + 1) % 128), &ok, 404),
            (format!("{KEYS}/300"), &ok, 404),
            (format!("{KEYS}/rubbish"), &ok, 404),
            (format!("{KEYS}/{id}"), "{", 400),
            (format!("{KEYS}/{id}"), "{}", 422),
            (format!("{KEYS}/{id}"), &json!({"label": STANDARD.encode([7; 161])}).to_string(), 422),
        ] {
            table.row(format!("{via:?} {path} {body}"), h.status(via, "PUT", &path, body).await, status);
        }
        table.row("rubbish is gone", h.status(via, "DELETE", &format!("{KEYS}/rubbish"), "").await, 204);
        table.row("no such method", h.status(via, "PATCH", KEYS, "").await, 405);
    }
    for (method, path) in [("POST", KEYS), ("GET", KEYS), ("PUT", CONFIRM)] {
        table.row(path, h.status_of_nobody(method, path).await, 401);
    }
    for method in ["PUT", "DELETE"] {
        table.row(method, h.status_of_nobody(method, &format!("{KEYS}/1")).await, 401);
    }
    table.close();
}

#[tokio::test]
async fn a_key_waits_for_a_day() {
    let h = Home::open().await;
    let key = offered(&h, Via::Rest).await;
    h.t.advance(DAY - Duration::from_millis(1));
    confirmed(&h, Via::Rest, &key, b"").await;
    let second = offered(&h, Via::Rest).await;
    h.t.advance(DAY);
    assert_eq!(h.status(Via::Rest, "PUT", CONFIRM, confirming(code(&second, now(&h)), b"")).await, 409);
}

/// Five guesses, and then one in six seconds: a registration's and those of a device are the same five.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn guesses_are_counted() {
    let h = Home::open_with(|config| limit(config, LimitId::CheckTotp, 5)).await;
    let key = offered(&h, Via::Rest).await;
    let wrong = (code(&key, now(&h)) + 1) % 1_000_000;
    for via in [Via::Rest, Via::Socket, Via::Rest] {
        assert_eq!(h.status(via, "PUT", CONFIRM, confirming(wrong, b"")).await, 441);
    }
    let request = ConfirmTotpKeyRequest { one_time_password: wrong, metadata_ciphertext: vec![] };
    outcome(h.grpc().confirm_totp_key(h.primary().says(request.clone())).await).unwrap();
    assert_eq!(h.status(Via::Rest, "PUT", CONFIRM, confirming(wrong, b"")).await, 441);
    let refused = h.ask(Via::Rest, &h.primary(), "PUT", CONFIRM, confirming(code(&key, now(&h)), b"")).await;
    let seen = (refused.status, refused.header("x-ratelimit-limiter"), refused.header("retry-after"));
    assert_eq!(seen, (429, Some("checkTotp"), Some("6")));
    let limited = outcome(h.grpc().confirm_totp_key(h.primary().says(request)).await).err().map(|said| said.code);
    assert_eq!(limited, Some(Code::ResourceExhausted));
    assert_eq!(h.register_again(&SignalClient::generate(), &[]).await.status, 429);
    h.t.advance(Duration::from_secs(6));
    confirmed(&h, Via::Rest, &key, b"").await;
}

/// The way of an owner with a generator: 441 until it is asked, and then the account, without its keys.
#[tokio::test]
async fn who_registers_again_shows_a_code() {
    let h = Home::open().await;
    let one = offered(&h, Via::Rest).await;
    confirmed(&h, Via::Rest, &one, b"one").await;
    let other = offered(&h, Via::Socket).await;
    let totp = |code: Option<u32>| [("/totp", code.map(|code| json!(code)))];
    let next = SignalClient::generate();
    let mut table = Table::default();
    table.row("none", h.register_again(&next, &totp(None)).await.status, 441);
    let wrong = (code(&one, now(&h)) + 1) % 1_000_000;
    table.row("wrong", h.register_again(&next, &totp(Some(wrong))).await.status, 441);
    let waits = Some(code(&other, now(&h)));
    table.row("of a key that only waits", h.register_again(&next, &totp(waits)).await.status, 441);
    confirmed(&h, Via::Rest, &other, b"other").await;
    h.t.advance(STEP * 4);
    table.row("too old", h.register_again(&next, &totp(waits)).await.status, 441);
    let fresh = Some(code(&other, now(&h)));
    let answer = h.register_again(&next, &totp(fresh)).await;
    table.row("right", answer.status, 200);
    table.row("the same account", answer.json()["uuid"].as_str() == Some(&h.aci.to_string()), true);
    let account = h.account().await;
    table.row("keys are lost", (account.totp.len(), account.pending_totp), (0, None));
    let me = Login { password: next.password.clone(), ..h.primary() };
    let left = h.ask(Via::Rest, &me, "GET", KEYS, "").await.expect(200);
    table.row("and nothing is listed", left, json!({"keys": []}));
    table.row("nor is one wanted", h.register_again(&SignalClient::generate(), &[]).await.status, 200);
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn by_grpc() {
    use confirm_totp_key_response::Response::{KeyConfirmed, OneTimePasswordNotVerified};
    use generate_totp_key_response::Response::{KeyGenerated, TooManyTotpKeys};
    use set_mfa_key_metadata_response::Response::{KeyNotFound, MetadataUpdated};
    let h = Home::open().await;
    let me = h.primary();
    let generate = async || {
        outcome(h.grpc().generate_totp_key(me.says(GenerateTotpKeyRequest {})).await).unwrap().response.unwrap()
    };
    let confirm = async |one_time_password: u32, label: &[u8]| {
        let request = ConfirmTotpKeyRequest { one_time_password, metadata_ciphertext: label.to_vec() };
        outcome(h.grpc().confirm_totp_key(me.says(request)).await).map(|answer| answer.response.unwrap())
    };
    let label = async |key_id: u32, label: &[u8]| {
        let request = SetMfaKeyMetadataRequest { key_id, metadata_ciphertext: label.to_vec() };
        outcome(h.grpc().set_mfa_key_metadata(me.says(request)).await).map(|answer| answer.response.unwrap())
    };
    let mut table = Table::default();
    let mut ids = Vec::new();
    let not_verified = || Ok(OneTimePasswordNotVerified(Default::default()));
    table.row("nothing waits", confirm(1, b"").await, not_verified());
    for name in [&b"one"[..], &[7; 160]] {
        let KeyGenerated(made) = generate().await else { panic!("there is room") };
        let parameters = made.totp_parameters.unwrap();
        let shown = (parameters.algorithm.as_str(), parameters.password_length, parameters.time_step_seconds);
        table.row("parameters", (shown, made.key.len()), (("HmacSHA256", 6, 30), 32));
        let right = code(&made.key, now(&h));
        table.row("wrong", confirm((right + 1) % 1_000_000, b"").await, not_verified());
        table.row("label too long", confirm(right, &[7; 161]).await, Err(Said::constraint()));
        let Ok(KeyConfirmed(done)) = confirm(right, name).await else { panic!("it is right") };
        let Ok(KeyConfirmed(again)) = confirm(right, name).await else { panic!("it is right") };
        table.row("again", again.key_id, done.key_id);
        ids.push(done.key_id);
    }
    table.row("no third", matches!(generate().await, TooManyTotpKeys(_)), true);
    table.row("another label", matches!(label(ids[0], b"two").await, Ok(MetadataUpdated(_))), true);
    table.row("label too long", label(ids[0], &[7; 161]).await, Err(Said::constraint()));
    let free = (0..128).find(|id| !ids.contains(id)).unwrap();
    table.row("of none", matches!(label(free, b"two").await, Ok(KeyNotFound(_))), true);
    table.row("no id", label(300, b"two").await, Err(Said::constraint()));
    let keys = outcome(h.grpc().list_mfa_keys(me.says(ListMfaKeysRequest {})).await).unwrap().keys;
    let label = |id: u32| (keys[&id].metadata_ciphertext.clone(), keys[&id].r#type);
    let totp = i32::from(MfaKeyType::Totp);
    table.row("listed", (keys.len(), label(ids[0]), label(ids[1])), (2, (b"two".to_vec(), totp), (vec![7; 160], totp)));
    table.row("also by REST", listed(&h, Via::Rest).await.len(), 2);
    for key_id in [ids[0], ids[0], free] {
        outcome(h.grpc().remove_mfa_key(me.says(RemoveMfaKeyRequest { key_id })).await).unwrap();
    }
    table.row("one is left", listed(&h, Via::Rest).await, vec![(ids[1].into(), vec![7; 160])]);
    let nobody = Login { password: "wrong".to_owned(), ..h.primary() };
    let refused = outcome(h.grpc().generate_totp_key(nobody.says(GenerateTotpKeyRequest {})).await).err();
    table.row("nobody", refused, Some(Said::because(Code::Unauthenticated, "INVALID_CREDENTIALS")));
    table.close();
}

/// Ten confirmations of one key at the same time: one key, one id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn confirmed_at_once_it_is_one_key() {
    let h = Home::open().await;
    let key = offered(&h, Via::Rest).await;
    let all = futures::future::join_all((0..10).map(|_| confirmed(&h, Via::Rest, &key, b""))).await;
    assert!(all.iter().all(|id| *id == all[0]), "{all:?}");
    assert_eq!(h.account().await.totp.len(), 1);
}
