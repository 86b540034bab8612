//! Registration locks: what the hasher adds to bare Argon2id of the same parameters, and what a hundred checks at once take of
//! memory.
//!
//! The ceiling is one thread per permit that hashes without pause in memory of its own. The hasher's rate includes its queue,
//! the way to a blocking thread and back, and reading the stored hash.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use signet_config::RegistrationLock;
use signet_storage::chance::Chance;
use signet_storage::lock_hasher::{LockHasher, PresentedLock, StoredLock};

use super::server::resident_of;

pub const TARGET: f64 = 0.9;

pub async fn run(rounds: usize, window: Duration) {
    let settings = RegistrationLock::default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let before = resident_of("self");
    let hasher = LockHasher::new(&settings, Chance::system());
    let lock = PresentedLock::try_from("2580").expect("four digits");
    let stored = hasher.hash(hasher.reserve().expect("a seat"), &lock).await;
    let (checked, busy) = a_hundred_at_once(&hasher, &stored, &lock).await;
    let grown = resident_of("self") - before;

    let (mut bare, mut pooled) = (0.0, 0.0);
    for _ in 0..rounds {
        let threads = cores;
        bare += tokio::task::block_in_place(|| bare_rate(&settings, threads, window));
        pooled += hasher_rate(&hasher, &stored, &lock, 2 * threads, window).await;
    }
    let per_core = |sum: f64| sum / rounds as f64 / cores as f64;
    let ratio = pooled / bare;
    let met = |met: bool| if met { "met" } else { "MISSED" };
    println!("\nregistration locks, Argon2id m={} t={} p={}", settings.memory_kib, settings.iterations, settings.lanes);
    println!("  checks per second and core: {:.1} / {:.1} bare, ratio {ratio:.2}", per_core(pooled), per_core(bare));
    println!("     target ratio >= {TARGET}: {}", met(ratio >= TARGET));
    println!("  100 at once: {checked} checked, {busy} told to come back; memory grew by {grown:.1} MiB");
    let budget = settings.budget_mib as f64;
    println!("     target below the budget of {budget} MiB: {}", met(grown < budget));
}

async fn a_hundred_at_once(hasher: &LockHasher, stored: &StoredLock, lock: &PresentedLock) -> (usize, usize) {
    let seats: Vec<_> = (0..100).filter_map(|_| hasher.reserve().ok()).collect();
    let checks = seats.into_iter().map(|seat| hasher.verify(seat, stored, lock));
    let checked = futures::future::join_all(checks).await.into_iter().filter(Option::is_some).count();
    (checked, 100 - checked)
}

#[allow(clippy::disallowed_methods, reason = "a bench measures")]
pub fn bare_rate(settings: &RegistrationLock, threads: usize, window: Duration) -> f64 {
    let small = |n: u64| u32::try_from(n).expect("small");
    let params = Params::new(small(settings.memory_kib), small(settings.iterations), small(settings.lanes), None);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.expect("the defaults"));
    let (done, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut memory = vec![Block::new(); argon2.params().block_count()];
                let mut output = [0; 32];
                while !over.load(Ordering::Relaxed) {
                    let hashed = argon2.hash_password_into_with_memory(b"2580", &[7; 16], &mut output, &mut memory[..]);
                    hashed.expect("it hashes");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(window);
        over.store(true, Ordering::Relaxed);
    });
    done.into_inner() as f64 / started.elapsed().as_secs_f64()
}

#[allow(clippy::disallowed_methods, reason = "a bench measures")]
async fn hasher_rate(
    hasher: &LockHasher,
    stored: &StoredLock,
    lock: &PresentedLock,
    callers: usize,
    window: Duration,
) -> f64 {
    let started = Instant::now();
    let call = async || {
        let mut done = 0;
        while started.elapsed() < window {
            let matched = hasher.verify(hasher.reserve().expect("a seat"), stored, lock).await;
            assert!(matched.is_some());
            done += 1;
        }
        done
    };
    let done: u64 = futures::future::join_all((0..callers).map(|_| call())).await.into_iter().sum();
    done as f64 / started.elapsed().as_secs_f64()
}
