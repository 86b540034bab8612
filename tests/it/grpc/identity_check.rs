//! `CheckIdentityKeys`: a stream of fingerprints, and one of keys that have another (§8.2).

use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc;
use signet::grpc::proto::org::signal::chat::common::ServiceIdentifier;
use signet::grpc::proto::org::signal::chat::keys::{CheckIdentityKeyRequest, CheckIdentityKeyResponse};
use signet_config::LimitId;
use signet_tests::Table;
use signet_tests::grpc::{Said, outcome, said};
use tonic::Code;

use super::{Exchange, NOBODY, NUMBER, OTHER, aci, limit, pni};

fn asks(target: Option<ServiceIdentifier>, fingerprint: &[u8]) -> CheckIdentityKeyRequest {
    CheckIdentityKeyRequest { target_identifier: target, fingerprint: fingerprint.to_vec() }
}

/// All that is answered, and how it ends.
async fn check(x: &Exchange, asked: Vec<CheckIdentityKeyRequest>) -> (Vec<CheckIdentityKeyResponse>, Option<Said>) {
    let mut answers = match x.keys_anonymous().check_identity_keys(futures::stream::iter(asked)).await {
        Ok(answers) => answers.into_inner(),
        Err(status) => return (Vec::new(), Some(said(&status))),
    };
    let mut found = Vec::new();
    loop {
        match answers.next().await {
            Some(Ok(changed)) => found.push(changed),
            Some(Err(status)) => return (found, Some(said(&status))),
            None => return (found, None),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn keys_that_have_another_fingerprint_are_told_in_order() {
    let x = Exchange::open();
    let (alice, bob) = (x.register(NUMBER).await, x.register(OTHER).await);
    let (a, b) = (alice.me.aci.public(), bob.me.aci.public());
    let asked = vec![
        asks(aci(alice.aci), &a.fingerprint()),
        asks(aci(bob.aci), &a.fingerprint()),
        asks(aci(NOBODY), &[0; 4]),
        asks(pni(alice.pni), &a.fingerprint()),
        asks(pni(alice.pni), &alice.me.pni.public().fingerprint()),
    ];
    let (found, end) = check(&x, asked).await;
    let changed =
        |target, key: &[u8]| CheckIdentityKeyResponse { target_identifier: target, identity_key: key.to_vec() };
    let expected = [changed(aci(bob.aci), b.as_bytes()), changed(pni(alice.pni), alice.me.pni.public().as_bytes())];
    assert_eq!((found, end), (expected.to_vec(), None));
    assert_eq!(check(&x, Vec::new()).await, (Vec::new(), None));
}

/// Who asks one thing waits for its answer before asking the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_conversation_goes_back_and_forth() {
    let x = Exchange::open();
    let alice = x.register(NUMBER).await;
    let (ask, asked) = mpsc::unbounded();
    let mut answers = x.keys_anonymous().check_identity_keys(asked).await.unwrap().into_inner();
    for _ in 0..3 {
        ask.unbounded_send(asks(aci(alice.aci), &[0; 4])).unwrap();
        let changed = tokio::time::timeout(Duration::from_secs(5), answers.next()).await.expect("at once");
        assert_eq!(changed.unwrap().unwrap().identity_key, alice.me.aci.public().as_bytes());
    }
    drop(ask);
    assert!(answers.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_not_right_ends_the_stream() {
    let x = Exchange::open();
    let alice = x.register(NUMBER).await;
    let good = || asks(aci(alice.aci), &[0; 4]);
    let mut half = aci(alice.aci).unwrap();
    half.uuid.pop();
    let mut table = Table::default();
    for (what, bad) in [
        ("no target", asks(None, &[0; 4])),
        ("half a target", asks(Some(half), &[0; 4])),
        ("a short fingerprint", asks(aci(alice.aci), &[0; 3])),
        ("a long one", asks(aci(alice.aci), &[0; 5])),
    ] {
        let (found, end) = check(&x, vec![good(), bad, good()]).await;
        table.row(what, (found.len(), end), (1, Some(Said::constraint())));
    }
    let (found, end) = check(&x, vec![good(); 1000]).await;
    table.row("a thousand", (found.len(), end), (1000, None));
    let (found, end) = check(&x, vec![good(); 1001]).await;
    table.row("one more", (found.len(), end), (1000, Some(Said::constraint())));
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_address_has_so_many_streams_and_batches() {
    let x = Exchange::open_with(|config| limit(config, LimitId::BatchIdentityCheck, 2));
    let alice = x.register(NUMBER).await;
    assert_eq!(check(&x, vec![asks(aci(alice.aci), &[0; 4]); 100]).await.1, None);
    let batch = r#"{"elements": []}"#;
    x.t.client.send("POST", "/v1/profile/identity_check/batch", &[], batch).await.expect(200);
    let refused = outcome(x.keys_anonymous().check_identity_keys(futures::stream::iter([])).await).err();
    let limited = Said { retry: Some(60), ..Said::because(Code::ResourceExhausted, "RESOURCE_EXHAUSTED") };
    assert_eq!(refused, Some(limited));
}
