//! TLS of the front door: which certificates are taken, what is shown, and that it stays the current one (contract real-client §1).
//!
//! Certificates and clients are OpenSSL's wherever that is a stricter judge than the library that serves.

#![allow(clippy::unwrap_used, reason = "tests")]

pub mod authority;
mod development;
mod files;
mod handshake;
mod replaced;

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use signet::tls::{Tls, TlsError};
use signet_config::Config;
use signet_storage::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// With a certificate of the operator's own.
fn configured([certificate, key]: &[impl AsRef<Path>; 2]) -> Result<Tls, TlsError> {
    let mut config = Config::for_testing();
    config.server.certificate = Some(certificate.as_ref().to_owned());
    config.server.certificate_key = Some(key.as_ref().to_owned());
    Tls::open(&config, &Clock::system())
}

/// A port where everything that is said comes back over TLS.
async fn echo(tls: &Tls) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(tls.server_config());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let (mut from, mut to) = tokio::io::split(acceptor.accept(stream).await?);
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    port
}

/// A client that trusts this root alone.
pub fn connector(root: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(root).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

pub async fn connect(port: u16, root: &Path) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    connector(root).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// The leaf that a new connection is shown.
pub async fn shown(port: u16, root: &Path) -> Vec<u8> {
    leaf(&connect(port, root).await.unwrap())
}

pub fn leaf(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

async fn says_back(stream: &mut TlsStream<TcpStream>, word: &[u8]) {
    stream.write_all(word).await.unwrap();
    let mut answer = vec![0; word.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, word);
}
