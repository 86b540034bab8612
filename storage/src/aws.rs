//! What every client of AWS here is made with: one way to speak HTTPS, one chain of credentials.

use std::fmt;
use std::sync::OnceLock;

use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// A build without the feature `aws` has no chain of credentials.
#[derive(Debug)]
pub struct NoAws;

impl fmt::Display for NoAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "credentials from the usual AWS sources need a build with the feature `aws`; otherwise set both keys",
        )
    }
}

impl std::error::Error for NoAws {}

/// Its connections are driven by threads of their own. Those that serve clients end when the registry stops, not all at once, and
/// whoever still asked over a connection that one of them had opened would get no answer.
pub fn https() -> SharedHttpClient {
    let https = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(OnThreadsOfItsOwn(https.http_connector(settings, components)))
    })
}

#[derive(Debug)]
struct OnThreadsOfItsOwn(SharedHttpConnector);

impl HttpConnector for OnThreadsOfItsOwn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.0.clone();
        HttpConnectorFuture::new(async move {
            // Dropped, it takes the request along.
            let mut asking = JoinSet::new();
            asking.spawn_on(async move { connector.call(request).await }, threads().handle());
            match asking.join_next().await {
                Some(Ok(answer)) => answer,
                Some(Err(died)) => Err(ConnectorError::other(died.into(), None)),
                None => Err(ConnectorError::other("nothing was asked".into(), None)),
            }
        })
    }
}

/// They end with the process.
fn threads() -> &'static Runtime {
    static THREADS: OnceLock<Runtime> = OnceLock::new();
    THREADS.get_or_init(|| {
        let threads = Builder::new_multi_thread().worker_threads(2).thread_name("https").enable_all().build();
        threads.expect("the system gives threads at the start")
    })
}

/// Credentials from the usual AWS sources. They are looked for when they are first needed, not here.
///
/// # Errors
/// In a build without the feature `aws`.
#[cfg(feature = "aws")]
pub async fn credentials(region: &str) -> Result<SharedCredentialsProvider, NoAws> {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
    let shared = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(https())
        .load()
        .await;
    Ok(shared.credentials_provider().expect("the default chain is a provider"))
}

#[cfg(not(feature = "aws"))]
pub async fn credentials(_: &str) -> Result<SharedCredentialsProvider, NoAws> {
    Err(NoAws)
}
