//! A certificate chain and the key of its leaf, from two PEM files.
//!
//! Not here: when they are read. A [`Pair`] is one: a key that is not the leaf's is refused. Whether clients will trust the chain is
//! theirs to say.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys, RootCertStore};
use sha2::{Digest as _, Sha256};
use signet_storage::clock::Timestamp;
use zeroize::Zeroizing;

use super::TlsError;

/// Where the two lie, and what they are called to the operator.
#[derive(Clone)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    configured: bool,
}

impl Files {
    /// Those that the configuration names.
    pub fn configured(certificate: &Path, key: &Path) -> Self {
        Self { certificate: certificate.to_owned(), key: key.to_owned(), configured: true }
    }

    /// Those that we made.
    pub const fn made(certificate: PathBuf, key: PathBuf) -> Self {
        Self { certificate, key, configured: false }
    }

    fn certificate_shown(&self) -> String {
        self.shown("server.certificate", &self.certificate)
    }

    fn key_shown(&self) -> String {
        self.shown("server.certificate_key", &self.key)
    }

    fn shown(&self, name: &str, path: &Path) -> String {
        let path = path.display();
        if self.configured { format!("{name} ({path})") } else { path.to_string() }
    }

    pub fn read(&self) -> Result<Contents, TlsError> {
        let certificate = fs::read(&self.certificate);
        let certificate = certificate.map_err(|source| TlsError::Read { file: self.certificate_shown(), source })?;
        let key = fs::read(&self.key).map_err(|source| TlsError::Read { file: self.key_shown(), source })?;
        Ok(Contents { certificate, key: Zeroizing::new(key) })
    }
}

/// What stands in the files.
pub struct Contents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Contents {
    /// Tells whether it is what was read before, which need not be kept for that.
    pub fn digest(&self) -> [u8; 32] {
        let halves = [Sha256::digest(&self.certificate), Sha256::digest(&self.key)];
        Sha256::digest(halves.concat()).into()
    }
}

pub struct Pair {
    pub certified: Arc<CertifiedKey>,
    /// When the leaf ends, if that can be told.
    pub ends: Option<Timestamp>,
}

impl Pair {
    pub fn of(contents: &Contents, files: &Files, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let chain = chain(contents, files)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|error| match error {
            PemError::NoItemsFound => TlsError::NoKey { file: files.key_shown() },
            _ => TlsError::Malformed { file: files.key_shown() },
        })?;
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|_| TlsError::KeyKind { file: files.key_shown() })?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            // A kind of key that cannot tell its public half; ours all can.
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => {
                return Err(TlsError::Mismatch { certificate: files.certificate_shown(), key: files.key_shown() });
            }
            Err(_) => return Err(TlsError::Leaf { file: files.certificate_shown() }),
        }
        let ends = certified.cert.first().and_then(|leaf| end_of(leaf, provider));
        Ok(Self { certified: Arc::new(certified), ends })
    }
}

fn chain(contents: &Contents, files: &Files) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&contents.certificate).collect();
    let file = || files.certificate_shown();
    match chain {
        Ok(chain) if chain.is_empty() => Err(TlsError::NoCertificate { file: file() }),
        Ok(chain) => Ok(chain),
        Err(_) => Err(TlsError::Malformed { file: file() }),
    }
}

/// When a certificate ends. The library tells it of what has ended only, so it is asked in the last second of the year 9999.
pub fn end_of(certificate: &CertificateDer<'_>, provider: &CryptoProvider) -> Option<Timestamp> {
    let certificate = ParsedCertificate::try_from(certificate).ok()?;
    let at_last = UnixTime::since_unix_epoch(Duration::from_secs(253_402_300_799));
    let algorithms = provider.signature_verification_algorithms.all;
    let nobody = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(&certificate, &nobody, &[], at_last, algorithms) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(Timestamp::from_millis(0).plus(Duration::from_secs(not_after.as_secs())))
        }
        _ => None,
    }
}
