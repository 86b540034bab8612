//! What is agreed on before anything is said: protocol versions, the protocol inside, and which names are answered to.

use signet::tls::Tls;
use signet_config::Config;
use signet_storage::clock::Clock;
use signet_tests::Table;

use super::authority::try_openssl;
use super::echo;

/// What OpenSSL's client is told, and what it has to say for the row to hold; empty where the handshake has to fail.
const ROWS: [(&str, &[&str]); 11] = [
    ("-tls1_3 -alpn h2", &["TLSv1.3", "ALPN protocol: h2"]),
    ("-tls1_3 -alpn http/1.1", &["TLSv1.3", "ALPN protocol: http/1.1"]),
    ("-tls1_2 -alpn h2", &["TLSv1.2", "ALPN protocol: h2"]),
    ("-tls1_2 -alpn http/1.1", &["TLSv1.2", "ALPN protocol: http/1.1"]),
    // A client that takes both is given the better one.
    ("-alpn http/1.1,h2", &["ALPN protocol: h2"]),
    ("-tls1_3", &["No ALPN negotiated"]),
    ("-alpn spdy/3", &[]),
    ("-tls1_1 -cipher ALL:@SECLEVEL=0", &[]),
    // Nobody has to name a host, and a wrong name is the client's to judge.
    ("-noservername", &["Verify return code: 0 (ok)"]),
    ("-servername registry.example", &["Verify return code: 0 (ok)"]),
    ("-groups X25519:P-256:P-384", &["Verify return code: 0 (ok)"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_protocols_and_names() {
    let data = tempfile::tempdir().unwrap();
    let mut config = Config::for_testing();
    config.storage.path = data.path().to_owned();
    let tls = Tls::open(&config, &Clock::system()).unwrap();
    let root = tls.development_root().unwrap().pem.display().to_string();
    let port = echo(&tls).await;
    let mut table = Table::default();
    for (arguments, expected) in ROWS {
        let command = format!("s_client -connect 127.0.0.1:{port} -CAfile {root} -verify_return_error {arguments}");
        let (succeeded, said) = tokio::task::spawn_blocking(move || try_openssl(&command)).await.unwrap();
        let holds = succeeded != expected.is_empty() && expected.iter().all(|part| said.contains(part));
        table.row(format!("{arguments}: {succeeded}"), holds, true);
    }
    table.close();
}

/// A key that outlives its connection is one more to lose, and who comes back is to see the certificate in force.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_resumed() {
    let data = tempfile::tempdir().unwrap();
    let mut config = Config::for_testing();
    config.storage.path = data.path().to_owned();
    let tls = Tls::open(&config, &Clock::system()).unwrap();
    let port = echo(&tls).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let command = format!("s_client -connect 127.0.0.1:{port} {version} -reconnect");
        let (_, said) = tokio::task::spawn_blocking(move || try_openssl(&command)).await.unwrap();
        assert!(said.contains("\nNew, TLSv1") && !said.contains("\nReused, "), "{version}: {said}");
    }
}
