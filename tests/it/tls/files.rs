//! An operator's own certificate and key: every kind that is common, and what is said of those that cannot be served.

use std::fs;
use std::path::PathBuf;

use signet::tls::Tls;
use signet_config::Config;
use signet_storage::clock::Clock;

use super::authority::{Authority, P256};
use super::{configured, connect, echo, says_back};

/// Kind, the command that makes the key, and how its file begins.
const KINDS: [(&str, &str, &str); 8] = [
    ("p256-pkcs8", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-----BEGIN PRIVATE KEY-----"),
    ("p384-pkcs8", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-----BEGIN PRIVATE KEY-----"),
    ("ed25519", "genpkey -algorithm ed25519", "-----BEGIN PRIVATE KEY-----"),
    ("rsa-pkcs8", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-----BEGIN PRIVATE KEY-----"),
    ("p256-sec1", P256, "-----BEGIN EC PRIVATE KEY-----"),
    // As OpenSSL makes it when nobody forbids it: with a section before the key.
    ("p256-sec1-params", "ecparam -name prime256v1 -genkey", "-----BEGIN EC PARAMETERS-----"),
    ("p384-sec1", "ecparam -name secp384r1 -genkey -noout", "-----BEGIN EC PRIVATE KEY-----"),
    ("rsa-pkcs1", "genrsa -traditional", "-----BEGIN RSA PRIVATE KEY-----"),
];

#[tokio::test]
async fn every_common_kind_of_key_is_served() {
    let authority = Authority::new();
    for (name, command, begins) in KINDS {
        let pair = authority.issue(name, command, 30);
        let text = fs::read_to_string(&pair[1]).unwrap();
        assert!(text.starts_with(begins), "{name}: {}", text.lines().next().unwrap());
        let tls = configured(&pair).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(tls.development_root().is_none());
        let mut stream = connect(echo(&tls).await, &authority.root()).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        says_back(&mut stream, name.as_bytes()).await;
    }
}

/// The whole chain is shown, and the rest of a file that holds other things too is passed over.
#[tokio::test]
async fn a_chain_may_stand_in_one_file_with_its_key() {
    let authority = Authority::new();
    let [leaf, key] = authority.issue("leaf", P256, 30);
    let all = authority.path("all.pem");
    let texts = [&key, &leaf, &authority.root()].map(|path| fs::read_to_string(path).unwrap());
    fs::write(&all, format!("Bag Attributes: none\n{}", texts.concat())).unwrap();
    let tls = configured(&[&all, &all]).unwrap();
    let stream = connect(echo(&tls).await, &authority.root()).await.unwrap();
    assert_eq!(stream.get_ref().1.peer_certificates().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_served_is_named_with_its_key() {
    let authority = Authority::new();
    let [leaf, key] = authority.issue("leaf", P256, 30);
    let [other_leaf, other_key] = authority.issue("other", P256, 30);
    let p521 = authority.issue("p521", "ecparam -name secp521r1 -genkey -noout", 30);
    let rsa_1024 = authority.issue("rsa-1024", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024", 30);
    let sealed = authority.key("sealed", "genpkey -algorithm ed25519 -aes256 -pass pass:secret");
    let written = |name: &str, text: &str| {
        let path = authority.path(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (nothing, empty, missing) = (written("nothing", "nothing\n"), written("empty", ""), authority.path("missing"));
    let cut = written("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n");
    let cut_key = written("cut-key", "-----BEGIN PRIVATE KEY-----\nMIIB\n");
    let hollow = written("hollow", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    let root_first =
        written("root-first", &[authority.root(), leaf.clone()].map(|path| fs::read_to_string(path).unwrap()).concat());
    let folder = leaf.parent().unwrap().to_owned();
    let cases: [(&PathBuf, &PathBuf, bool, &str); 14] = [
        (&missing, &key, true, ": No such file or directory (os error 2)"),
        (&leaf, &missing, false, ": No such file or directory (os error 2)"),
        (&folder, &key, true, ": Is a directory (os error 21)"),
        (&empty, &key, true, ": holds no certificate in PEM"),
        (&nothing, &key, true, ": holds no certificate in PEM"),
        (&key, &key, true, ": holds no certificate in PEM"),
        (&cut, &key, true, ": not well-formed PEM"),
        (&hollow, &key, true, ": its first certificate cannot be read as X.509, version 3"),
        (&leaf, &leaf, false, ": holds no private key in PEM (PKCS#8, SEC1 or PKCS#1, without a passphrase)"),
        (&leaf, &sealed, false, ": holds no private key in PEM (PKCS#8, SEC1 or PKCS#1, without a passphrase)"),
        (&leaf, &cut_key, false, ": not well-formed PEM"),
        (&p521[0], &p521[1], false, ": not a key that can be used; P-256, P-384, Ed25519 and RSA from 2048 bits can"),
        (
            &rsa_1024[0],
            &rsa_1024[1],
            false,
            ": not a key that can be used; P-256, P-384, Ed25519 and RSA from 2048 bits can",
        ),
        (
            &other_leaf,
            &key,
            false,
            ": not the key of the first certificate in server.certificate (OTHER); the leaf comes first, then what signed it",
        ),
    ];
    for (certificate, key, of_certificate, why) in cases {
        let error = configured(&[certificate, key]).err().expect(why).to_string();
        let (name, path) =
            if of_certificate { ("server.certificate", certificate) } else { ("server.certificate_key", key) };
        let why = why.replace("OTHER", &other_leaf.display().to_string());
        assert_eq!(error, format!("{name} ({}){why}", path.display()));
    }
    let error = configured(&[&root_first, &key]).err().unwrap().to_string();
    assert!(error.contains("the leaf comes first"), "{error}");
    configured(&[&other_leaf, &other_key]).unwrap();
}

#[test]
fn with_a_certificate_configured_none_is_made() {
    let authority = Authority::new();
    let data = tempfile::tempdir().unwrap();
    let mut config = Config::for_testing();
    config.storage.path = data.path().to_owned();
    let [certificate, key] = authority.issue("leaf", P256, 30);
    (config.server.certificate, config.server.certificate_key) = (Some(certificate), Some(key));
    Tls::open(&config, &Clock::system()).unwrap();
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
}
