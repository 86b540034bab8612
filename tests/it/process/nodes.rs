//! Two nodes on one Redis and one DynamoDB endpoint: what kills credentials on one of them kills them on the other at once, although
//! both have just served them from the cache (contract keys-devices §5.6; registration §12.2).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use prost::Message as _;
use serde_json::{Value, json};
use signet_tests::client::basic;
use signet_tests::http_engine::HttpEngine;
use signet_tests::process::Serving;
use signet_tests::redis::RedisServer;
use signet_tests::socket::{Address, PROVISIONING};
use signet_tests::{Client, SignalClient, Socket};
use tempfile::{TempDir, tempdir};

use super::serve::{text, verified_session};

const AT_ONCE: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;

/// Two processes that share nothing but what they talk to.
struct Nodes {
    here: Client,
    there: Client,
    /// Where the other one serves sockets.
    sockets: SocketAddr,
    _nodes: [(Serving, TempDir); 2],
    _redis: RedisServer,
    _store: HttpEngine,
}

impl Nodes {
    async fn start() -> Self {
        let (store, redis) = (HttpEngine::start().await, RedisServer::start());
        let settings = [
            "storage.target=endpoint".to_owned(),
            format!("storage.endpoint={}", store.url()),
            "cache.kind=redis".to_owned(),
            format!("cache.url={}", redis.url()),
            format!("devices.link_secret={}", "11".repeat(32)),
            "server.plain=127.0.0.1:0".to_owned(),
        ];
        let flags: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        let start = || {
            let data = tempdir().unwrap();
            (Serving::start(data.path(), &flags), data)
        };
        let nodes = [start(), start()];
        let [here, there] = [&nodes[0], &nodes[1]].map(|(node, _)| node.client.clone());
        let sockets = nodes[1].0.plain.unwrap();
        Self { here, there, sockets, _nodes: nodes, _redis: redis, _store: store }
    }
}

/// Somebody whom both nodes know.
struct Owner {
    number: String,
    aci: String,
    session: String,
    client: SignalClient,
    /// Whose credentials are to die: the primary device's, or those of one linked to it.
    user: String,
    password: String,
}

impl Owner {
    async fn settle(nodes: &Nodes, number: String, death: Death) -> Self {
        let client = SignalClient::generate();
        let session = verified_session(&nodes.here, &number).await;
        let mut body = client.registration(&session);
        body["accountAttributes"]["registrationLock"] = json!(death.lock());
        let answer = nodes.here.register(&number, &client.password, &body).await.expect(201);
        let aci = text(&answer, "uuid").to_owned();
        let (user, password) = (aci.clone(), client.password.clone());
        let mut owner = Self { number, aci, session, client, user, password };
        if matches!(death, Death::Unlink) {
            owner.link(nodes).await;
        }
        for node in [&nodes.here, &nodes.there, &nodes.there] {
            owner.whoami(node).await.expect(200);
        }
        owner
    }

    /// By a token of one node, at the other.
    async fn link(&mut self, nodes: &Nodes) {
        let token = nodes.here.send_as("GET", "/v1/devices/provisioning/code", &self.aci, &self.client.password).await;
        let body = self.client.linking(text(&token.expect(200), "verificationCode"));
        self.password = "a password of the linked device".to_owned();
        let linked = nodes.there.link(&self.password, &body).await.expect(200);
        self.user = format!("{}.{}", self.aci, linked["deviceId"]);
    }

    async fn whoami(&self, node: &Client) -> signet_tests::Answer {
        node.whoami(&self.user, &self.password).await
    }
}

/// What can happen to credentials, done at a node.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// Somebody who has the number does not know the lock.
    Freeze,
    /// The number registers again.
    Replace,
    Remove,
    /// The device is unlinked by the primary one.
    Unlink,
}

impl Death {
    const ALL: [Self; 4] = [Self::Freeze, Self::Replace, Self::Remove, Self::Unlink];

    const fn lock(self) -> Option<&'static str> {
        match self {
            Self::Freeze => Some("27182818"),
            Self::Replace | Self::Remove | Self::Unlink => None,
        }
    }

    async fn strike(self, owner: &Owner, newcomer: &SignalClient, node: &Client) {
        let (status, answer) = match self {
            Self::Freeze | Self::Replace => {
                let body: Value = newcomer.registration(&owner.session);
                let answer = node.register(&owner.number, &newcomer.password, &body).await;
                (if matches!(self, Self::Freeze) { 423 } else { 200 }, answer)
            }
            Self::Remove => {
                let authorization = basic(&owner.aci, &owner.client.password);
                (204, node.send("DELETE", "/v1/accounts/me", &[("authorization", &authorization)], "").await)
            }
            Self::Unlink => (204, node.send_as("DELETE", "/v1/devices/2", &owner.aci, &owner.client.password).await),
        };
        answer.expect(status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "this is about real time")]
async fn credentials_that_die_on_one_node_are_dead_on_the_other_at_once() {
    let nodes = Nodes::start().await;
    let newcomer = SignalClient::generate();
    for (n, death) in Death::ALL.into_iter().enumerate() {
        let (mut slowest, mut closing) = (Duration::ZERO, Duration::ZERO);
        for round in 0..ROUNDS {
            let owner = Owner::settle(&nodes, format!("+1202555{:04}", n * 100 + round), death).await;
            let mut socket = Socket::of_device(nodes.sockets, &owner.user, &owner.password).await;
            let closed = tokio::spawn(async move { (socket.closed().await, Instant::now()) });
            death.strike(&owner, &newcomer, &nodes.here).await;
            let answered = Instant::now();
            let refused_after = loop {
                let answer = owner.whoami(&nodes.there).await;
                if answer.status == 401 {
                    break answered.elapsed();
                }
                answer.expect(200);
                assert!(answered.elapsed() < AT_ONCE, "{death:?}: the other node still lets them in");
            };
            slowest = slowest.max(refused_after);
            let (end, at) = closed.await.unwrap();
            assert_eq!(end, Some((4401, "Reauthentication required".to_owned())), "{death:?}");
            closing = closing.max(at.saturating_duration_since(answered));
            assert_eq!(owner.whoami(&nodes.here).await.status, 401, "{death:?}");
            let newcomers = nodes.there.whoami(&owner.aci, &newcomer.password).await.status;
            assert_eq!(newcomers, if matches!(death, Death::Replace) { 200 } else { 401 }, "{death:?}");
        }
        println!(
            "{death:?}: the other node refuses within {slowest:.1?} of the answer and closes the socket within {closing:.1?}, {ROUNDS} times"
        );
        assert!(slowest < AT_ONCE && closing < AT_ONCE);
    }
}

/// A new device shows the address that one node gave it; the primary hands over by the other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_at_one_node_arrives_at_the_other() {
    let nodes = Nodes::start().await;
    let owner = Owner::settle(&nodes, "+12025550999".to_owned(), Death::Remove).await;
    let mut device =
        Socket::open(nodes.sockets, PROVISIONING, &[]).await.unwrap_or_else(|refused| panic!("{refused:?}"));
    let shown = device.request().await;
    let path = format!("/v1/provisioning/{}", Address::decode(shown.body.unwrap()).unwrap().address.unwrap());
    let authorization = basic(&owner.aci, &owner.client.password);
    let headers = [("authorization", authorization.as_str())];
    let hand_over = || nodes.here.send("PUT", &path, &headers, r#"{"body":"aGVsbG8="}"#);
    hand_over().await.expect(204);
    assert_eq!(device.request().await.body.as_deref(), Some(&b"hello"[..]));
    assert_eq!(hand_over().await.status, 404, "an address is good for one message");
}
