//! A certificate that is replaced while connections come in: whole or not at all, and who is connected notices nothing.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use signet::tls::{Look, Told};

use super::authority::{Authority, P256, replace};
use super::{configured, connect, echo, leaf, says_back, shown};

/// Two pairs of one authority, and the files in force, which hold the first.
struct Case {
    authority: Authority,
    old: [PathBuf; 2],
    new: [PathBuf; 2],
    files: [PathBuf; 2],
}

impl Case {
    fn new() -> Self {
        let authority = Authority::new();
        let (old, new) = (authority.issue("old", P256, 30), authority.issue("new", P256, 30));
        let files = ["in-force.pem", "in-force.key"].map(|name| authority.path(name));
        let case = Self { authority, old, new, files };
        case.put(&case.old, [0, 1]);
        case
    }

    fn put<const N: usize>(&self, pair: &[PathBuf; 2], halves: [usize; N]) {
        for half in halves {
            replace(&self.files[half], &pair[half]);
        }
    }
}

#[tokio::test]
async fn a_new_pair_is_shown_to_new_connections_and_old_ones_go_on() {
    let case = Case::new();
    let tls = configured(&case.files).unwrap();
    let (port, root) = (echo(&tls).await, case.authority.root());
    let mut before = connect(port, &root).await.unwrap();
    let first = leaf(&before);
    assert!(matches!(tls.look(Told::WhenSettled), Look::Same));

    case.put(&case.new, [0, 1]);
    assert!(matches!(tls.look(Told::WhenSettled), Look::Replaced));
    assert!(matches!(tls.look(Told::WhenSettled), Look::Same));
    let second = shown(port, &root).await;
    assert_ne!(second, first);
    says_back(&mut before, b"still here").await;

    // And back, to what was in force once.
    case.put(&case.old, [0, 1]);
    assert!(matches!(tls.look(Told::AtOnce), Look::Replaced));
    assert_eq!(shown(port, &root).await, first);
}

/// Either half first; in between, the pair before is shown, and nobody is told of a change that is under way.
#[tokio::test]
async fn half_a_change_is_not_told_until_it_has_stayed() {
    for first in [0, 1] {
        let case = Case::new();
        let tls = configured(&case.files).unwrap();
        let (port, root) = (echo(&tls).await, case.authority.root());
        let shown_before = shown(port, &root).await;
        case.put(&case.new, [first]);
        assert!(matches!(tls.look(Told::WhenSettled), Look::Unsettled));
        assert_eq!(shown(port, &root).await, shown_before);
        case.put(&case.new, [1 - first]);
        assert!(matches!(tls.look(Told::WhenSettled), Look::Replaced));

        case.put(&case.old, [first]);
        assert!(matches!(tls.look(Told::WhenSettled), Look::Unsettled));
        let Look::Refused(error) = tls.look(Told::WhenSettled) else { panic!("it has stayed so") };
        assert!(error.to_string().contains("not the key of the first certificate"), "{error}");
        assert!(matches!(tls.look(Told::WhenSettled), Look::Same), "told once");
        // An operator who asks is told again.
        assert!(matches!(tls.look(Told::AtOnce), Look::Refused(_)));
        assert!(matches!(tls.look(Told::WhenSettled), Look::Same));
        case.put(&case.new, [first]);
        assert!(matches!(tls.look(Told::WhenSettled), Look::Same), "what is in force is there again");
    }
}

#[tokio::test]
async fn what_is_not_a_pair_leaves_the_one_before() {
    let case = Case::new();
    let tls = configured(&case.files).unwrap();
    let (port, root) = (echo(&tls).await, case.authority.root());
    let first = shown(port, &root).await;
    let [certificate, key] = &case.files;
    let damages: [(&str, &dyn Fn()); 4] = [
        ("holds no certificate", &|| fs::write(certificate, "").unwrap()),
        ("No such file", &|| fs::remove_file(certificate).unwrap()),
        ("not well-formed", &|| fs::write(key, "-----BEGIN PRIVATE KEY-----\n").unwrap()),
        ("No such file", &|| fs::remove_file(key).unwrap()),
    ];
    for (says, damage) in damages {
        damage();
        assert!(matches!(tls.look(Told::WhenSettled), Look::Unsettled), "{says}");
        let Look::Refused(error) = tls.look(Told::WhenSettled) else { panic!("{says}") };
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(shown(port, &root).await, first);
        case.put(&case.old, [0, 1]);
        assert!(matches!(tls.look(Told::WhenSettled), Look::Same));
    }
}

/// Written again without a change, or touched: nothing has happened.
#[test]
fn the_same_pair_again_is_no_change() {
    let case = Case::new();
    let tls = configured(&case.files).unwrap();
    case.put(&case.old, [0, 1]);
    assert!(matches!(tls.look(Told::WhenSettled), Look::Same));
    assert!(matches!(tls.look(Told::AtOnce), Look::Same));
}

/// As Kubernetes mounts a secret: the files are links into a folder that is a link, and that one is moved.
#[test]
fn links_that_lead_elsewhere_are_a_change() {
    let case = Case::new();
    let link = |name: &str, to: &str| std::os::unix::fs::symlink(case.authority.path(to), case.authority.path(name));
    for (folder, pair) in [("one", &case.old), ("two", &case.new)] {
        fs::create_dir(case.authority.path(folder)).unwrap();
        for (name, file) in ["tls.crt", "tls.key"].iter().zip(pair) {
            fs::copy(file, case.authority.path(folder).join(name)).unwrap();
        }
    }
    link("data", "one").unwrap();
    let files = ["tls.crt", "tls.key"].map(|name| case.authority.path("data").join(name));
    let tls = configured(&files).unwrap();
    link("data-new", "two").unwrap();
    fs::rename(case.authority.path("data-new"), case.authority.path("data")).unwrap();
    assert!(matches!(tls.look(Told::WhenSettled), Look::Replaced));
}

/// By itself, within the time that lies between two looks.
#[tokio::test(start_paused = true)]
async fn it_is_kept_current() {
    let case = Case::new();
    let tls = std::sync::Arc::new(configured(&case.files).unwrap());
    let (port, root) = (echo(&tls).await, case.authority.root());
    let first = shown(port, &root).await;
    let kept = tls.clone();
    let keeping = tokio::spawn(async move { kept.keep_current().await });
    case.put(&case.new, [0, 1]);
    let mut looked = 0;
    while shown(port, &root).await == first {
        looked += 1;
        assert!(looked < 10, "nobody looks");
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    keeping.abort();
}
