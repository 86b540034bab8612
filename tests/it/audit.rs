//! The audit as an operator has it: a file that the registry writes, and a command that verifies it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use signet_config::AuditPath;
use signet_tests::process::{Serving, signet};
use signet_tests::{SignalClient, Table, TestRegistry};
use tempfile::tempdir;

const NUMBER: &str = "+12025550123";

/// Exit code, what it said, what it complained of.
fn verify(file: &Path) -> (i32, String, String) {
    let output = signet().args(["audit", "verify"]).arg(file).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn lines(file: &Path) -> Vec<Value> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leaves_an_unbroken_chain_without_secrets() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("audit.log");
    let t = TestRegistry::start_with(|config| config.audit.path = Some(AuditPath::File(file.clone())));
    let begun = t.client.begin_session(NUMBER).await.expect(200);
    let session = begun["id"].as_str().unwrap().to_owned();
    t.client.request_code(&session, "sms").await.expect(200);
    let code = t.code(NUMBER);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    t.client.submit_code(&session, wrong).await.expect(200);
    t.client.submit_code(&session, &code).await.expect(200);
    let me = SignalClient::generate();
    let account = t.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(201);
    let aci = account["uuid"].as_str().unwrap();
    t.client.whoami(aci, &me.password).await.expect(200);
    for _ in 0..3 {
        assert_eq!(t.client.whoami(aci, "wrong").await.status, 401);
    }
    drop(t);

    let found = lines(&file);
    let told = |line: &Value| (line["event"].as_str().unwrap().to_owned(), line["right"].as_bool());
    let found: Vec<_> = found.iter().map(told).filter(|(event, _)| event != "registered").collect();
    let event = |name: &str, right| (name.to_owned(), right);
    let wanted = [
        event("auditOpened", None),
        event("codeRequested", None),
        event("codeSubmitted", Some(false)),
        event("codeSubmitted", Some(true)),
        event("authenticationRefused", None),
    ];
    assert_eq!(found, wanted);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(r#""event":"authenticationRefused","count":3"#), "{text}");
    for secret in [&NUMBER[1..], &code, &me.password, &session, "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret} stands in the audit");
    }
    let (exit, said, complaint) = verify(&file);
    assert_eq!((exit, complaint.as_str()), (0, ""));
    let count = text.lines().count();
    assert!(said.starts_with(&format!("{count} lines, unbroken; the last has the hash ")), "{said}");

    let broken = |text: String| {
        fs::write(&file, text).unwrap();
        verify(&file)
    };
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    let mut table = Table::default();
    for (name, changed, line) in [
        ("a changed byte", text.replacen(":false", ":true", 1), "line 3 has been changed"),
        ("a removed line", [&all[..1], &all[2..]].concat().concat(), "line 2 does not follow"),
        ("swapped lines", [all[0], all[2], all[1], all[3]].concat(), "line 2 does not follow"),
        ("half a line", text[..text.len() - 9].to_owned(), &format!("line {count} is not finished")),
    ] {
        let (exit, said, complaint) = broken(changed);
        let named = complaint.contains(&format!("audit.log: {line}"));
        table.row(format!("{name}: {complaint}"), (exit, said.as_str(), named), (1, "", true));
    }
    table.close();
}

/// The audit of a registry on a laptop lies beside its data, and goes on after a kill in the middle of a line.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_after_a_kill() {
    let data = tempdir().unwrap();
    let file = data.path().join("audit.log");
    let serving = Serving::start(data.path(), &[]);
    let ask = async |serving: &Serving| {
        let begun = serving.client.begin_session(NUMBER).await.expect(200);
        serving.client.request_code(begun["id"].as_str().unwrap(), "sms").await.expect(200);
    };
    ask(&serving).await;
    // What the answer was given for is written moments later.
    for _ in 0..500 {
        if fs::read_to_string(&file).unwrap().contains("codeRequested") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    serving.kill();
    let before = fs::read_to_string(&file).unwrap();
    assert_eq!(before.lines().count(), 2, "{before}");
    fs::write(&file, format!("{before}{{\"seq\":3")).unwrap();
    assert_eq!(verify(&file).0, 1);

    let serving = Serving::start(data.path(), &[]);
    ask(&serving).await;
    assert_eq!(serving.terminate(), Some(0));
    let (exit, said, complaint) = verify(&file);
    assert_eq!((exit, complaint.as_str()), (0, ""));
    assert!(said.starts_with("4 lines, unbroken"), "{said}");
    assert_eq!(lines(&file)[2]["cutBytes"], 8);
}

#[test]
fn there_must_be_something_to_verify() {
    let folder = tempdir().unwrap();
    let (exit, said, complaint) = verify(&folder.path().join("none"));
    assert_eq!((exit, said.as_str()), (1, ""));
    assert!(complaint.contains("none: "), "{complaint}");
    let output = signet().args(["audit", "verify", "--set", "audit.path=off"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("audit.path is \"off\""));
}
