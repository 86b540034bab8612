//! THE place where the DynamoDB target and the cache are chosen. Everything behind it runs the same code.

use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::{Client, Config as ClientConfig};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use signet_config::{CacheKind, Config, StorageTarget};

use crate::Storage;
use crate::aws;
use crate::cache::{Cache, CacheConfigError};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::dynamo::embedded::{Embedded, OpenError};
use crate::dynamo::{BootstrapError, Dynamo};

/// A request that takes longer has failed, retries included; callers of a registry do not wait longer than this.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(12);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 3;
/// A second try follows within this time, a third within twice as much. The SDK's own second would be most of what a client
/// waits for; a store that is overloaded is spared by the SDK's budget of retries, not by this.
const BACK_OFF: Duration = Duration::from_millis(100);
const CACHE_GRACE_MILLIS: u64 = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Engine(#[from] OpenError),
    #[error(transparent)]
    Tables(#[from] BootstrapError),
    #[error(transparent)]
    Cache(#[from] CacheConfigError),
    #[error("storage.target = \"aws\" needs a build with the feature `aws`")]
    NoAws,
}

/// What the outside world gives: time, chance and, in tests, faults.
#[derive(Clone, Debug)]
pub struct World {
    pub clock: Clock,
    pub chance: Chance,
    #[cfg(feature = "test-util")]
    pub faults: Option<crate::dynamo::faults::Faults>,
    /// Everything on the calling task: the embedded engine in memory, no threads for computations. In a simulation
    /// everything happens in an order that can be replayed.
    #[cfg(feature = "test-util")]
    pub inline: bool,
}

impl World {
    pub fn real() -> Self {
        Self {
            clock: Clock::system(),
            chance: Chance::system(),
            #[cfg(feature = "test-util")]
            faults: None,
            #[cfg(feature = "test-util")]
            inline: false,
        }
    }

    #[cfg(feature = "test-util")]
    fn wrap(&self, client: SharedHttpClient) -> SharedHttpClient {
        match &self.faults {
            Some(faults) => faults.wrap(client),
            None => client,
        }
    }

    #[cfg(feature = "test-util")]
    fn engine(&self, directory: &Path) -> Result<Embedded, OpenError> {
        if self.inline { Embedded::inline(&self.clock) } else { Embedded::open(directory) }
    }

    #[cfg(not(feature = "test-util"))]
    fn engine(&self, directory: &Path) -> Result<Embedded, OpenError> {
        Embedded::open(directory)
    }

    #[cfg(not(feature = "test-util"))]
    fn wrap(&self, client: SharedHttpClient) -> SharedHttpClient {
        client
    }
}

impl Storage {
    /// Opens the store and the cache that the configuration names, and makes the tables exist.
    pub async fn open(config: &Config, world: World) -> Result<Self, StartError> {
        let storage = Self::connect(config, world).await?;
        storage.dynamo.bootstrap().await?;
        if let Some(engine) = &storage.embedded {
            engine.open_readers()?;
        }
        storage.wait_for_cache().await;
        Ok(storage)
    }

    /// A moment's grace, so that the first requests after a start find the cache connected. A cache that stays down does not
    /// keep the registry from starting.
    async fn wait_for_cache(&self) {
        for _ in 0..CACHE_GRACE_MILLIS / 10 {
            if self.cache.healthy() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tracing::warn!("the cache does not answer yet; starting without it");
    }

    /// Like [`Storage::open`], but leaves the tables alone.
    pub async fn connect(config: &Config, world: World) -> Result<Self, StartError> {
        let (client, embedded) = client(&config.storage, &world).await?;
        let dynamo = Dynamo::new(client, &config.storage.table_prefix, world.chance.clone());
        let cache = match config.cache.kind {
            CacheKind::Local => Cache::local(world.clock.clone()),
            CacheKind::Redis => {
                let url = config.cache.url.as_ref().expect("a checked configuration has the URL");
                Cache::redis(url.expose(), world.clock.clone())?
            }
        };
        Ok(Self {
            dynamo,
            cache,
            clock: world.clock,
            chance: world.chance,
            recovery_lifetime: config.recovery.password_lifetime,
            stale_at_most: config.cache.stale_at_most,
            embedded,
            #[cfg(feature = "test-util")]
            inline: world.inline,
        })
    }
}

async fn client(config: &signet_config::Storage, world: &World) -> Result<(Client, Option<Embedded>), StartError> {
    let common = ClientConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACK_OFF))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    match config.target {
        StorageTarget::Embedded => {
            let engine = world.engine(&config.path)?;
            let connector = SharedHttpConnector::new(engine.clone());
            let http = http_client_fn(move |_, _| connector.clone());
            // Nobody listens under this name; the connector answers before anything would be resolved.
            let here = common.endpoint_url("http://embedded.invalid").allow_no_auth();
            let here = here.timeout_config(TimeoutConfig::builder().operation_timeout(OPERATION_TIMEOUT).build());
            // A budget of retries of its own: two engines in one process do not use up each other's.
            let here = here.retry_partition(RetryPartition::custom("embedded").build());
            Ok((Client::from_conf(here.http_client(world.wrap(http)).build()), Some(engine)))
        }
        StorageTarget::Endpoint => {
            let url = config.endpoint.clone().expect("a checked configuration has the endpoint");
            let (id, secret) = (config.access_key_id.clone(), config.secret_access_key.expose().clone());
            let there = over_network(common, world).endpoint_url(url);
            let there = there.credentials_provider(Credentials::new(id, secret, None, None, "configuration"));
            Ok((Client::from_conf(there.build()), None))
        }
        StorageTarget::Aws => aws(config, over_network(common, world)).await.map(|client| (client, None)),
    }
}

fn over_network(common: Builder, world: &World) -> Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(OPERATION_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT);
    common.timeout_config(timeouts.build()).http_client(world.wrap(aws::https()))
}

async fn aws(config: &signet_config::Storage, there: Builder) -> Result<Client, StartError> {
    let credentials = aws::credentials(&config.region).await.map_err(|aws::NoAws| StartError::NoAws)?;
    Ok(Client::from_conf(there.credentials_provider(credentials).build()))
}
