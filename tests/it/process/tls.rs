//! The real binary behind its certificate: what clients and operators see of it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use signet_tests::client::basic;
use signet_tests::process::{Serving, signet};
use signet_tests::socket::{CHAT, Socket};
use signet_tests::{SignalClient, Table};
use tempfile::{TempDir, tempdir};

use super::run;
use super::serve::{text, verified_session};
use crate::tls::authority::{Authority, P256, replace, try_openssl};
use crate::tls::{connect, leaf, shown};

/// An operator's registry: its files, and where it logs.
struct Operated {
    authority: Authority,
    files: [PathBuf; 2],
    log: PathBuf,
    serving: Serving,
    _data: TempDir,
}

impl Operated {
    /// With a leaf that lives so many days.
    fn start(days: u32) -> Self {
        let (authority, data) = (Authority::new(), tempdir().unwrap());
        let files = authority.issue("in-force", P256, days);
        let [certificate, key] = files.each_ref().map(|path| path.display());
        let settings = [format!("server.certificate={certificate}"), format!("server.certificate_key={key}")];
        let log = data.path().join("log");
        let [certificate, key] = &settings;
        let serving = Serving::start_logging_to(
            File::create(&log).unwrap(),
            &data.path().join("data"),
            &["--set", certificate, "--set", key],
        );
        Self { authority, files, log, serving, _data: data }
    }

    fn port(&self) -> u16 {
        self.serving.tls.unwrap().port()
    }

    fn logged(&self, what: &str) -> usize {
        fs::read_to_string(&self.log).unwrap().matches(what).count()
    }
}

/// With the certificate that was made, and the root that was named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_laptops_registry_is_reached_with_the_root_it_names() {
    let data = tempdir().unwrap();
    let serving = Serving::start(data.path(), &[]);
    let port = serving.tls.unwrap().port();
    let trust = serving.introduction.iter().find_map(|line| line.trim().strip_prefix("trust")).unwrap().to_owned();
    let root = trust.split_whitespace().next().unwrap();
    let mut table = Table::default();
    for (version, alpn) in [("-tls1_2", "h2"), ("-tls1_2", "http/1.1"), ("-tls1_3", "h2"), ("-tls1_3", "http/1.1")] {
        let checks = "-verify_return_error -verify_hostname localhost -servername localhost";
        let command = format!("s_client -connect 127.0.0.1:{port} -CAfile {root} {checks} {version} -alpn {alpn}");
        let (succeeded, said) = tokio::task::spawn_blocking(move || try_openssl(&command)).await.unwrap();
        let holds = succeeded && said.contains(&format!("ALPN protocol: {alpn}"));
        table.row(format!("{version} {alpn}"), holds, true);
    }
    table.close();

    let pem = fs::read(root).unwrap();
    let client = || {
        let client =
            reqwest::Client::builder().no_proxy().tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()]);
        client.resolve("localhost", serving.tls.unwrap())
    };
    let url = format!("https://localhost:{port}/v1/accounts/whoami");
    let old = client().http1_only().build().unwrap().get(&url).send().await.unwrap();
    assert_eq!((old.status().as_u16(), old.version()), (401, reqwest::Version::HTTP_11));
    assert!(reqwest::get(&url).await.is_err(), "nobody trusts it without being told to");
}

/// A socket that is open before goes on; whoever comes after sees the new certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_certificate_drops_no_socket() {
    let operated = Operated::start(30);
    let (serving, port, root) = (&operated.serving, operated.port(), operated.authority.root());
    assert!(!serving.introduction.iter().any(|line| line.contains("trust")), "the root is the operator's affair");

    let (me, number) = (SignalClient::generate(), "+12025550123");
    let session = verified_session(&serving.client, number).await;
    let account = serving.client.register(number, &me.password, &me.registration(&session)).await.expect(201);
    let authorization = basic(text(&account, "uuid"), &me.password);
    let stream = connect(port, &root).await.unwrap();
    let first = leaf(&stream);
    let opened = Socket::over(Box::new(stream), CHAT, &[("authorization", &authorization)]).await;
    let mut socket = opened.unwrap_or_else(|refused| panic!("{}", refused.status));
    let whoami = "/v1/accounts/whoami";
    socket.send("GET", whoami, &[], "").await.expect(200);

    // Half of it, and an operator who says so: refused, told, and nothing has changed.
    let new = operated.authority.issue("new", P256, 30);
    replace(&operated.files[0], &new[0]);
    let reloaded = serving.client.manage_by("POST", "/reload").await.expect(200);
    assert!(text(&reloaded, "certificateRefused").contains("not the key of the first certificate"), "{reloaded}");
    assert_eq!(shown(port, &root).await, first);
    assert_eq!(operated.logged("the certificate is refused, the one before stays in force"), 1);

    // The other half: SIGHUP takes it up, or else the next look.
    replace(&operated.files[1], &new[1]);
    serving.signal("HUP");
    let mut rounds = 0;
    while shown(port, &root).await == first {
        rounds += 1;
        assert!(rounds < 100, "nobody looks");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    socket.send("GET", whoami, &[], "").await.expect(200);

    // And a whole one, of which nobody says anything.
    let second = shown(port, &root).await;
    for (file, newer) in operated.files.iter().zip(operated.authority.issue("newer", P256, 30)) {
        replace(file, &newer);
    }
    let mut rounds = 0;
    while shown(port, &root).await == second {
        rounds += 1;
        assert!(rounds < 100, "nobody looks");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    socket.send("GET", whoami, &[], "").await.expect(200);
    assert_eq!((operated.logged("the certificate was replaced"), operated.logged("runs out")), (2, 0));
    assert_eq!(operated.logged("the certificate is refused"), 1);
}

#[tokio::test]
async fn an_end_that_is_near_is_told() {
    for (days, says) in [(13, "runs out soon days=12"), (15, "")] {
        let operated = Operated::start(days);
        shown(operated.port(), &operated.authority.root()).await;
        let told = usize::from(!says.is_empty());
        assert_eq!((operated.logged("runs out"), operated.logged(says).min(1)), (told, 1), "{days}");
    }
}

/// The keys of a production configuration, as the README has them, with a certificate.
#[tokio::test]
async fn a_production_configuration_serves_it() {
    let (authority, data) = (Authority::new(), tempdir().unwrap());
    let [certificate, key] = authority.issue("leaf", P256, 30);
    let secret = "5ec12e75".repeat(8);
    let config = format!(
        "profile = \"production\"\nserver.tls = \"127.0.0.1:0\"\nserver.certificate = \"{}\"\nserver.certificate_key = \"{}\"\n\
         svr.auth_key = \"{secret}\"\nsvr.user_key = \"{secret}\"\ndevices.link_secret = \"{secret}\"\naudit.path = \"off\"\n\
         [verification]\nsender = \"webhook\"\nchallenge = \"stub\"\ncode_key = \"{secret}\"\n\
         [sms]\ncountries = [\"US\"]\ndaily_cap = 10\n\
         [webhook]\nurl = \"https://127.0.0.1:1/\"\nsecret = \"{secret}\"\n",
        certificate.display(),
        key.display(),
    );
    let file = data.path().join("signet.toml");
    fs::write(&file, config).unwrap();
    let serving = Serving::start(&data.path().join("data"), &["--config", file.to_str().unwrap()]);
    let port = serving.tls.unwrap().port();
    let stream = connect(port, &authority.root()).await.unwrap();
    let opened = Socket::over(Box::new(stream), CHAT, &[]).await;
    assert!(opened.is_ok());
    assert!(!data.path().join("data/tls").exists());
    assert_eq!(serving.terminate(), Some(0));
}

#[test]
fn a_start_with_a_wrong_pair_fails_and_says_why() {
    let (authority, data) = (Authority::new(), tempdir().unwrap());
    let [certificate, _] = authority.issue("leaf", P256, 30);
    let [_, key] = authority.issue("other", P256, 30);
    let settings = [
        format!("server.certificate={}", certificate.display()),
        format!("server.certificate_key={}", key.display()),
        "server.tls=127.0.0.1:0".to_owned(),
        "server.http=127.0.0.1:0".to_owned(),
        "server.management=127.0.0.1:0".to_owned(),
    ];
    let mut command = signet();
    command.arg("--data").arg(data.path()).stdin(Stdio::null());
    for setting in &settings {
        command.args(["--set", setting]);
    }
    let (code, said, complaint) = run(&mut command);
    assert_eq!((code, said.as_str()), (1, ""));
    let expected = format!("signet: server.certificate_key ({}): not the key of the first", key.display());
    assert!(complaint.lines().last().unwrap().starts_with(&expected), "{complaint}");
}
