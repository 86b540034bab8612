//! `signet sweep` and `signet audit`, as an operator runs them on a data directory.

use std::path::Path;
use std::time::Duration;

use signet_storage::Storage;
use signet_storage::dynamo::items::{key, number, text_of};
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Item, Value};
use signet_tests::engine::until_free;
use signet_tests::process::{open, signet};
use signet_tests::{Registrant, Store, audit};
use tempfile::tempdir;

use super::{DAY, NUMBER};

/// Its exit code, and what it said and complained of.
fn run(data: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = signet();
    let run = command.args(words).arg("--data").arg(data).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
}

async fn with_store<T>(data: &Path, work: impl AsyncFnOnce(&Storage) -> T) -> T {
    let storage = open(data).await.unwrap();
    let done = work(&storage).await;
    drop(storage);
    until_free(data).await;
    done
}

/// Two accounts, of which one was seen this long ago.
async fn settle(data: &Path, ago: Duration) -> String {
    with_store(data, async |storage| {
        let (clock, faults) =
            (signet_storage::clock::ManualClock::starting_at(storage.clock.now()), Default::default());
        let store = Store { storage: storage.clone(), clock, faults };
        let account = Registrant::generate().register(&store, NUMBER).await.unwrap();
        Registrant::generate().register(&store, "+12025550124").await.unwrap();
        let at = key("aci", account.aci.to_string());
        let mut row = storage.dynamo.get(Table::Accounts, at).await.unwrap().unwrap();
        let then = storage.clock.now().minus(ago).millis();
        let Some(Value::L(devices)) = row.get_mut("devices") else { panic!("an account has devices") };
        for device in devices {
            let Value::M(device) = device else { panic!("a device is a map") };
            device.insert("lastSeen".to_owned(), number(then));
        }
        storage.dynamo.put_all(Table::Accounts, vec![row]).await.unwrap();
        account.aci.to_string()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_tells_first_and_takes_then() {
    let data = tempdir().unwrap();
    let aci = settle(data.path(), DAY * 122).await;
    let (code, said, complaint) = run(data.path(), &["sweep", "--list", "--rate", "0"]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    for part in [
        &format!("accounts: account {aci} would be taken away"),
        "  accounts            1 would be taken away",
        "nothing was taken away; --apply does",
        "MiB of memory",
    ] {
        assert!(said.contains(part), "{part:?} is missing in:\n{said}");
    }
    assert!(!said.contains("+1202"), "{said}");

    let cursor = data.path().join("cursor");
    let words = ["sweep", "--apply", "--rate", "0", "--only", "accounts", "--cursor", cursor.to_str().unwrap()];
    let (code, said, complaint) = run(data.path(), &words);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    assert!(said.contains("  accounts            1 taken away") && !said.contains(&aci), "{said}");
    assert!(!cursor.exists(), "it came to its end");
    let events = std::fs::read_to_string(data.path().join("audit.log")).unwrap();
    assert!(events.contains("idleAccountRemoved") && events.contains(&aci), "{events}");
    let (code, said, _) = run(data.path(), &["sweep", "--apply", "--rate", "0"]);
    assert_eq!(code, 0);
    assert!(said.contains("nothing is to be taken away"), "{said}");
    with_store(data.path(), async |storage| {
        assert_eq!(signet_tests::Audit::of(storage).await.expect_clean().accounts.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_was_stopped_goes_on() {
    let data = tempdir().unwrap();
    settle(data.path(), Duration::ZERO).await;
    let cursor = data.path().join("cursor");
    // The last table that has tokens: nothing before it is walked again.
    std::fs::write(&cursor, r#"{"table":"sessions","from":null}"#).unwrap();
    let words = ["sweep", "--rate", "0", "--cursor", cursor.to_str().unwrap()];
    let (code, said, complaint) = run(data.path(), &words);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    assert!(said.contains("0 rows in") && !said.contains("accounts"), "{said}");
    std::fs::write(&cursor, "x").unwrap();
    let (code, _, complaint) = run(data.path(), &words);
    assert_eq!(code, 1);
    assert!(complaint.contains("is no file of a sweep"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_ends_with_1_while_something_does_not_fit() {
    let data = tempdir().unwrap();
    let aci = settle(data.path(), Duration::ZERO).await;
    let (code, said, complaint) = run(data.path(), &["audit"]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    for part in ["accounts", "phoneNumberIndex", "0 violations; 0 rows are rubbish", "MiB of memory"] {
        assert!(said.contains(part), "{part:?} is missing in:\n{said}");
    }
    // One that can be mended, and one that cannot.
    let stray = with_store(data.path(), async |storage| {
        let claims = audit::rows(&storage.dynamo, Table::Claims).await;
        let of = |row: &Item, kind: &str| text_of(row, "claim").is_some_and(|claim| claim.starts_with(kind));
        let pni = claims.iter().find(|row| of(row, "pni#") && text_of(row, "aci") == Some(aci.as_str())).unwrap();
        storage.dynamo.remove(Table::Claims, key("claim", text_of(pni, "claim").unwrap())).await.unwrap();
        let stray = key("claim", "badge#1");
        storage.dynamo.put_all(Table::Claims, vec![stray.clone()]).await.unwrap();
        stray
    })
    .await;
    let (code, said, complaint) = run(data.path(), &["audit"]);
    assert_eq!((code, complaint.as_str()), (1, "signet: 2 violations\n"), "{said}");
    let (code, said, complaint) = run(data.path(), &["audit", "--repair"]);
    assert_eq!((code, complaint.as_str()), (1, "signet: 1 violations\n"), "{said}");
    assert!(
        said.contains(&format!("VIOLATION account {aci} has a PNI that no claim is there for\n  mended: ")),
        "{said}"
    );
    assert!(said.contains("looking again"), "{said}");
    assert!(!said.contains("+1202"), "{said}");
    with_store(data.path(), async |storage| storage.dynamo.remove(Table::Claims, stray).await.unwrap()).await;
    let (code, said, _) = run(data.path(), &["audit", "--repair"]);
    assert_eq!(code, 0, "{said}");
}
