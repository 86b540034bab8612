//! Whoever answers the DynamoDB API in a test of storage: the embedded engine, that engine behind its own HTTP server, or
//! whatever listens at `SIGNET_TEST_ENDPOINT` (an emulator, say; see `tests/emulators`).

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use signet_config::{Config, StorageTarget};
use signet_keys::KeysManager;
use signet_storage::chance::Chance;
use signet_storage::clock::{ManualClock, Timestamp};
use signet_storage::dynamo::faults::Faults;
use signet_storage::{AccountsManager, Sessions, StartError, Storage, World};
use tempfile::TempDir;

use crate::http_engine::HttpEngine;

/// An engine with tables of its own: nobody else uses their prefix, so a run can be repeated on the same server.
pub struct Engine {
    kind: Kind,
    prefix: String,
}

enum Kind {
    Embedded(TempDir),
    Http(HttpEngine),
    Endpoint(String),
}

/// An opened store, and what a test moves it by.
pub struct Store {
    pub storage: Storage,
    pub clock: ManualClock,
    pub faults: Faults,
}

/// New Year 2100. Engines drop expired rows by a clock of their own, and nothing that counts here may be expired there.
pub const FUTURE: Timestamp = Timestamp::from_millis(4_102_444_800_000);

impl Engine {
    pub fn embedded() -> Self {
        Self::new(Kind::Embedded(tempfile::tempdir().expect("a temporary directory")))
    }

    pub async fn over_http() -> Self {
        Self::new(Kind::Http(HttpEngine::start().await))
    }

    /// The one that the environment names, if it does.
    pub fn at_endpoint() -> Option<Self> {
        std::env::var("SIGNET_TEST_ENDPOINT").ok().map(|url| Self::new(Kind::Endpoint(url)))
    }

    fn new(kind: Kind) -> Self {
        Self { kind, prefix: format!("test-{}-", hex::encode(Chance::system().bytes::<5>())) }
    }

    /// Only one store at a time can be open on the embedded engine; the others take any number, as nodes would be.
    pub const fn is_embedded(&self) -> bool {
        matches!(self.kind, Kind::Embedded(_))
    }

    pub fn config(&self) -> Config {
        let mut config = Config::for_testing();
        config.storage.table_prefix.clone_from(&self.prefix);
        let endpoint = match &self.kind {
            Kind::Embedded(directory) => {
                config.storage.path = directory.path().to_owned();
                return config;
            }
            Kind::Http(engine) => engine.url(),
            Kind::Endpoint(url) => url.clone(),
        };
        config.storage.target = StorageTarget::Endpoint;
        config.storage.endpoint = Some(endpoint);
        config
    }

    /// A store with its tables.
    pub async fn open(&self) -> Store {
        self.try_open().await.expect("the store opens")
    }

    pub async fn try_open(&self) -> Result<Store, StartError> {
        let (clock, faults, world) = world();
        Ok(Store { storage: Storage::open(&self.config(), world).await?, clock, faults })
    }

    /// A store whose tables nobody has looked at yet.
    pub async fn connect(&self) -> Store {
        let (clock, faults, world) = world();
        Store { storage: Storage::connect(&self.config(), world).await.expect("the store is there"), clock, faults }
    }
}

fn world() -> (ManualClock, Faults, World) {
    let (clock, faults) = (ManualClock::starting_at(FUTURE), Faults::default());
    let world = World { clock: clock.clock(), chance: Chance::system(), faults: Some(faults.clone()), inline: false };
    (clock, faults, world)
}

impl Store {
    pub fn accounts(&self) -> AccountsManager {
        AccountsManager::new(&self.storage)
    }

    pub fn sessions(&self) -> Sessions {
        Sessions::new(&self.storage)
    }

    pub fn keys(&self) -> KeysManager {
        KeysManager::new(&self.storage)
    }

    pub fn now(&self) -> Timestamp {
        self.storage.clock.now()
    }
}

/// Waits until nobody holds this data directory: a store that was dropped lets go of it a moment later, on its own thread.
pub async fn until_free(directory: &Path) {
    for _ in 0..1000 {
        let lock = File::options().create(true).truncate(false).write(true).open(directory.join("signet.lock"));
        if lock.expect("a data directory").try_lock().is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} is still in use", directory.display());
}
