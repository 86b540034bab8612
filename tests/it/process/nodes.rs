//! Two nodes on one Redis and one DynamoDB endpoint: what kills credentials on one of them kills them on the other at once, although
//! both have just served them from the cache (contract keys-devices §5.6; registration §12.2).

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signet_tests::client::basic;
use signet_tests::http_engine::HttpEngine;
use signet_tests::process::Serving;
use signet_tests::redis::RedisServer;
use signet_tests::{Client, SignalClient};
use tempfile::{TempDir, tempdir};

use super::serve::{text, verified_session};

const AT_ONCE: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;

/// Two processes that share nothing but what they talk to.
struct Nodes {
    here: Client,
    there: Client,
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
        ];
        let flags: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        let start = || {
            let data = tempdir().unwrap();
            (Serving::start(data.path(), &flags), data)
        };
        let nodes = [start(), start()];
        let [here, there] = [&nodes[0], &nodes[1]].map(|(node, _)| node.client.clone());
        Self { here, there, _nodes: nodes, _redis: redis, _store: store }
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
        let mut slowest = Duration::ZERO;
        for round in 0..ROUNDS {
            let owner = Owner::settle(&nodes, format!("+1202555{:04}", n * 100 + round), death).await;
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
            assert_eq!(owner.whoami(&nodes.here).await.status, 401, "{death:?}");
            let newcomers = nodes.there.whoami(&owner.aci, &newcomer.password).await.status;
            assert_eq!(newcomers, if matches!(death, Death::Replace) { 200 } else { 401 }, "{death:?}");
        }
        println!("{death:?}: the other node refuses within {slowest:.1?} of the answer, {ROUNDS} times");
        assert!(slowest < AT_ONCE);
    }
}
