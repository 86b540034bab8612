//! How fast registrations are, beside what the machine can do at all.
//!
//! Two things are measured in turns, in one run, since machines are noisy: `POST /v1/registration` over HTTP to a real
//! `signet serve` on the embedded engine, and the bare transaction of the same rows through the same SDK client in this
//! process. Their ratio is what this bench is for. Before that, the same for registration locks (`lock.rs`) and for whole
//! re-registrations that open one (`relock.rs`); after it for pre-keys (`bundles.rs`), for `whoami` (`whoami.rs`), for sockets
//! beside REST (`sockets.rs`) and, if asked for by name, for whether answers about known and unknown ones take as long
//! (`enumeration.rs`), how the store behaves as accounts become many (`growth.rs`), and how long the audit and the sweep take
//! then (`housekeeping.rs`).
//!
//! `cargo bench` measures all but the last two; `cargo bench -- bundles growth` what is named; `--quick` measures shorter. A number is
//! how many accounts `housekeeping` has.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod bare;
mod bundles;
mod enumeration;
mod growth;
mod housekeeping;
mod load;
mod lock;
mod people;
mod relock;
mod server;
mod sockets;
mod whoami;
mod wire;

use std::path::Path;
use std::time::Duration;

use load::Measured;
use server::Server;

const CONCURRENCY: [usize; 3] = [1, 16, 64];

const SECTIONS: [&str; 9] =
    ["lock", "relock", "registrations", "bundles", "whoami", "sockets", "enumeration", "growth", "housekeeping"];
/// Only if they are asked for by name: they take minutes and gigabytes.
const BY_NAME: [&str; 3] = ["enumeration", "growth", "housekeeping"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, body] = &arguments[..]
        && flag == whoami::FLAG
    {
        return whoami::serve(body.clone());
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let (rounds, window) = if quick { (1, Duration::from_secs(2)) } else { (3, Duration::from_secs(4)) };
    let named: Vec<&str> =
        SECTIONS.into_iter().filter(|section| arguments.iter().any(|name| name == section)).collect();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-registry");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    for section in
        SECTIONS.into_iter().filter(|section| named.contains(section) || named.is_empty() && !BY_NAME.contains(section))
    {
        let _ = std::fs::remove_dir_all(&directory);
        runtime.block_on(async {
            match section {
                "lock" => lock::run(rounds, window).await,
                "relock" => relock::run(&directory, rounds, window).await,
                "bundles" => bundles::run(&directory, rounds, window).await,
                "whoami" => whoami::run(&directory, rounds, window).await,
                "sockets" => sockets::run(&directory, rounds, window).await,
                "enumeration" => enumeration::run(&directory, if quick { 500 } else { 10_000 }).await,
                "growth" => growth::run(&directory, if quick { 10_000 } else { 1_000_000 }).await,
                "housekeeping" => {
                    let accounts = arguments.iter().find_map(|argument| argument.parse().ok());
                    let accounts = accounts.unwrap_or(if quick { 10_000 } else { 1_000_000 });
                    housekeeping::run(&directory, accounts).await;
                }
                _ => run(&directory, rounds, window).await,
            }
        });
    }
    let _ = std::fs::remove_dir_all(&directory);
}

async fn run(directory: &Path, rounds: usize, window: Duration) {
    start_up(directory).await;
    let server = Server::start(&directory.join("served")).await;
    let idle = server.resident();
    let bare = bare::Ceiling::open(&directory.join("bare")).await;
    println!(
        "\nregistrations per second: HTTP / bare transaction of the same rows (durable, {rounds} x {window:?} each)"
    );
    println!(
        "{:>4} {:>9} {:>9} {:>7}   {:>17}   {:>17}   {:>12}",
        "c", "HTTP/s", "bare/s", "ratio", "HTTP p50/p99 ms", "bare p50/p99 ms", "CPU srv/load"
    );
    for concurrency in CONCURRENCY {
        let (mut http, mut ceiling) = (Measured::default(), Measured::default());
        for _ in 0..rounds {
            ceiling += bare.measure(concurrency, window).await;
            // As many as can be used at the very most: idle sessions would only make the served database larger.
            let enough = ceiling.per_second() * window.as_secs_f64();
            let sessions = load::prove_numbers(&server, enough as usize).await;
            http += load::register(&server, sessions, concurrency, window, (None, 201)).await;
        }
        report(concurrency, &http, &ceiling);
    }
    println!("\nmemory of the server: {:.1} MB idle, {:.1} MB after the load", idle, server.resident());
    println!(
        "\nWhat limits it: the embedded engine's one writer (0.3 to 0.4 ms of CPU a transaction, serial), its log being folded back\n\
         now and then, and 0.8 ms of other work (signatures, the SDK, reads, HTTP) on cores that all share.\n\
         See service/docs/performance.md."
    );
}

fn report(concurrency: usize, http: &Measured, bare: &Measured) {
    let ratio = http.per_second() / bare.per_second();
    let [h50, h99, b50, b99] = [http.quantile(0.5), http.quantile(0.99), bare.quantile(0.5), bare.quantile(0.99)];
    println!(
        "{concurrency:>4} {:>9.0} {:>9.0} {ratio:>7.2}   {:>17}   {:>17}   {:>12}",
        http.per_second(),
        bare.per_second(),
        format!("{h50:.1} / {h99:.1}"),
        format!("{b50:.1} / {b99:.1}"),
        format!("{:.2} / {:.2}", http.server_cpu, http.load_cpu),
    );
    if http.failed > 0 {
        println!("     {} registrations FAILED", http.failed);
    }
    if concurrency >= 16 {
        let met = |met: bool| if met { "met" } else { "MISSED" };
        print!("     target ratio >= 0.6: {}", met(ratio >= 0.6));
        println!(
            "{}",
            if concurrency == 16 {
                format!(", p99 < 3 x bare ({:.1}x): {}", h99 / b99, met(h99 < 3.0 * b99))
            } else {
                String::new()
            }
        );
    }
}

/// From the start of the process to the first 200 of the readiness probe, on an empty directory and on a used one.
async fn start_up(directory: &Path) {
    let mut taken = [vec![], vec![]];
    let mut idle = vec![];
    for round in 0..5 {
        let data = directory.join(format!("start-{round}"));
        for taken in &mut taken {
            let server = Server::start(&data).await;
            taken.push(server.ready_after.as_secs_f64() * 1000.0);
            tokio::time::sleep(Duration::from_millis(500)).await;
            idle.push(server.resident());
        }
    }
    let [empty, used] = taken.map(load::median);
    println!("start to ready: {empty:.0} ms on an empty directory, {used:.0} ms on a used one (target 300)");
    println!("resident half a second later: {:.1} MB (target 40)", load::median(idle));
}
