//! The certificate of a laptop: made once, trusted by what clients use, renewed in time under the same root.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use signet::tls::{Tls, TlsError};
use signet_config::Config;
use signet_storage::clock::{Clock, ManualClock};

use super::authority::{Authority, P256, openssl, try_openssl};
use super::{connect, echo, says_back, shown};

const DAY: Duration = Duration::from_secs(86_400);

fn open(data: &Path, clock: &Clock) -> Result<Tls, TlsError> {
    let mut config = Config::for_testing();
    config.storage.path = data.to_owned();
    Tls::open(&config, clock)
}

/// The folder's files, by name.
fn files(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(data.join("tls")).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[tokio::test]
async fn it_is_made_once_and_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("not/there/yet");
    let tls = open(&data, &Clock::system()).unwrap();
    let made = files(&data);
    let names: Vec<_> = made.keys().map(String::as_str).collect();
    assert_eq!(names, ["leaf.key", "leaf.pem", "root.der", "root.key", "root.pem"]);
    for (name, mode) in [("root.key", 0o600), ("leaf.key", 0o600)] {
        let permissions = fs::metadata(data.join("tls").join(name)).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{name}");
    }
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "nothing is left aside");

    let root = tls.development_root().unwrap();
    let as_der = openssl(&format!("x509 -in {} -inform DER", root.der.display()));
    assert_eq!(as_der.as_bytes(), made["root.pem"], "both are the same");
    let mut stream = connect(echo(&tls).await, &root.pem).await.unwrap();
    says_back(&mut stream, b"hello").await;

    open(&data, &Clock::system()).unwrap();
    assert_eq!(files(&data), made, "the second start finds it");
}

/// Everything that a stricter client than ours might look at, as OpenSSL reads it.
#[test]
fn it_says_what_it_is_for() {
    let data = tempfile::tempdir().unwrap();
    open(data.path(), &Clock::system()).unwrap();
    let [root, leaf] = ["root.pem", "leaf.pem"].map(|name| data.path().join("tls").join(name));
    for host in ["-verify_hostname localhost", "-verify_ip 127.0.0.1", "-verify_ip ::1"] {
        let checks = "-x509_strict -purpose sslserver";
        openssl(&format!("verify {checks} {host} -CAfile {} {}", root.display(), leaf.display()));
    }
    let text = openssl(&format!("x509 -noout -text -in {}", root.display()));
    for part in
        ["CA:TRUE, pathlen:0", "Name Constraints: critical", "DNS:localhost", "Certificate Sign\n", "prime256v1"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = openssl(&format!("x509 -noout -text -in {}", leaf.display()));
    for part in ["DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1", "TLS Web Server Authentication"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for (path, lives, not) in [(&root, 3_649, 3_651), (&leaf, 364, 366)] {
        for (days, will_be_over) in [(lives, false), (not, true)] {
            let seconds = days * 86_400;
            let (alive, _) = try_openssl(&format!("x509 -noout -checkend {seconds} -in {}", path.display()));
            assert_eq!(!alive, will_be_over, "{}: in {days} days", path.display());
        }
    }
}

/// Whoever gets hold of the root's key can play this laptop, and no other host.
#[test]
fn its_root_vouches_for_no_other_name() {
    let data = tempfile::tempdir().unwrap();
    open(data.path(), &Clock::system()).unwrap();
    let authority = Authority::new();
    let [root, root_key] = ["root.pem", "root.key"].map(|name| data.path().join("tls").join(name));
    fs::copy(&root, authority.root()).unwrap();
    fs::copy(root_key, authority.path("root.key")).unwrap();
    for (name, trusted) in [("localhost", true), ("registry.example", false)] {
        let [leaf, _] = authority.issue_for(name, P256, 30, name);
        let (verified, said) = try_openssl(&format!("verify -CAfile {} {}", root.display(), leaf.display()));
        assert_eq!(verified, trusted, "{name}: {said}");
        assert_eq!(!trusted, said.contains("permitted subtree violation"), "{said}");
    }
}

#[tokio::test]
async fn it_is_renewed_a_month_before_its_end() {
    let data = tempfile::tempdir().unwrap();
    let time = ManualClock::starting_at(Clock::system().now());
    open(data.path(), &time.clock()).unwrap();
    let made = files(data.path());

    time.advance(334 * DAY);
    open(data.path(), &time.clock()).unwrap();
    assert_eq!(files(data.path()), made, "31 days are left");

    time.advance(2 * DAY);
    let tls = open(data.path(), &time.clock()).unwrap();
    let mut renewed = files(data.path());
    assert_ne!(renewed["leaf.pem"], made["leaf.pem"]);
    let [old, new] = [&made, &renewed].map(|files| serial(&files["leaf.pem"]));
    assert_ne!(old, new, "an issuer uses no serial number twice");
    renewed.insert("leaf.pem".to_owned(), made["leaf.pem"].clone());
    assert_eq!(renewed, made, "nothing else has changed");
    let [root, leaf] = ["root.pem", "leaf.pem"].map(|name| data.path().join("tls").join(name));
    let then = time.clock().now().seconds();
    openssl(&format!("verify -x509_strict -attime {then} -CAfile {} {}", root.display(), leaf.display()));

    // A look at a time at which clients of today believe in both.
    drop(tls);
    fs::remove_file(&leaf).unwrap();
    let tls = open(data.path(), &Clock::system()).unwrap();
    let port = echo(&tls).await;
    assert_ne!(shown(port, &root).await, made["leaf.pem"]);
}

fn serial(pem: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), pem).unwrap();
    openssl(&format!("x509 -noout -serial -in {}", file.path().display()))
}

#[test]
fn many_starts_at_once_agree() {
    for round in 0..10 {
        let data = tempfile::tempdir().unwrap();
        let time = ManualClock::starting_at(Clock::system().now());
        let together = || {
            std::thread::scope(|scope| {
                let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| open(data.path(), &time.clock()))).collect();
                starts.into_iter().for_each(|start| drop(start.join().unwrap().unwrap()));
            });
            let left: Vec<_> = fs::read_dir(data.path()).unwrap().collect();
            assert_eq!((left.len(), files(data.path()).len()), (1, 5), "round {round}");
        };
        // All make it; then all renew it.
        together();
        let made = files(data.path());
        time.advance(340 * DAY);
        together();
        let renewed = files(data.path());
        assert_ne!(renewed["leaf.pem"], made["leaf.pem"]);
        assert_eq!(renewed["root.pem"], made["root.pem"]);
    }
}

#[test]
fn damage_is_told_and_not_papered_over() {
    let data = tempfile::tempdir().unwrap();
    open(data.path(), &Clock::system()).unwrap();
    let folder = data.path().join("tls");
    let whole = files(data.path());
    let other_key = fs::read_to_string(Authority::new().key("other", P256)).unwrap();
    let again = "remove the folder, and all of it is made anew, with another root";
    for (name, damage, says) in [
        ("root.der", None, again),
        ("root.key", None, again),
        ("leaf.key", Some("nothing"), "leaf.key: holds no private key in PEM"),
        ("leaf.key", Some(other_key.as_str()), "leaf.key: not the key of the first certificate in"),
    ] {
        match &damage {
            None => fs::remove_file(folder.join(name)).unwrap(),
            Some(text) => fs::write(folder.join(name), text).unwrap(),
        }
        let error = open(data.path(), &Clock::system()).err().unwrap().to_string();
        assert!(error.contains(name) && error.contains(says), "{error}");
        fs::write(folder.join(name), &whole[name]).unwrap();
    }
    open(data.path(), &Clock::system()).unwrap();
    // An empty folder is none.
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    open(data.path(), &Clock::system()).unwrap();
    assert_eq!(files(data.path()).len(), 5);
}
