//! What surrounds every call: who may come in, how long it takes, what is told when something goes wrong, and what is counted.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc;
use signet::grpc::methods::{Access, METHODS};
use signet::grpc::proto::org::signal::chat::account::{CheckAccountExistenceRequest, GetAccountIdentityRequest};
use signet::grpc::proto::org::signal::chat::keys::{CheckIdentityKeyRequest, GetPreKeyCountRequest};
use signet_config::{Limit, LimitId, OnFailure};
use signet_storage::dynamo::faults::Fault;
use signet_tests::Table;
use signet_tests::client::basic;
use signet_tests::grpc::{Said, outcome, said};
use tonic::Code;

use super::{Exchange, NOBODY, NUMBER, aci};

/// An empty message.
const EMPTY: &[u8] = &[0; 5];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_service_is_for_devices_or_for_strangers() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let (mine, wrong) = (me.credentials(), basic(&me.aci.to_string(), "wrong"));
    let (stranger, other_device) = (basic(&NOBODY.to_string(), "x"), basic(&format!("{}.2", me.aci), &me.password));
    let unknown = Said::because(Code::Unauthenticated, "INVALID_CREDENTIALS");
    let unwanted = Said::because(Code::InvalidArgument, "BAD_AUTHENTICATION");
    let mut table = Table::default();
    for method in METHODS {
        let mut refused = vec!["", "Basic", "Basic !!!", "Bearer x", &wrong, &stranger, &other_device];
        let expected = match method.access {
            Access::Device => &unknown,
            Access::Anonymous => {
                refused.push(&mine);
                &unwanted
            }
        };
        for credentials in refused {
            let raw = x.wire.raw(method.path, &[("authorization", credentials)], EMPTY).await;
            table.row(format!("{} as {credentials:?}", method.path), raw.said(), expected.clone());
        }
        if method.access == Access::Device {
            table.row(method.path, x.wire.raw(method.path, &[], EMPTY).await.said(), unknown.clone());
        }
    }
    table.row("still there", x.rest(&me, "GET", "/v1/accounts/whoami", "").await.status, 200);
    table.close();
}

/// A frozen or removed device is known no more at once, as over REST.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn credentials_that_die_by_rest_are_dead() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let linked = x.link(&me).await;
    outcome(x.keys().get_pre_key_count(linked.says(GetPreKeyCountRequest {})).await).unwrap();
    x.rest(&me, "DELETE", "/v1/devices/2", "").await.expect(204);
    let refused = outcome(x.keys().get_pre_key_count(linked.says(GetPreKeyCountRequest {})).await).err();
    assert_eq!(refused, Some(Said::because(Code::Unauthenticated, "INVALID_CREDENTIALS")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_goes_wrong_with_us_says_when_to_come_back() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let ask = async || outcome(x.keys().get_pre_key_count(me.says(GetPreKeyCountRequest {})).await);
    ask().await.unwrap();
    x.t.faults.always("GetItem", Fault::LoseRequest);
    let unavailable = Said { retry: Some(1), ..Said::because(Code::Unavailable, "UNAVAILABLE") };
    assert_eq!(ask().await, Err(unavailable));
    x.t.faults.heal();
    x.t.faults.once("GetItem", Fault::Panic);
    assert_eq!(ask().await, Err(Said { code: Code::Internal, reason: None, retry: None }));
    ask().await.unwrap();
}

/// A stream works while it is answered: what happens then is told at its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_stream_that_goes_wrong_ends_with_a_status() {
    let x = Exchange::open();
    let ask = async || {
        let asked = CheckIdentityKeyRequest { target_identifier: aci(NOBODY), fingerprint: vec![0; 4] };
        let answers = x.keys_anonymous().check_identity_keys(futures::stream::iter([asked])).await;
        match answers {
            Ok(mut answers) => answers.get_mut().next().await.map(|end| said(&end.unwrap_err())),
            Err(status) => Some(said(&status)),
        }
    };
    assert_eq!(ask().await, None);
    x.t.faults.once("GetItem", Fault::Panic);
    assert_eq!(ask().await, Some(Said { code: Code::Internal, reason: None, retry: None }));
    x.t.faults.always("GetItem", Fault::LoseRequest);
    let unavailable = Said { retry: Some(1), ..Said::because(Code::Unavailable, "UNAVAILABLE") };
    assert_eq!(ask().await, Some(unavailable));
    x.t.faults.heal();
    assert_eq!(ask().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_does_not_want_to_wait_longer_is_told_so() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let too_late = Some(Said { code: Code::DeadlineExceeded, reason: None, retry: None });
    x.t.faults.always("GetItem", Fault::Delay(Duration::from_secs(5)));
    let mut request = me.says(GetPreKeyCountRequest {});
    request.set_timeout(Duration::from_millis(200));
    let (mut keys, soon) = (x.keys(), Duration::from_secs(3));
    let answer = tokio::time::timeout(soon, keys.get_pre_key_count(request)).await.expect("an answer");
    assert_eq!(outcome(answer).err(), too_late);
    // A stream, of which nothing more is said.
    let (_ask, asked) = mpsc::unbounded();
    let mut request = tonic::Request::new(asked);
    request.set_timeout(Duration::from_millis(200));
    let mut answers = x.keys_anonymous().check_identity_keys(request).await.unwrap().into_inner();
    let end = tokio::time::timeout(soon, answers.next()).await.expect("an end");
    assert_eq!(end.map(|end| said(&end.unwrap_err())), too_late);
    x.t.faults.heal();
    let mut request = me.says(GetAccountIdentityRequest {});
    request.set_timeout(Duration::from_secs(20));
    outcome(x.accounts().get_account_identity(request).await).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_address_that_had_its_share_is_kept_out() {
    let x = Exchange::open_with(|config| {
        config.limits.set(LimitId::Address, Limit::bucket(5, Duration::from_secs(3600), OnFailure::Allow));
    });
    let ask = async || {
        let request = CheckAccountExistenceRequest { service_identifier: aci(NOBODY) };
        outcome(x.accounts_anonymous().check_account_existence(request).await).map(|answer| answer.account_exists)
    };
    for _ in 0..5 {
        assert_eq!(ask().await, Ok(false));
    }
    let refused = ask().await.unwrap_err();
    assert_eq!((refused.code, refused.reason.as_deref()), (Code::ResourceExhausted, Some("RESOURCE_EXHAUSTED")));
    assert!(refused.retry.is_some_and(|seconds| (3590..=3600).contains(&seconds)), "{refused:?}");
    // Also who asks for nothing that there is.
    let raw = x.wire.raw("/nothing", &[], EMPTY).await;
    assert_eq!(raw.said().code, Code::ResourceExhausted);
}

/// By the table's path and by the status that the client got, at whatever point it got it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn calls_are_counted() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let count = async |method: &str, status: u16| {
        let label = format!(r#"signet_requests_total{{method="gRPC",route="{method}",status="{status}"}} "#);
        let text = x.t.client.manage("/metrics").await.text;
        let line = text.lines().find_map(|line| line.strip_prefix(&label).map(str::to_owned));
        line.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    let (identity, check) = (
        "/org.signal.chat.account.Accounts/GetAccountIdentity",
        "/org.signal.chat.keys.KeysAnonymous/CheckIdentityKeys",
    );
    // Other tests of this process are counted, too.
    let before = [count(identity, 0).await, count(identity, 16).await, count(check, 3).await];
    outcome(x.accounts().get_account_identity(me.says(GetAccountIdentityRequest {})).await).unwrap();
    outcome(x.accounts().get_account_identity(GetAccountIdentityRequest {}).await).unwrap_err();
    let bad = CheckIdentityKeyRequest::default();
    let answers = x.keys_anonymous().check_identity_keys(futures::stream::iter([bad])).await;
    if let Ok(mut answers) = answers {
        answers.get_mut().next().await.unwrap().unwrap_err();
    }
    x.wire.raw("/made.up/Method", &[], EMPTY).await;
    let after = [count(identity, 0).await, count(identity, 16).await, count(check, 3).await];
    assert!(before.iter().zip(&after).all(|(before, after)| before < after), "{before:?} {after:?}");
    assert!(!x.t.client.manage("/metrics").await.text.contains("made.up"));
}

#[test]
fn every_method_is_documented_and_named_once() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../service/docs/routes.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let mut documented: Vec<_> = rows.map(|(name, _)| format!("/org.signal.chat.{name}")).collect();
    documented.retain(|path| path.matches('/').count() == 2);
    documented.sort();
    let mut connected: Vec<_> = METHODS.iter().map(|method| method.path.to_owned()).collect();
    connected.sort();
    assert_eq!(documented, connected);
    connected.dedup();
    assert_eq!(connected.len(), METHODS.len());
}
