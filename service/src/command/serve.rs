//! `signet serve`: configuration → registry → serve → drain.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use signet_config::{CacheKind, Config, SenderKind, StorageTarget};
use signet_storage::World;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::CommandResult;
use crate::Application;
use crate::application::{Addresses, LAST_CALL};
use crate::log;
use crate::reload::{Reload, Source};
use crate::tls::Root;

pub fn run(config: &Config, source: Source) -> CommandResult {
    let colours = std::io::stderr().is_terminal();
    let log = log::to(std::io::stderr, &config.log.filter, colours).map_err(|e| format!("log.filter: {e}"))?;
    log.init();
    actix_rt::System::new().block_on(async {
        let application = Application::build(config, World::real()).await?;
        reload_when_told(application.reload_from(source, config))?;
        introduce(config, &application)?;
        application.with_last_call(LAST_CALL).run_until(told_to_stop()?).await?;
        writeln!(std::io::stdout(), "Stopped; everything that was answered is kept.")?;
        Ok(())
    })
}

/// SIGTERM from a supervisor or SIGINT from a keyboard.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}

/// SIGHUP: the configuration is read again. What comes of it stands in the log.
fn reload_when_told(reload: Arc<Reload>) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let _ = reload.reload();
        }
    });
    Ok(())
}

/// What it is, where it listens, where the data lies, and what to try next.
fn introduce(config: &Config, application: &Application) -> std::io::Result<()> {
    let storage = &config.storage;
    let store = match storage.target {
        StorageTarget::Embedded => format!("{} (embedded engine)", storage.path.display()),
        StorageTarget::Endpoint => format!("DynamoDB endpoint {}", storage.endpoint.as_deref().unwrap_or_default()),
        StorageTarget::Aws => format!("DynamoDB, region {}", storage.region),
    };
    let cache = match config.cache.kind {
        CacheKind::Local => "in this process".to_owned(),
        CacheKind::Redis => config.cache.shown_url().unwrap_or_default(),
    };
    let Addresses { http, tls, plain, management } = application.addresses();
    let mut out = std::io::stdout().lock();
    writeln!(out, "Signet {}, an account registry for secure messengers", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  clients     http://{http}")?;
    if let Some(address) = tls {
        writeln!(out, "  sockets     https://{address}  (requests and gRPC, too)")?;
    }
    if let Some(Root { pem, der }) = application.development_root() {
        writeln!(out, "  trust       {}  (its root; as DER: {})", pem.display(), der.display())?;
    }
    if let Some(address) = plain {
        writeln!(out, "  sockets     http://{address}  (the same without TLS)")?;
    }
    writeln!(out, "  management  http://{management}  (/livez /readyz /metrics{})", outbox_hint(config))?;
    writeln!(out, "  data        {store}")?;
    writeln!(out, "  cache       {cache}")?;
    writeln!(out, "Try, in another terminal:")?;
    writeln!(out, "  {} demo --url http://{http} --management-url http://{management}", invoked_as())?;
    out.flush()
}

fn outbox_hint(config: &Config) -> &'static str {
    if config.verification.uses(SenderKind::Outbox) { " /outbox/{number}" } else { "" }
}

/// The binary as the reader can call it, wherever they are.
fn invoked_as() -> String {
    std::env::current_exe().map_or_else(|_| "signet".to_owned(), |path| path.display().to_string())
}
