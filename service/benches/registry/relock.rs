//! Re-registrations that open a lock, over HTTP and down to the disk, beside bare Argon2id of the same parameters on as many
//! threads as there are cores: what everything else about such a registration costs.

use std::path::Path;
use std::time::Duration;

use signet_config::RegistrationLock;

use super::load::{self, Measured};
use super::lock::{TARGET, bare_rate};
use super::server::Server;

const PIN: &str = "2580";
/// Enough that some lock is always there to be computed while others are looked up or written to disk.
const CALLERS_PER_CORE: usize = 8;
const NUMBERS_PER_CALLER: usize = 8;
/// More than can be done in a window.
const ROUNDS_PER_NUMBER: usize = 200;

pub async fn run(directory: &Path, rounds: usize, window: Duration) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let callers = cores * CALLERS_PER_CORE;
    let server = Server::start(&directory.join("locked")).await;
    let sessions = load::prove_numbers(&server, callers * NUMBERS_PER_CALLER).await;
    let locked = load::register(&server, sessions.clone(), callers, Duration::from_secs(600), (Some(PIN), 201)).await;
    assert_eq!((locked.millis.len(), locked.failed), (sessions.len(), 0), "all are registered, with a lock");

    // Each caller has numbers of its own: two guesses at one lock at once are refused.
    let turns = |mine: &[(String, String)]| mine.iter().cycle().take(mine.len() * ROUNDS_PER_NUMBER).cloned().collect();
    let again: Vec<_> = sessions.chunks(NUMBERS_PER_CALLER).flat_map::<Vec<_>, _>(turns).collect();
    let (mut bare, mut whole) = (0.0, Measured::default());
    for _ in 0..rounds {
        bare += tokio::task::block_in_place(|| bare_rate(&RegistrationLock::default(), cores, window)) / rounds as f64;
        whole += load::register(&server, again.clone(), callers, window, (Some(PIN), 200)).await;
    }
    let (per_core, ratio) = (whole.per_second() / cores as f64, whole.per_second() / bare);
    println!("\nre-registrations that open a lock, {callers} callers, {} of them failed", whole.failed);
    println!("  per second and core: {per_core:.1} / {:.1} bare Argon2id, ratio {ratio:.2}", bare / cores as f64);
    println!("     target ratio >= {TARGET}: {}", if ratio >= TARGET { "met" } else { "MISSED" });
    println!("  p50 {:.1} ms, p99 {:.1} ms", whole.quantile(0.5), whole.quantile(0.99));
}
