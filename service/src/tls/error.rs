//! What can be wrong with a certificate and its key, said so that the reader knows which file to look at. Never what is in it.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{file}: {source}")]
    Read { file: String, source: io::Error },
    #[error("{file}: not well-formed PEM")]
    Malformed { file: String },
    #[error("{file}: holds no certificate in PEM")]
    NoCertificate { file: String },
    #[error("{file}: holds no private key in PEM (PKCS#8, SEC1 or PKCS#1, without a passphrase)")]
    NoKey { file: String },
    #[error("{file}: not a key that can be used; P-256, P-384, Ed25519 and RSA from 2048 bits can")]
    KeyKind { file: String },
    #[error("{file}: its first certificate cannot be read as X.509, version 3")]
    Leaf { file: String },
    #[error("{key}: not the key of the first certificate in {certificate}; the leaf comes first, then what signed it")]
    Mismatch { certificate: String, key: String },
    #[error("the development certificate in {folder}: {reason}")]
    Development { folder: PathBuf, reason: String },
    #[error("TLS: {0}")]
    Library(rustls::Error),
}
