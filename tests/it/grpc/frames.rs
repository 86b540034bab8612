//! Calls as nobody should make them: there is always an answer, it is a gRPC status, and it is no fault of ours.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use signet::grpc::methods::{Access, METHODS};
use signet::routes::LONGEST_BODY;
use signet_tests::Table;
use signet_tests::grpc::Said;
use tonic::Code;

use super::{Exchange, NUMBER};

/// A message as it goes over the wire: whether it is compressed, its length, itself.
fn frame(flag: u8, length: u32, message: &[u8]) -> Bytes {
    [&[flag], &length.to_be_bytes()[..], message].concat().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn unknown_methods_are_not_implemented() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let mut table = Table::default();
    for path in [
        "/",
        "/org.signal.chat.keys.Keys",
        "/org.signal.chat.keys.Keys/",
        "/org.signal.chat.keys.Keys/Nothing",
        "/org.signal.chat.keys.Nothing/GetPreKeys",
        "/org.signal.chat.keys.Keys/GetPreKeyCount/",
        "/org.signal.chat.keys.keys/getprekeycount",
        "/org.signal.chat.account.Accounts/SetZkCredentialKey",
        "/org.signal.chat.messages.Messages/SendMessage",
        "/v1/accounts/whoami",
    ] {
        for metadata in [vec![], vec![("authorization", me.credentials())]] {
            let metadata: Vec<_> = metadata.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let raw = x.wire.raw(path, &metadata, frame(0, 0, &[])).await;
            table.row(path, (raw.http, raw.code()), (200, Some(Code::Unimplemented)));
            table.row(path, raw.headers["content-type"].to_str().unwrap(), "application/grpc");
            table.row(path, raw.body.len(), 0);
        }
    }
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nonsense_is_refused_by_every_method() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let credentials = me.credentials();
    let mut table = Table::default();
    for method in METHODS.iter().filter(|method| !method.path.ends_with("/DeleteAccount")) {
        let metadata = match method.access {
            Access::Device => vec![("authorization", credentials.as_str())],
            Access::Anonymous => vec![],
        };
        for (what, body) in [
            ("nothing", Bytes::new()),
            ("half a head", Bytes::from_static(&[0, 0, 0])),
            ("less than announced", frame(0, 9, &[1, 2])),
            ("not a message", frame(0, 2, &[0xff, 0xff])),
            ("a field of another kind", frame(0, 2, &[0x08 | 7, 1])),
            ("compressed", frame(1, 2, &[1, 2])),
            ("a flag that there is not", frame(9, 0, &[])),
            ("too long", frame(0, u32::MAX, &[])),
            ("JSON", Bytes::from_static(b"{\"a\": 1}")),
        ] {
            // An empty stream asks nothing and is answered nothing.
            let nothing_asked = what == "nothing" && method.path.ends_with("/CheckIdentityKeys");
            let raw = x.wire.raw(method.path, &metadata, body).await;
            let refused = [Code::InvalidArgument, Code::Unimplemented].contains(&raw.said().code) || nothing_asked;
            table.row(format!("{} with {what}: {:?}", method.path, raw.said()), (raw.http, refused), (200, true));
        }
        let raw = x.wire.raw(method.path, &metadata, frame(0, 2, &[0xff, 0xff])).await;
        table.row(method.path, raw.said(), Said::constraint());
        let huge = vec![0; LONGEST_BODY + 1];
        let raw = x.wire.raw(method.path, &metadata, frame(0, u32::try_from(huge.len()).unwrap(), &huge)).await;
        table.row(method.path, raw.said(), Said::constraint());
    }
    table.close();
}

/// Whatever bytes come: an answer, and never one that says that something is wrong with us.
#[test]
fn any_bytes_are_answered() {
    let threads = tokio::runtime::Runtime::new().unwrap();
    let x = Exchange::open();
    let credentials = threads.block_on(x.register(NUMBER)).credentials();
    let methods: Vec<_> = METHODS.iter().filter(|method| !method.path.ends_with("/DeleteAccount")).collect();
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let message = prop::collection::vec(prop_oneof![any::<u8>(), 0u8..0x20], 0..60);
    let calls = (0..methods.len(), message, any::<bool>());
    let result = runner.run(&calls, |(n, message, framed)| {
        let method = methods[n];
        let metadata = match method.access {
            Access::Device => vec![("authorization", credentials.as_str())],
            Access::Anonymous => vec![],
        };
        let length = u32::try_from(message.len()).unwrap();
        let body = if framed { frame(0, length, &message) } else { message.into() };
        let raw = threads.block_on(x.wire.raw(method.path, &metadata, body));
        let code = raw.said().code;
        prop_assert!(raw.http == 200 && raw.code().is_some(), "{raw:?}");
        prop_assert!(![Code::Internal, Code::Unknown, Code::Unavailable].contains(&code), "{} {raw:?}", method.path);
        Ok(())
    });
    result.unwrap();
}
