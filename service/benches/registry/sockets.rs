//! Sockets: the same requests through them as over REST, what an idle one costs in memory, and how soon one closes whose device
//! is unlinked.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::load::{self, Connection, Measured, Request};
use super::people::{ACCESS_KEY, KEYS, People};
use super::server::Server;
use super::wire::{Way, Wire};

const CONCURRENCY: usize = 16;
const TARGET: f64 = 0.8;
const ACCOUNTS: usize = 256;
/// Idle connections from one process, each of another account.
const IDLE: usize = 10_000;
const TARGET_KB: f64 = 20.0;
const UNLINKS: usize = 20;

pub async fn run(directory: &Path, rounds: usize, window: Duration) {
    {
        let server = Server::start(&directory.join("sockets")).await;
        let people = Arc::new(People::register(&server, ACCOUNTS).await);
        bundles(&server, &people, rounds, window).await;
        registrations(&server, rounds, window).await;
        unlinks(&server, &people).await;
    }
    idle(directory, if rounds == 1 { IDLE / 10 } else { IDLE }).await;
}

/// Each way's rate, and its ratio to REST of the same kind.
fn report(what: &str, ways: &[(&'static str, Way); 4], measured: &[Measured; 4]) {
    println!("\n{what} per second at {CONCURRENCY}, each way in turns");
    for ((name, _), measured) in ways.iter().zip(measured) {
        let (rate, p50, p99) = (measured.per_second(), measured.quantile(0.5), measured.quantile(0.99));
        println!("  {name:<16} {rate:>7.0}   p50 {p50:.2} ms, p99 {p99:.2} ms; {} failed", measured.failed);
    }
    let [rest, tls_rest, socket, tls_socket] = measured.each_ref().map(Measured::per_second);
    for (name, ratio) in [("socket / REST", socket / rest), ("socket / REST, both over TLS", tls_socket / tls_rest)] {
        println!("     {name}: {ratio:.2}, target >= {TARGET}: {}", if ratio >= TARGET { "met" } else { "MISSED" });
    }
    println!("     socket over TLS / plain REST: {:.2}", tls_socket / rest);
}

async fn bundles(server: &Server, people: &Arc<People>, rounds: usize, window: Duration) {
    let ways = Way::all(server);
    let mut measured = [(); 4].map(|()| Measured::default());
    for round in 0..rounds * ways.len() {
        let way = round % ways.len();
        refill(server, people, round).await;
        let people = people.clone();
        let request = move |n: usize| {
            let path = format!("/v2/keys/{}/*", people.acis[n % ACCOUNTS]);
            let request =
                Request { method: "GET", path, header: ACCESS_KEY.to_owned(), body: "".into(), expected: 200 };
            (n < ACCOUNTS * KEYS).then_some(request)
        };
        measured[way] += load::run_by(&ways[way].1, CONCURRENCY, window, request).await;
    }
    report("bundles", &ways, &measured);
}

/// Each account has all its keys again.
async fn refill(server: &Server, people: &Arc<People>, round: usize) {
    let (body, accounts) = (Arc::<str>::from(people.upload(round)), people.clone());
    let request = move |n: usize| {
        let (header, body) = (accounts.authorization(n), body.clone());
        (n < ACCOUNTS).then_some(Request { method: "PUT", path: "/v2/keys".to_owned(), header, body, expected: 204 })
    };
    load::run(server, CONCURRENCY, Duration::from_secs(600), request).await;
}

async fn registrations(server: &Server, rounds: usize, window: Duration) {
    let ways = Way::all(server);
    let mut measured = [(); 4].map(|()| Measured::default());
    let body = Arc::new(load::body(None));
    for round in 0..rounds * ways.len() {
        // More than any window uses up.
        let sessions = Arc::new(load::prove_numbers(server, (1_500.0 * window.as_secs_f64()) as usize).await);
        let body = body.clone();
        let request = move |n: usize| {
            let (number, session) = sessions.get(n)?;
            let body = body.replace("SESSION", session).into();
            let (method, path) = ("POST", "/v1/registration".to_owned());
            Some(Request { method, path, header: load::credentials(number), body, expected: 201 })
        };
        let way = round % ways.len();
        measured[way] += load::run_by(&ways[way].1, CONCURRENCY, window, request).await;
    }
    report("registrations", &ways, &measured);
}

/// From the moment at which the primary asks for it to that at which the removed device's socket says why it closes.
#[allow(clippy::disallowed_methods, reason = "a bench measures")]
async fn unlinks(server: &Server, people: &People) {
    let [_, _, _, (_, tls)] = Way::all(server);
    let mut http = Connection::open(server.http).await;
    let (mut after_asking, mut after_answer) = (Vec::new(), Vec::new());
    for n in 0..UNLINKS {
        let primary = people.authorization(n);
        let (_, told) = http.send("GET", "/v1/devices/provisioning/code", &primary, "").await;
        let told: Value = serde_json::from_str(&told).expect("a token");
        let (header, body) = people.linking(told["verificationCode"].as_str().expect("a token"));
        let (status, linked) = http.send("PUT", "/v1/devices/link", &header, &body).await;
        assert_eq!(status, 200, "{linked}");
        let device = serde_json::from_str::<Value>(&linked).expect("an answer")["deviceId"].as_u64().expect("an id");
        let Wire::Socket(mut socket) = tls.open(&people.authorization_of_device(n, device)).await else {
            unreachable!("it is a socket")
        };
        tokio::time::sleep(Duration::from_millis(20)).await;
        let asked = Instant::now();
        let closed = tokio::spawn(async move { (socket.closed().await, Instant::now()) });
        let (status, _) = http.send("DELETE", &format!("/v1/devices/{device}"), &primary, "").await;
        let answered = Instant::now();
        let (code, closed) = closed.await.expect("it closes");
        assert_eq!((status, code), (204, 4401));
        after_asking.push((closed - asked).as_secs_f64() * 1000.0);
        after_answer.push(closed.saturating_duration_since(answered).as_secs_f64() * 1000.0);
    }
    let slowest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    println!("\nfrom unlink to closed socket, {UNLINKS} times over TLS");
    println!(
        "  after the primary asked:      median {:.2} ms, slowest {:.2} ms",
        load::median(after_asking.clone()),
        slowest(&after_asking)
    );
    println!(
        "  after the primary was told:   median {:.2} ms, slowest {:.2} ms",
        load::median(after_answer.clone()),
        slowest(&after_answer)
    );
}

/// What the server's memory grows by while so many devices are connected and say nothing.
async fn idle(directory: &Path, count: usize) {
    println!("\nmemory per idle authenticated connection, {count} of them from one process");
    for name in ["socket", "socket over TLS"] {
        let server = Server::start(&directory.join(name.replace(' ', "-"))).await;
        let people = People::register(&server, count).await;
        let ways = Way::all(&server);
        let (_, way) = ways.iter().find(|(other, _)| *other == name).expect("it is one of them");
        // What is made once is made.
        drop(open(way, &people, 16).await);
        tokio::time::sleep(Duration::from_secs(3)).await;
        let before = server.resident();
        let open = open(way, &people, people.acis.len()).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let each = (server.resident() - before) * 1024.0 / open.len() as f64;
        let target = if each <= TARGET_KB { "met" } else { "MISSED" };
        println!("  {name:<16} {each:>5.1} KB each ({} open); target <= {TARGET_KB} KB: {target}", open.len());
    }
}

async fn open(way: &Way, people: &People, count: usize) -> Vec<Wire> {
    let mut open = Vec::with_capacity(count);
    for n in 0..count {
        open.push(way.open(&people.authorization(n)).await);
    }
    open
}
