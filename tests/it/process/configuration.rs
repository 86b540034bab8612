//! `signet config check`, and how wrong settings are reported.

use signet_config::Config;
use signet_tests::process::signet;
use tempfile::tempdir;

use super::{run, say};

#[test]
fn the_effective_configuration_can_be_loaded_again() {
    let (code, said, complaint) = say(["config", "check"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert_eq!(Config::parse(&said).unwrap().effective(), said);
}

#[test]
fn all_layers_are_in_it_and_no_secrets() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("signet.toml");
    let key = "5ec12e75".repeat(8);
    std::fs::write(&file, format!("[verification]\ncode_key = \"{key}\"\n[log]\nfilter = \"debug\"\n")).unwrap();
    let (code, said, complaint) = run(signet()
        .args(["config", "check", "--config"])
        .arg(&file)
        .env("SIGNET__STORAGE__TARGET", "endpoint")
        .env("SIGNET__STORAGE__ENDPOINT", "http://127.0.0.1:4566")
        .env("SIGNET__STORAGE__SECRET_ACCESS_KEY", "hush-1")
        .env("SIGNET__LOG__FILTER", "trace")
        .args(["--set", "cache.kind=redis", "--set", "cache.url=redis://user:hush-2@127.0.0.1:6379"])
        .args(["--set", "log.filter=warn", "--http", "127.0.0.1:9"]));
    assert_eq!((code, complaint.as_str()), (0, ""));
    for part in [r#"filter = "warn""#, r#"endpoint = "http://127.0.0.1:4566""#, "127.0.0.1:9", r#"kind = "redis""#] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    for secret in ["5ec12e75", "hush-1", "hush-2"] {
        assert!(!said.contains(secret), "{secret} stands in\n{said}");
    }
}

/// Whatever the command and wherever the key stands: it is named, with its origin, and nothing is done.
#[test]
fn unknown_keys_are_named() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("signet.toml");
    std::fs::write(&file, "[limits.registration]\nsiez = 3\n").unwrap();
    for command in [&["config", "check"][..], &["serve"], &["tables"], &["demo"], &["outbox", "+12025550123"]] {
        let in_file = run(signet().args(command).arg("--config").arg(&file));
        let in_environment = run(signet().args(command).env("SIGNET__STORAGE__PTH", "x"));
        let in_flag = run(signet().args(command).args(["--set", "sever.http=127.0.0.1:0"]));
        for ((code, said, complaint), key, origin) in [
            (in_file, "limits.registration.siez", file.to_str().unwrap()),
            (in_environment, "storage.pth", "environment variable SIGNET__STORAGE__PTH"),
            (in_flag, "sever.http", "command line"),
        ] {
            assert_eq!((code, said.as_str()), (1, ""), "{command:?}");
            assert!(complaint.starts_with(&format!("signet: {key}: unknown key")), "{complaint}");
            assert!(complaint.ends_with(&format!("({origin})\n")), "{complaint}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (code, said, complaint) = say(["config", "check", "--config", "no-such-file.toml"]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(complaint.starts_with("signet: cannot read the configuration file no-such-file.toml: "), "{complaint}");
}
