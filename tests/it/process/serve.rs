//! `signet serve`: starting, stopping, and what is there afterwards.

use std::net::TcpListener;
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use signet_tests::process::{Serving, audit, prove, signet};
use signet_tests::{Client, SignalClient};
use tempfile::tempdir;

use super::run;

const NUMBER: &str = "+12025550123";

#[test]
fn it_introduces_itself() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &[]);
    let lines = &serving.introduction;
    let [what, clients, sockets, trust, management, directory, cache, hint, next] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(what.starts_with("Signet ") && what.contains("account registry"), "{what}");
    assert_eq!(clients.trim(), format!("clients     {}", serving.client.base));
    assert_eq!(sockets.trim(), format!("sockets     https://{}  (requests and gRPC, too)", serving.tls.unwrap()));
    let root = data.path().join("tls/root");
    let [pem, der] = ["pem", "der"].map(|kind| root.with_extension(kind).display().to_string());
    assert_eq!(trust.trim(), format!("trust       {pem}  (its root; as DER: {der})"));
    let management_url = &serving.client.management;
    assert_eq!(
        management.trim(),
        format!("management  {management_url}  (/livez /readyz /metrics /outbox/{{number}})")
    );
    assert_eq!(directory.trim(), format!("data        {} (embedded engine)", data.path().display()));
    assert_eq!(cache.trim(), "cache       in this process");
    assert_eq!(hint, "Try, in another terminal:");
    assert!(next.ends_with(&format!(" demo --url {} --management-url {management_url}", serving.client.base)));
}

/// The line it ends with can be pasted: that is what it is for.
#[test]
fn the_next_step_it_names_works() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &[]);
    let next = serving.introduction.last().unwrap().trim().to_owned();
    let (code, said, complaint) = run(std::process::Command::new("sh").args(["-c", &next]));
    assert_eq!(code, 0, "{said}{complaint}");
}

#[tokio::test]
async fn data_survive_a_restart() {
    let data = tempdir().unwrap();
    let me = SignalClient::generate();
    let serving = Serving::start(data.path(), &[]);
    let session = verified_session(&serving.client, NUMBER).await;
    let answer = serving.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(201);
    let unfinished = serving.client.begin_session("+12025550199").await.expect(200);
    assert_eq!(serving.terminate(), Some(0));

    let serving = Serving::start(data.path(), &[]);
    let who = serving.client.whoami(text(&answer, "uuid"), &me.password).await.expect(200);
    assert_eq!((&who["number"], &who["pni"]), (&answer["number"], &answer["pni"]));
    // Sessions are kept as well: a client in the middle of one goes on.
    serving.client.session(text(&unfinished, "id")).await.expect(200);
    let again = serving.client.register(NUMBER, &me.password, &me.registration(&session)).await.expect(200);
    assert_eq!(again["uuid"], answer["uuid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_before_sigterm_is_answered() {
    let data = tempdir().unwrap();
    let numbers: Vec<_> = (0..200).map(|n| format!("+1202555{n:04}")).collect();
    let sessions = prove(data.path(), &numbers).await;
    let serving = Serving::start(data.path(), &[]);
    let me = SignalClient::generate();

    // Everybody has a connection of their own, which the registry has taken.
    let clients: Vec<_> = numbers.iter().map(|_| separate(&serving.client)).collect();
    let connected = join_all(clients.iter().map(|client| client.session(&sessions[0]))).await;
    assert!(connected.iter().all(|answer| answer.status == 200));

    let requests = clients.into_iter().zip(numbers).zip(sessions).map(|((client, number), session)| {
        let (password, body) = (me.password.clone(), me.registration(&session));
        tokio::spawn(async move { client.register(&number, &password, &body).await })
    });
    let requests: Vec<_> = requests.collect();
    let answered = || requests.iter().filter(|request| request.is_finished()).count();
    while answered() < 10 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    serving.signal("TERM");
    let in_flight = requests.len() - answered();
    assert!(in_flight > 50, "only {in_flight} were under way: this shows nothing");

    let base = serving.client.base.clone();
    let stopped = tokio::task::spawn_blocking(move || serving.wait());
    for answer in join_all(requests).await {
        answer.unwrap().expect(201);
    }
    assert_eq!(stopped.await.unwrap(), Some(0));
    assert!(reqwest::get(format!("{base}/v1/accounts/whoami")).await.is_err(), "nobody listens any more");
    assert_eq!(audit(data.path()).await.expect_clean().accounts.len(), 200);
}

#[test]
fn a_directory_belongs_to_one_process() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &[]);
    let ports = ["--http", "127.0.0.1:0", "--management", "127.0.0.1:0", "--set", "server.tls=off"];
    for command in [&["serve"][..], &["tables", "--create"]] {
        let (code, said, complaint) = run(signet().args(ports).arg("--data").arg(data.path()).args(command));
        assert_eq!((code, said.as_str()), (1, ""), "{command:?}");
        let expected = format!("signet: data directory {} is in use by another process\n", data.path().display());
        assert_eq!(complaint, expected, "{command:?}");
    }
    serving.kill();
    // Killed, it lets go of it.
    Serving::start(data.path(), &[]);
}

#[test]
fn a_taken_port_is_named() {
    let data = tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for ports in
        [["--http", &address, "--management", "127.0.0.1:0"], ["--management", &address, "--http", "127.0.0.1:0"]]
    {
        let (code, said, complaint) =
            run(signet().args(ports).args(["--set", "server.tls=off", "--data"]).arg(data.path()));
        assert_eq!((code, said.as_str()), (1, ""));
        assert!(complaint.starts_with(&format!("signet: cannot listen on {address}: ")), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn a_directory_that_cannot_be_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let data = file.path().join("data");
    let ports = ["--http", "127.0.0.1:0", "--management", "127.0.0.1:0", "--set", "server.tls=off"];
    let (code, said, complaint) = run(signet().args(ports).arg("--data").arg(&data));
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(complaint.starts_with(&format!("signet: data directory {}: ", data.display())), "{complaint}");
}

/// A client with connections of its own.
fn separate(client: &Client) -> Client {
    let address = |url: &str| url.trim_start_matches("http://").parse().unwrap();
    Client::new(address(&client.base), address(&client.management))
}

pub(super) fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap()
}

/// A verified session, with its code from the outbox. Returns its id.
pub(super) async fn verified_session(client: &Client, number: &str) -> String {
    let begun = client.begin_session(number).await.expect(200);
    let id = text(&begun, "id").to_owned();
    client.request_code(&id, "sms").await.expect(200);
    let letter = client.manage(&format!("/outbox/{number}")).await.expect(200);
    let done = client.submit_code(&id, text(&letter, "code")).await.expect(200);
    assert_eq!(done["verified"], true);
    id
}
