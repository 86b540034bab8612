//! What every client of AWS here is made with: one way to speak HTTPS, one chain of credentials.

use std::fmt;

use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

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

pub fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
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
