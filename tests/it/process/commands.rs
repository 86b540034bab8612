//! The commands beside `serve`.

use serde_json::Value;
use signet_config::Config;
use signet_tests::http_engine::HttpEngine;
use signet_tests::process::{Serving, signet};
use tempfile::tempdir;

use super::{run, say};

const NUMBER: &str = "+12025550123";

#[test]
fn demo_plays_a_registration_against_a_registry_of_its_own() {
    let (code, said, complaint) = say(["demo"]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    expect_phases(&said);
    assert!(said.starts_with("No --url given"), "{said}");
}

#[test]
fn demo_plays_it_against_a_running_one() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &[]);
    let (url, management) = (&serving.client.base, &serving.client.management);
    let demo = ["demo", "--url", url, "--management-url", management, "--number", NUMBER];
    for (status, reregistration) in [(201, false), (200, true)] {
        let (code, said, complaint) = say(demo);
        assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
        expect_phases(&said);
        assert!(said.contains(&format!("as the client sees it: {status}")), "{said}");
        let body: Value = serde_json::from_str(&said[said.find("\n{").unwrap()..]).unwrap();
        assert_eq!((&body["number"], &body["reregistration"]), (&NUMBER.into(), &reregistration.into()));
    }
}

#[track_caller]
fn expect_phases(said: &str) {
    let mut rest = said;
    let registered = ["session", "submit it", "phase 1", "phase 2", "phase 3", "phase 4", "whoami", "200"];
    let linked =
        ["PUT  /v2/keys", "EC key 1, KEM key 1", "99 EC keys, 99 KEM keys", "devices/link", "2 devices", "uuid"];
    for part in registered.into_iter().chain(linked) {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing, or out of order, in:\n{said}"));
        rest = &rest[at..];
    }
}

#[test]
fn demo_says_who_does_not_answer() {
    let (code, _, complaint) = say(["demo", "--url", "http://127.0.0.1:1"]);
    assert_eq!(code, 1);
    assert!(complaint.starts_with("signet: http://127.0.0.1:1 cannot be reached: "), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn outbox_prints_the_code_and_nothing_else() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &[]);
    let management = serving.client.management.trim_start_matches("http://").to_owned();
    let outbox = |number: &str| say(["outbox", number, "--management", &management]);

    let none = (1, String::new(), "signet: no code has been sent to that number\n".to_owned());
    assert_eq!(outbox(NUMBER), none);
    let begun = serving.client.begin_session(NUMBER).await.expect(200);
    let id = begun["id"].as_str().unwrap();
    assert_eq!(outbox(NUMBER), none, "a session alone sends nothing");
    serving.client.request_code(id, "sms").await.expect(200);

    let (code, said, complaint) = outbox(NUMBER);
    assert_eq!((code, complaint.as_str()), (0, ""));
    let digits = said.strip_suffix('\n').unwrap();
    assert!(digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()), "{said:?}");
    assert_eq!(serving.client.submit_code(id, digits).await.expect(200)["verified"], true);
    assert_eq!(outbox("+12025550199"), none);

    drop(serving);
    let (code, said, complaint) = outbox(NUMBER);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(complaint.contains(&management) && complaint.contains("cannot be reached"), "{complaint}");
}

#[test]
fn tables_prints_what_can_be_created() {
    let (code, said, complaint) = say(["tables", "--set", "storage.table_prefix=mine-"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    let tables: Vec<Value> = serde_json::from_str(&said).unwrap();
    let names: Vec<_> = tables.iter().map(|table| table["TableName"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "mine-accounts",
            "mine-claims",
            "mine-keys",
            "mine-prekeys",
            "mine-linktokens",
            "mine-recovery",
            "mine-sessions"
        ]
    );
    for table in tables {
        let defined = |name: &Value| {
            let mut definitions = table["AttributeDefinitions"].as_array().unwrap().iter();
            definitions.any(|definition| definition["AttributeName"] == *name)
        };
        assert!(table["KeySchema"].as_array().unwrap().iter().all(|part| defined(&part["AttributeName"])), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_processes_may_create_the_tables_at_once() {
    let engine = HttpEngine::start().await;
    let endpoint = format!("storage.endpoint={}", engine.url());
    let create = || {
        let mut command = signet();
        command.args(["tables", "--create", "--set", "storage.target=endpoint", "--set", &endpoint]);
        tokio::task::spawn_blocking(move || run(&mut command))
    };
    let created = futures::future::join_all((0..16).map(|_| create())).await;
    for result in created {
        assert_eq!(result.unwrap(), (0, String::new(), String::new()));
    }
    // They are there, and as they have to be.
    let mut config = Config::for_testing();
    config.storage.target = signet_config::StorageTarget::Endpoint;
    config.storage.endpoint = Some(engine.url());
    let storage = signet_storage::Storage::open(&config, signet_storage::World::real()).await.unwrap();
    let found = storage.dynamo.client().list_tables().send().await.unwrap();
    assert_eq!(
        found.table_names(),
        ["accounts", "claims", "keys", "linktokens", "prekeys", "recovery", "sessions"]
            .map(|name| format!("signet-{name}"))
    );
}

#[test]
fn what_is_no_command_is_refused() {
    for (words, code) in
        [(&["srve"][..], 2), (&["--no-such-flag"], 2), (&["outbox"], 2), (&["--help"], 0), (&["--version"], 0)]
    {
        let (ended, said, complaint) = run(signet().args(words));
        assert_eq!(ended, code, "{words:?}: {said}{complaint}");
    }
}
