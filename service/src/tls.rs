//! TLS of the front door: the certificate that is shown, and how it stays the current one (contract real-client §1).
//!
//! Not here: listening and the protocols spoken inside. The certificate is either the operator's own, from two files, or on a laptop
//! one of our own making (`tls/development.rs`). The invariant: what is in force is a pair whose key belongs to its leaf. The files
//! may be replaced one after the other while connections come in; a connection that is open never notices.

mod development;
mod error;
mod pair;
mod watched;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use signet_config::Config;
use signet_storage::clock::Clock;

pub use development::Root;
pub use error::TlsError;
use pair::Files;
use watched::Watched;
pub use watched::{Look, Told};

/// How often the files are looked at. Half a change has as long to become a whole one before anybody is told.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub struct Tls {
    watched: Arc<Watched>,
    server_config: Arc<ServerConfig>,
    root: Option<Root>,
}

impl Tls {
    /// With the certificate of the configuration, or else the development one in the data directory, made if there is none yet.
    ///
    /// # Errors
    /// If the two files are not a certificate and its key, or cannot be read; it says which and why.
    pub fn open(config: &Config, clock: &Clock) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let (files, root) = match (&config.server.certificate, &config.server.certificate_key) {
            (Some(certificate), Some(key)) => (Files::configured(certificate, key), None),
            _ => {
                let (files, root) = development::open(&config.storage.path, clock.now())?;
                (files, Some(root))
            }
        };
        let watched = Arc::new(Watched::open(files, provider.clone(), clock.clone())?);
        let server_config = Arc::new(server_config(provider, watched.clone())?);
        Ok(Self { watched, server_config, root })
    }

    /// For the acceptor, once: it shows whatever certificate is in force.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.server_config.clone()
    }

    /// Where the root lies that clients have to trust; `None` with a certificate of the operator's own.
    pub const fn development_root(&self) -> Option<&Root> {
        self.root.as_ref()
    }

    /// Looks at the files every few seconds, for ever. What comes of it stands in the log.
    pub async fn keep_current(&self) -> Infallible {
        let mut time = tokio::time::interval(LOOK_EVERY);
        time.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            time.tick().await;
            let watched = self.watched.clone();
            // A disk may be slow; whoever is served on this thread is not to wait for it.
            let _ = tokio::task::spawn_blocking(move || watched.look(Told::WhenSettled)).await;
        }
    }

    /// Looks at the files once, now. [`Told::AtOnce`] is for an operator who says that they are as they should be.
    pub fn look(&self, told: Told) -> Look {
        self.watched.look(told)
    }
}

fn server_config(provider: Arc<CryptoProvider>, watched: Arc<Watched>) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12]);
    let mut config = builder.map_err(TlsError::Library)?.with_no_client_auth().with_cert_resolver(watched);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Nothing is resumed: whoever connects sees the certificate in force, no key outlives its connection, and a handshake costs one
    // signature.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
