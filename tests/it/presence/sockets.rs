//! The same through sockets: what their clients are told (§6.7).

use std::time::Duration;

use prost::Message as _;
use signet::tunnel::frame::{Frame, Kind as FrameKind, TunnelRequest};
use signet::tunnel::{self, Kind};
use signet_storage::ids::AccountId;
use signet_tests::client::basic;
use signet_tests::socket::CHAT;
use signet_tests::{SignalClient, Socket, TestRegistry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{A_WHILE, AT_ONCE, principal};

struct Person {
    t: TestRegistry,
    me: SignalClient,
    aci: String,
}

impl Person {
    async fn settle() -> Self {
        let t = TestRegistry::start();
        let (me, session) = (SignalClient::generate(), t.verified_session("+12025550100").await);
        let made = t.client.register("+12025550100", &me.password, &me.registration(&session)).await.expect(201);
        let aci = made["uuid"].as_str().unwrap().to_owned();
        Self { t, me, aci }
    }

    async fn open(&self) -> Socket {
        Socket::of_device(self.t.plain, &self.aci, &self.me.password).await
    }

    /// One that is for requests alone.
    async fn open_beside(&self) -> Socket {
        let authorization = basic(&self.aci, &self.me.password);
        let headers = [("authorization", authorization.as_str()), ("x-signal-disable-messages", "true")];
        Socket::open(self.t.plain, CHAT, &headers).await.unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    async fn remove(&self) {
        let removed = self.t.client.send_as("DELETE", "/v1/accounts/me", &self.aci, &self.me.password).await;
        removed.expect(204);
    }
}

async fn end(socket: &mut Socket) -> Option<(u16, String)> {
    tokio::time::timeout(AT_ONCE, socket.closed()).await.expect("it is closed at once")
}

fn told(code: u16, reason: &str) -> Option<(u16, String)> {
    Some((code, reason.to_owned()))
}

#[tokio::test]
async fn clients_are_told_why() {
    let me = Person::settle().await;
    let mut beside = me.open_beside().await;
    let mut sockets = vec![me.open().await];
    for _ in 0..5 {
        sockets.push(me.open().await);
        let mut earlier = sockets.swap_remove(0);
        assert_eq!(end(&mut earlier).await, told(4409, "Connected elsewhere"));
    }
    let mut last = sockets.remove(0);
    for socket in [&mut beside, &mut last] {
        assert_eq!(socket.send("GET", "/v1/accounts/whoami", &[], "").await.status, 200);
    }
    me.remove().await;
    for socket in [&mut beside, &mut last] {
        assert_eq!(end(socket).await, told(4401, "Reauthentication required"));
    }
    for _ in 0..500 {
        if me.t.registry.storage.cache.subscriptions() == 0 {
            return;
        }
        tokio::time::sleep(A_WHILE / 10).await;
    }
    panic!("something is left behind");
}

/// It could otherwise keep its socket for as long as the registry tries to send.
#[tokio::test]
async fn a_client_that_takes_nothing_goes_too() {
    let me = Person::settle().await;
    let aci: AccountId = me.aci.parse().unwrap();
    let account = me.t.registry.accounts.get(aci).await.unwrap().unwrap();
    let (mut here, there) = tokio::io::duplex(4096);
    let who = principal(&account, 1);
    let mut serving = tokio::spawn(tunnel::serve_over(Box::new(there), Kind::Chat, me.t.registry.clone(), Some(who)));
    let request = TunnelRequest {
        verb: Some("GET".to_owned()),
        path: Some("/v1/nothing".to_owned()),
        body: None,
        id: Some(1),
        headers: Vec::new(),
    };
    let frame = Frame { kind: Some(FrameKind::Request.into()), request: Some(request), response: None };
    let payload = frame.encode_to_vec();
    let message = [&[0x82, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0], &payload[..]].concat();
    // Until nothing is taken any more: the registry waits for us to take an answer.
    while let Ok(written) = tokio::time::timeout(AT_ONCE, here.write_all(&message)).await {
        written.unwrap();
    }
    assert!(!serving.is_finished());
    me.remove().await;
    let ended = tokio::time::timeout(Duration::from_secs(10), &mut serving).await;
    ended.expect("it is cut off").unwrap();
    let mut rest = Vec::new();
    here.read_to_end(&mut rest).await.unwrap();
}
