//! A certificate for a laptop: a root of its own and a leaf for `localhost`, made at the first start and kept in the data directory
//! (contract real-client §1: clients take exactly one root, and a leaf with the DNS name `localhost`).
//!
//! Not for production, which names its own. The root's key has to stay, since the leaf is renewed yearly under the root that testers
//! have come to trust. It is therefore bound to the name `localhost` (addresses are not bound: client libraries refuse such a root).
//! The folder appears whole or not at all, and a renewal replaces one file, so any number of starts may do either at once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, PublicKeyData as _,
};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use signet_storage::clock::Timestamp;
use zeroize::Zeroizing;

use super::TlsError;
use super::pair::{Files, end_of};

const DAY: Duration = Duration::from_secs(86_400);
const ROOT_LIVES: Duration = DAY.saturating_mul(3_650);
const LEAF_LIVES: Duration = DAY.saturating_mul(365);
const RENEWED_WITH: Duration = DAY.saturating_mul(30);
/// Clients' clocks may be slow.
const BACKDATED: Duration = DAY;

const ROOT_PEM: &str = "root.pem";
const ROOT_DER: &str = "root.der";
const ROOT_KEY: &str = "root.key";
const LEAF_PEM: &str = "leaf.pem";
const LEAF_KEY: &str = "leaf.key";

/// The root's certificate, twice.
#[derive(Clone, Debug)]
pub struct Root {
    pub pem: PathBuf,
    pub der: PathBuf,
}

/// The pair in this data directory, made or renewed where need be.
pub fn open(directory: &Path, now: Timestamp) -> Result<(Files, Root), TlsError> {
    let folder = directory.join("tls");
    prepare(directory, &folder, now)
        .map_err(|problem| TlsError::Development { folder: folder.clone(), reason: problem.0 })?;
    let root = Root { pem: folder.join(ROOT_PEM), der: folder.join(ROOT_DER) };
    Ok((Files::made(folder.join(LEAF_PEM), folder.join(LEAF_KEY)), root))
}

/// What went wrong, for the operator.
struct Problem(String);

impl Problem {
    fn damaged(path: &Path, what: &str) -> Self {
        Self(format!("{}: {what}; remove the folder, and all of it is made anew, with another root", path.display()))
    }
}

impl From<rcgen::Error> for Problem {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> Problem {
    move |error| Problem(format!("{}: {error}", path.display()))
}

fn prepare(directory: &Path, folder: &Path, now: Timestamp) -> Result<(), Problem> {
    // An empty folder is none: renaming puts ours in its place.
    let empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if !folder.exists() || empty() {
        fs::create_dir_all(directory).map_err(at(directory))?;
        make(directory, folder, now)?;
    }
    for name in [ROOT_PEM, ROOT_DER, ROOT_KEY, LEAF_KEY] {
        let path = folder.join(name);
        fs::metadata(&path).map_err(|error| Problem::damaged(&path, &error.to_string()))?;
    }
    renew_if_due(folder, now)
}

/// Written aside and then renamed into place: of two processes the first one's stays.
fn make(directory: &Path, folder: &Path, now: Timestamp) -> Result<(), Problem> {
    let (root, leaf) = (KeyPair::generate()?, KeyPair::generate()?);
    let certificate = root_params(&root, now).self_signed(&root)?;
    let aside = directory.join(format!(".tls-{}", fingerprint(&root)));
    fs::create_dir(&aside).map_err(at(&aside))?;
    let all = [
        (ROOT_KEY, Zeroizing::new(root.serialize_pem().into_bytes())),
        (LEAF_KEY, Zeroizing::new(leaf.serialize_pem().into_bytes())),
        (ROOT_PEM, Zeroizing::new(certificate.pem().into_bytes())),
        (ROOT_DER, Zeroizing::new(certificate.der().to_vec())),
        (LEAF_PEM, Zeroizing::new(leaf_signed(&root, &leaf, now)?.into_bytes())),
    ];
    for (name, content) in all {
        write(&aside.join(name), &content).map_err(at(&aside.join(name)))?;
    }
    sync(&aside).map_err(at(&aside))?;
    match fs::rename(&aside, folder) {
        Ok(()) => {
            tracing::info!(folder = %folder.display(), "a development root and a certificate for localhost were made");
            sync(directory).map_err(at(directory))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
            fs::remove_dir_all(&aside).map_err(at(&aside))
        }
        Err(error) => Err(at(folder)(error)),
    }
}

/// The leaf's key stays, so that one file is replaced, and no process sees half a pair.
fn renew_if_due(folder: &Path, now: Timestamp) -> Result<(), Problem> {
    let path = folder.join(LEAF_PEM);
    let leaf = fs::read(&path).ok().and_then(|pem| CertificateDer::from_pem_slice(&pem).ok());
    let ends = leaf.and_then(|leaf| end_of(&leaf, &ring::default_provider()));
    if ends.is_some_and(|ends| ends.remaining(now) >= RENEWED_WITH) {
        return Ok(());
    }
    let (root, leaf) = (key(&folder.join(ROOT_KEY))?, key(&folder.join(LEAF_KEY))?);
    let renewed = leaf_signed(&root, &leaf, now)?;
    let aside = folder.join(format!(".{}.pem", short(renewed.as_bytes())));
    write(&aside, renewed.as_bytes()).map_err(at(&aside))?;
    fs::rename(&aside, &path).map_err(at(&path))?;
    tracing::info!(certificate = %path.display(), "the development certificate was renewed");
    sync(folder).map_err(at(folder))
}

fn key(path: &Path) -> Result<KeyPair, Problem> {
    let pem = Zeroizing::new(fs::read_to_string(path).map_err(at(path))?);
    KeyPair::from_pem(&pem).map_err(|_| Problem::damaged(path, "not a key that we made"))
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let secret = path.extension().is_some_and(|extension| extension == "key");
    let mode = if secret { 0o600 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Names a root by its key, so that several laptops' roots can be told apart in one list.
fn fingerprint(root: &KeyPair) -> String {
    short(&root.subject_public_key_info())
}

fn short(content: &[u8]) -> String {
    hex::encode(&Sha256::digest(content)[..4])
}

/// The same for the same key, but for the dates: leaves that are signed later bear the same issuer's name.
fn root_params(key: &KeyPair, now: Timestamp) -> CertificateParams {
    let mut params = params(now, ROOT_LIVES);
    params.distinguished_name.push(DnType::CommonName, format!("Signet development root {}", fingerprint(key)));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let localhost = vec![GeneralSubtree::DnsName("localhost".to_owned())];
    params.name_constraints = Some(NameConstraints { permitted_subtrees: localhost, excluded_subtrees: Vec::new() });
    params
}

fn leaf_signed(root: &KeyPair, leaf: &KeyPair, now: Timestamp) -> Result<String, Problem> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = params(now, LEAF_LIVES);
    params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params.signed_by(leaf, &Issuer::new(root_params(root, now), root))?.pem())
}

/// The milliseconds make a serial number that the same issuer does not use twice.
fn params(now: Timestamp, lives: Duration) -> CertificateParams {
    let date = |time: Timestamp| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(time.seconds().unsigned_abs());
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    (params.not_before, params.not_after) = (date(now.minus(BACKDATED)), date(now.plus(lives)));
    params.serial_number = Some(now.millis().unsigned_abs().into());
    params
}
