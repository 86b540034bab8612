//! The registry as a running thing: built from a configuration, bound to its ports, run until it is told to stop.
//!
//! The ports are bound before anything is served, so port 0 works and a taken port is an error at the start.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::dev::{Server, Service as _};
use actix_web::http::ConnectionType;
use actix_web::{App, HttpServer, web};
use signet_config::Config;
use signet_storage::number::E164;
use signet_storage::{Storage, World};

use crate::audit::AuditError;
use crate::entrance::{Door, Entrance};
use crate::management::{self, Management};
use crate::registry::Registry;
use crate::reload::{Reload, Source};
use crate::tls::{Root, Tls, TlsError};
use crate::verification::sender::{CodeSender, SenderError};
use crate::{metrics, rest};

/// How long requests in flight may take once the registry has been told to stop.
const DRAIN_SECONDS: u64 = 30;
/// How long a registry that people use goes on serving once it has been told to stop, while `/readyz` sends new clients
/// elsewhere. The server below closes connections whose requests it has not begun to read, answered or not; by then there
/// should be none.
pub const LAST_CALL: Duration = Duration::from_secs(1);
/// A request's head must have arrived by then.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Storage(#[from] signet_storage::StartError),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("codes cannot be sent: {0}")]
    Sender(#[from] SenderError),
    #[error("a key that the registry keeps for itself: {0}")]
    Secret(std::io::Error),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the server cannot be started: {0}")]
    Server(std::io::Error),
}

pub struct Application {
    public: Server,
    management: Server,
    entrance: Entrance,
    tls: Option<Arc<Tls>>,
    registry: Arc<Registry>,
    reload: Arc<OnceLock<Arc<Reload>>>,
    last_call: Duration,
    addresses: Addresses,
}

/// Where a registry listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Clients, over HTTP.
    pub http: SocketAddr,
    /// Clients with sockets, over TLS.
    pub tls: Option<SocketAddr>,
    /// The same without TLS.
    pub plain: Option<SocketAddr>,
    /// Operators.
    pub management: SocketAddr,
}

impl Application {
    pub async fn build(config: &Config, world: World) -> Result<Self, BuildError> {
        // Reading the numbering plans takes a tenth of a second; nobody's first request should wait for it.
        std::thread::spawn(E164::load_plans);
        let recorder = metrics::recorder();
        let http = listen(config.server.http)?;
        let managing = listen(config.server.management)?;
        let tls = config.server.tls.address().map(listen).transpose()?;
        let plain = config.server.plain.address().map(listen).transpose()?;
        let addresses = Addresses {
            http: address(&http)?,
            tls: tls.as_ref().map(address).transpose()?,
            plain: plain.as_ref().map(address).transpose()?,
            management: address(&managing)?,
        };

        let clock = world.clock.clone();
        let storage = Storage::open(config, world).await?;
        let sender = CodeSender::open(config, &storage.clock, &storage.chance).await?;
        let registry = Arc::new(Registry::build(config, storage, sender)?);
        let workers = match config.server.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        let certified = tls.is_some().then(|| Tls::open(config, &clock).map(Arc::new)).transpose()?;
        let mut doors: Vec<_> = plain.into_iter().map(|listener| Door { listener, tls: None }).collect();
        if let (Some(listener), Some(tls)) = (tls, &certified) {
            doors.push(Door { listener, tls: Some(tls.server_config()) });
        }
        let entrance = Entrance::open(doors, workers, registry.clone()).map_err(BuildError::Server)?;
        let public = serve_public(http, workers, registry.clone()).map_err(BuildError::Server)?;
        let reload = Arc::new(OnceLock::new());
        let manage = Management { registry: registry.clone(), recorder, reload: reload.clone() };
        let management = serve_management(managing, manage).map_err(BuildError::Server)?;
        let last_call = Duration::ZERO;
        Ok(Self { public, management, entrance, tls: certified, registry, reload, last_call, addresses })
    }

    /// Once told to stop, to go on serving for so long, see [`LAST_CALL`].
    pub fn with_last_call(self, last_call: Duration) -> Self {
        Self { last_call, ..self }
    }

    /// From now on the configuration can be read again from its source; `running` is what the registry was built with.
    pub(crate) fn reload_from(&self, source: Source, running: &Config) -> Arc<Reload> {
        let reload = || Reload::new(source, running.clone(), self.registry.clone(), self.tls.clone());
        self.reload.get_or_init(|| Arc::new(reload())).clone()
    }

    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Where the root lies that clients have to trust, if we have made it.
    pub fn development_root(&self) -> Option<&Root> {
        self.tls.as_deref().and_then(Tls::development_root)
    }

    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Serves until `stop` comes true and the last call is over, then stops accepting, finishes what runs, and returns.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let (public, managing) = (self.public.handle(), self.management.handle());
        let housekeeping = tokio::spawn(keep_house(self.registry.clone()));
        let sweeping = self.registry.clone();
        let sweeping = tokio::spawn(async move { sweeping.background.run().await });
        let certificate = tokio::spawn(async move {
            if let Some(tls) = self.tls {
                tls.keep_current().await;
            }
        });
        let stopping = self.registry.stopping.clone();
        let drain = async {
            stop.await;
            stopping.begin(self.last_call);
            tokio::time::sleep(self.last_call).await;
            let (closed, ()) = tokio::join!(self.entrance.close(), public.stop(true));
            managing.stop(true).await;
            closed
        };
        let (served, managed, closed) = tokio::join!(self.public, self.management, drain);
        housekeeping.abort();
        // It was told to stop when the rest was, and has finished its piece unless the store hangs.
        sweeping.abort();
        certificate.abort();
        // The audit has everything before the process may end.
        let events = self.registry.events.clone();
        events.publish_sums();
        let _ = tokio::task::spawn_blocking(move || events.settle()).await;
        served.and(managed).and(closed)
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, BuildError> {
    TcpListener::bind(address).map_err(|source| BuildError::Listen { address, source })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, BuildError> {
    listener.local_addr().map_err(BuildError::Server)
}

fn serve_public(listener: TcpListener, workers: usize, registry: Arc<Registry>) -> std::io::Result<Server> {
    let stopping = registry.stopping.clone();
    let registry = web::Data::from(registry);
    let app = move || {
        let stopping = stopping.clone();
        // Once we are to stop, a connection's next answer is its last: no request can then be caught by its end.
        let with_farewell = App::new().wrap_fn(move |request, service| {
            let (answer, stopping) = (service.call(request), stopping.clone());
            async move {
                let mut answer = answer.await?;
                if stopping.has_begun() {
                    answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
                }
                Ok(answer)
            }
        });
        with_farewell.app_data(registry.clone()).configure(rest::configure)
    };
    let server = HttpServer::new(app).workers(workers).client_request_timeout(HEAD_PATIENCE);
    // A client that hangs up ends its request: nobody is to wait for an hour on behalf of one that has gone. HTTP gives a client
    // that only ends its own half no other way to be told from it.
    let server = server.h1_allow_half_closed(false);
    Ok(server.shutdown_timeout(DRAIN_SECONDS).disable_signals().listen(listener)?.run())
}

fn serve_management(listener: TcpListener, state: Management) -> std::io::Result<Server> {
    let state = web::Data::new(state);
    let app = move || App::new().app_data(state.clone()).configure(management::configure);
    Ok(HttpServer::new(app).workers(1).shutdown_timeout(2).disable_signals().listen(listener)?.run())
}

async fn keep_house(registry: Arc<Registry>) {
    let mut upkeep = tokio::time::interval(UPKEEP_EVERY);
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    sweep.tick().await;
    loop {
        tokio::select! {
            _ = upkeep.tick() => metrics::recorder().run_upkeep(),
            _ = sweep.tick() => registry.sweep().await,
        }
    }
}
