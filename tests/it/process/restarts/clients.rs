//! Clients that do one thing after the other. What they do shows if it was done twice: a number is registered for the first time once,
//! and each one-time key is given out once.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use signet::grpc::proto::org::signal::chat::account::GetAccountIdentityRequest;
use signet::grpc::proto::org::signal::chat::account::accounts_client::AccountsClient;
use signet_keys::KeyId;
use signet_keys::signing::ec_pre_key;
use signet_storage::{Sessions, Storage};
use signet_tests::grpc::Wire as GrpcWire;
use signet_tests::registrant::verified_session;
use signet_tests::socket::Stream;
use signet_tests::{Answer, Client, SignalClient, client};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Request;

use super::balancer::{Balancer, Door};
use super::line::{Line, PAUSE, Version};
use super::toll::Toll;

/// What one asks over.
#[derive(Clone, Copy)]
pub enum Way {
    Rest,
    Socket(Door, Version),
}

/// Where clients live, and what they have in common.
pub struct Town {
    pub toll: Arc<Toll>,
    addresses: [SocketAddr; 3],
    /// Where REST is spoken.
    rest: Door,
    connectors: [TlsConnector; 2],
    storage: Storage,
    /// Keys are costly to make, and it is not they that are tested.
    bodies: Vec<SignalClient>,
    next_number: AtomicUsize,
    closed: AtomicBool,
}

impl Town {
    pub fn new(balancer: &Balancer, rest: Door, root: &Path, storage: Storage, toll: Arc<Toll>) -> Self {
        Self {
            toll,
            addresses: [Door::Http, Door::Plain, Door::Tls].map(|door| balancer.address(door)),
            rest,
            connectors: ["http/1.1", "h2"].map(|protocol| crate::tls::connector(root, &[protocol])),
            storage,
            bodies: (0..8).map(|_| SignalClient::generate()).collect(),
            next_number: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    pub const fn address(&self, door: Door) -> SocketAddr {
        self.addresses[door as usize]
    }

    pub async fn secure(&self, stream: TcpStream, version: Version) -> Result<Box<dyn Stream>, String> {
        let localhost = ServerName::try_from("localhost").unwrap();
        let secured = self.connectors[version as usize].connect(localhost, stream).await;
        secured.map(|stream| Box::new(stream) as Box<dyn Stream>).map_err(|error| format!("TLS: {error}"))
    }

    /// Everybody may finish what they are at.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    fn is_open(&self) -> bool {
        !self.closed.load(Ordering::SeqCst)
    }

    /// Lives one life after the other.
    pub async fn work(self: Arc<Self>, way: Way) {
        while self.is_open() {
            if let Some(mut person) = Person::register(&self, way).await {
                person.live().await;
            }
        }
    }

    /// Asks who it is, by gRPC, again and again.
    pub async fn call(self: Arc<Self>) {
        let person = Person::register(&self, Way::Rest).await.expect("an account");
        let wire = GrpcWire::to(self.address(Door::Plain));
        let mut accounts = AccountsClient::with_origin(wire.channel, wire.origin);
        let credentials = client::basic(&person.aci, &person.password);
        while self.is_open() {
            let mut request = Request::new(GetAccountIdentityRequest {});
            request.metadata_mut().insert("authorization", credentials.parse().unwrap());
            match accounts.get_account_identity(request).await {
                Ok(_) => self.toll.answers.count(),
                // The connection said that it takes no more just when it was to be asked (RFC 9113 §6.8): not begun.
                Err(status) if format!("{status:?}").contains("GoAway(b\"\", NO_ERROR, Remote)") => {
                    self.toll.repeats.count();
                }
                Err(status) => self.toll.failed(format!("gRPC: {status:?}")),
            }
        }
    }

    /// Waits for a device that is never linked, again and again.
    pub async fn wait(self: Arc<Self>, way: Way) {
        let mut person = Person::register(&self, way).await.expect("an account");
        let token = person.ask(200, "GET", "/v1/devices/provisioning/code", "").await;
        let path =
            format!("/v1/devices/wait_for_linked_device/{}?timeout=5", token["tokenIdentifier"].as_str().unwrap());
        while self.is_open() {
            person.ask(204, "GET", &path, "").await;
            self.toll.waits.count();
        }
    }
}

struct Person {
    town: Arc<Town>,
    aci: String,
    password: String,
    wire: Wire,
}

enum Wire {
    Rest(Client),
    Sockets { nobody: Line, device: Line },
}

impl Person {
    /// With a number of their own that is proved already. None if that fails, which is counted.
    async fn register(town: &Arc<Town>, way: Way) -> Option<Self> {
        let n = town.next_number.fetch_add(1, Ordering::SeqCst);
        let number = format!("+1202{:07}", 2_000_000 + n);
        let session = verified_session(&number, town.storage.clock.now());
        Sessions::new(&town.storage).create(&session).await.expect("the store answers");
        let (body, password) = (town.bodies[n % 8].registration(&session.id().encoded()), format!("password {n}"));
        let mut wire = match way {
            Way::Rest => {
                let address = town.address(town.rest);
                Wire::Rest(Client::new(address, address))
            }
            Way::Socket(door, version) => {
                let line = || Line::new(town, door, version, None);
                Wire::Sockets { nobody: line(), device: line() }
            }
        };
        let headers = [("content-type", "application/json"), ("authorization", &client::basic(&number, &password))];
        let answer = wire.ask(town, false, "POST", "/v1/registration", &headers, &body.to_string()).await;
        // A 200 would say that the number had an account: it would have been registered twice.
        let account = judged(town, answer, 201, "POST", "/v1/registration");
        let aci = account["uuid"].as_str()?.to_owned();
        town.toll.accounts.count();
        if let (Wire::Sockets { device, .. }, Way::Socket(door, version)) = (&mut wire, way) {
            *device = Line::new(town, door, version, Some((&aci, &password)));
        }
        Some(Self { town: town.clone(), aci, password, wire })
    }

    async fn live(&mut self) {
        let key = |id: i64| ec_pre_key(KeyId::new(id).unwrap());
        let keys = json!({"preKeys": (101..=110).map(key).collect::<Vec<_>>()}).to_string();
        self.ask(204, "PUT", "/v2/keys", &keys).await;
        for taken in 1..=5 {
            for _ in 0..3 {
                let who = self.ask(200, "GET", "/v1/accounts/whoami", "").await;
                self.expect("whoami", &who["uuid"], &json!(self.aci));
            }
            let bundle = self.take().await;
            self.expect("the key taken", &bundle["devices"][0]["preKey"]["keyId"], &json!(100 + taken));
            let left = self.ask(200, "GET", "/v2/keys", "").await;
            self.expect("keys left", &left["count"], &json!(10 - taken));
        }
    }

    /// One key of each kind, by somebody without credentials.
    async fn take(&mut self) -> Value {
        let path = format!("/v2/keys/{}/1", self.aci);
        let access = [("unidentified-access-key", STANDARD.encode([7; 16]))];
        let answer = self.wire.ask(&self.town, false, "GET", &path, &[(access[0].0, &access[0].1)], "").await;
        judged(&self.town, answer, 200, "GET", "/v2/keys/…")
    }

    async fn ask(&mut self, expected: u16, verb: &str, path: &str, body: &str) -> Value {
        let basic = client::basic(&self.aci, &self.password);
        let mut headers = vec![("content-type", "application/json")];
        if matches!(self.wire, Wire::Rest(_)) {
            headers.push(("authorization", &basic));
        }
        let answer = self.wire.ask(&self.town, true, verb, path, &headers, body).await;
        judged(&self.town, answer, expected, verb, path)
    }

    fn expect(&self, what: &str, is: &Value, should_be: &Value) {
        if is != should_be {
            self.town.toll.failed(format!("{what}: {is} instead of {should_be}"));
        }
    }
}

impl Wire {
    async fn ask(
        &mut self,
        town: &Town,
        as_device: bool,
        verb: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let client = match self {
            Self::Sockets { device, .. } if as_device => return device.ask(verb, path, headers, body).await,
            Self::Sockets { nobody, .. } => return nobody.ask(verb, path, headers, body).await,
            Self::Rest(client) => client,
        };
        loop {
            match client.try_send(verb, path, headers, body).await {
                Ok(answer) => return answer,
                Err(error) => town.toll.failed(format!("{verb} {path}: {error:?}")),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The body of an answer that has the status it should have.
fn judged(town: &Town, answer: Answer, expected: u16, verb: &str, path: &str) -> Value {
    town.toll.answers.count();
    if expected != answer.status {
        town.toll.failed(format!("{verb} {path}: {} {}", answer.status, answer.text));
    }
    answer.json()
}
