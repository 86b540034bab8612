//! A registry in this process, on free ports, with a clock that stands still.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signet::{Application, Registry};
use signet_config::{AuditPath, Config, LimitId, StorageTarget};
use signet_storage::chance::Chance;
use signet_storage::clock::{ManualClock, Timestamp};
use signet_storage::dynamo::faults::Faults;
use signet_storage::dynamo::tables::{TABLES, Table};
use signet_storage::dynamo::{Item, Value};
use signet_storage::{StartError, World};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::canary::{Kind, record};
use crate::{Client, audit};

/// Runs until it is dropped.
pub struct TestRegistry {
    pub clock: ManualClock,
    pub faults: Faults,
    pub registry: Arc<Registry>,
    pub client: Client,
    pub http: SocketAddr,
    pub management: SocketAddr,
    /// Sockets, requests and gRPC, without TLS.
    pub plain: SocketAddr,
    /// The same with TLS, if the test has asked for it.
    pub tls: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    audit: PathBuf,
    _directory: TempDir,
}

/// Noon on a day in 2026, so that midnight is neither now nor far.
pub const NOON: Timestamp = Timestamp::from_millis(1_783_944_000_000);

impl TestRegistry {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// A registry whose configuration a test changes. Limits keyed by address and number are generous unless changed.
    pub fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        record::log();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut config = Config::for_testing();
        config.storage.target = StorageTarget::Embedded;
        config.storage.path = directory.path().join("data");
        config.server.workers = 2;
        for limiter in [LimitId::Registration, LimitId::CheckTotp] {
            let mut generous = config.limits.get(limiter);
            generous.size = 10_000;
            config.limits.set(limiter, generous);
        }
        if record::is_on() {
            config.audit.path = Some(AuditPath::File(directory.path().join("audit.log")));
        }
        change(&mut config);
        Self::run(config, directory).expect("the registry starts")
    }

    fn run(config: Config, directory: TempDir) -> Result<Self, StartError> {
        let clock = ManualClock::starting_at(NOON);
        let faults = Faults::default();
        let world =
            World { clock: clock.clock(), chance: Chance::system(), faults: Some(faults.clone()), inline: false };
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let audit = match &config.audit.path {
            Some(AuditPath::File(path)) => path.clone(),
            _ => config.storage.path.join("audit.log"),
        };
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async {
                let application = Application::build(&config, world).await.expect("the registry starts");
                tell.send((application.addresses(), application.registry().clone())).expect("the test waits");
                application.run_until(async { drop(stopped.await) }).await.expect("the registry stops in order");
            });
        });
        let (addresses, registry) = told.recv().expect("the registry starts");
        let client = Client::new(addresses.http, addresses.management);
        Ok(Self {
            clock,
            faults,
            registry,
            client,
            http: addresses.http,
            management: addresses.management,
            plain: addresses.plain.expect("a registry for tests has this door"),
            tls: addresses.tls,
            stop: Some(stop),
            thread: Some(thread),
            audit,
            _directory: directory,
        })
    }

    /// What the management port says of metrics; asked without a runtime, for the end.
    fn metrics(&self) -> String {
        let mut answer = String::new();
        let asked = std::net::TcpStream::connect(self.management).and_then(|mut stream| {
            stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
            stream.read_to_string(&mut answer)
        });
        asked.map_or_else(|_| String::new(), |_| answer)
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The code that was last sent to this number.
    pub fn code(&self, number: &str) -> String {
        let letter = self.registry.outbox.letter(number).expect("something was sent");
        let code = letter.code.expect("a code was sent").reveal().to_owned();
        record::note(Kind::Code, &code);
        code
    }

    pub fn push_challenge(&self, number: &str) -> String {
        let letter = self.registry.outbox.letter(number).expect("something was sent");
        let challenge = letter.push_challenge.expect("a challenge was sent").reveal().to_owned();
        record::note(Kind::Random, &challenge);
        challenge
    }

    /// All rows of a table, as the store has them: expired ones too.
    pub async fn rows(&self, table: Table) -> Vec<Item> {
        audit::rows(&self.registry.storage.dynamo, table).await
    }

    /// How many rows there are in each table.
    pub async fn row_counts(&self) -> Vec<(&'static str, usize)> {
        let mut counts = Vec::new();
        for spec in &TABLES {
            counts.push((spec.name, self.rows(spec.table).await.len()));
        }
        counts
    }

    /// A verified session for this number; returns its id.
    pub async fn verified_session(&self, number: &str) -> String {
        let begun = self.client.begin_session(number).await.expect(200);
        let id = begun["id"].as_str().expect("an id").to_owned();
        self.client.request_code(&id, "sms").await.expect(200);
        let done = self.client.submit_code(&id, &self.code(number)).await.expect(200);
        assert_eq!(done["verified"], true);
        id
    }
}

/// Every text, number and byte of a row, one after the other, names included, and what is base64 or hex decoded too: what
/// somebody who stole it could read.
pub fn contents(row: &Item) -> Vec<u8> {
    fn gather(value: &Value, into: &mut Vec<u8>) {
        into.push(b'\n');
        match value {
            Value::S(text) | Value::N(text) => {
                into.extend_from_slice(text.as_bytes());
                for decoded in [STANDARD.decode(text).ok(), hex::decode(text).ok()].into_iter().flatten() {
                    into.push(b'\n');
                    into.extend(decoded);
                }
            }
            Value::B(bytes) => into.extend_from_slice(bytes.as_ref()),
            Value::L(list) => list.iter().for_each(|value| gather(value, into)),
            Value::M(map) => map.values().for_each(|value| gather(value, into)),
            Value::Bool(_) | Value::Null(_) => {}
            other => panic!("rows hold no {other:?}"),
        }
    }
    let mut bytes = Vec::new();
    for (name, value) in row {
        bytes.extend_from_slice(name.as_bytes());
        gather(value, &mut bytes);
    }
    bytes
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        if record::is_on() {
            record::keep_latest(record::METRICS, self.metrics().as_bytes());
        }
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the registry panicked");
        }
        record::keep_file(record::AUDIT, &self.audit);
    }
}
