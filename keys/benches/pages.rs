//! How many KEM keys a page of one-time keys should hold: a hundred keys in rows of their own, and in pages of several sizes, on
//! the embedded engine on disk. The page of a hundred EC keys, which an upload has besides, is written and cleared with them. Sizes take turns within one run, since machines are noisy; what counts are the ratios. What the
//! same costs on DynamoDB is arithmetic. `cargo bench -p signet-keys`; `service/docs/prekeys.md` has what came of it.

#![allow(clippy::print_stdout, reason = "a bench prints")]

use std::path::Path;
use std::time::{Duration, Instant};

use signet_config::Config;
use signet_storage::dynamo::items::{binary, text};
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Dynamo, Item};
use signet_storage::{Storage, World};

const KEYS: usize = 100;
/// Id, public key, signature.
const KEY: usize = 4 + 1569 + 64;
/// A hundred EC keys, which lie on one page.
const EC_PAGE: usize = 100 * (4 + 33);
const PER_PAGE: [usize; 7] = [1, 2, 4, 5, 10, 25, 100];
const ROUNDS: usize = 40;
/// A write unit's price, in read units.
const WRITE: usize = 5;

/// What one size cost.
#[derive(Default)]
struct Cost {
    upload: Vec<Duration>,
    clear: Vec<Duration>,
    read: Vec<Duration>,
    written: u64,
}

#[tokio::main]
async fn main() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-pages");
    let _ = std::fs::remove_dir_all(&directory);
    let mut config = Config::for_testing();
    config.storage.path = directory.clone();
    let storage = Storage::open(&config, World::real()).await.expect("the engine opens");
    let mut costs = PER_PAGE.map(|_| Cost::default());
    for round in 0..=ROUNDS {
        for (cost, per_page) in costs.iter_mut().zip(PER_PAGE) {
            if round == 1 {
                // The first round only warms up.
                *cost = Cost::default();
            }
            measure(&storage.dynamo, per_page, round, cost).await;
        }
    }
    report(&costs);
    drop(storage);
    let _ = std::fs::remove_dir_all(&directory);
}

async fn measure(dynamo: &Dynamo, per_page: usize, round: usize, cost: &mut Cost) {
    let key = |page: usize| key(&format!("{per_page}-{round}"), page);
    let pages = KEYS.div_ceil(per_page);
    let row = |page: usize| {
        let keys = if page == pages { EC_PAGE } else { KEY * per_page };
        let mut row = key(page);
        row.insert("keys".to_owned(), binary(&vec![page as u8; keys]));
        row
    };
    let (rows, before) = ((0..=pages).map(row).collect(), written());
    cost.upload.push(timed(dynamo.put_all(Table::Prekeys, rows)).await);
    for n in (0..KEYS).step_by(7) {
        let page =
            async { dynamo.get(Table::Prekeys, key(n / per_page)).await.map(|page| drop(page.expect("it is there"))) };
        cost.read.push(timed(page).await);
    }
    cost.clear.push(timed(dynamo.remove_all(Table::Prekeys, (0..=pages).map(key).collect())).await);
    cost.written += written() - before;
}

/// As the registry names its pages.
fn key(set: &str, page: usize) -> Item {
    let page = format!("001#{}#kem-{set:0>32}#{page:02}", "5a".repeat(8));
    [("identity", "0f0e0d0c-0b0a-4908-8706-050403020100"), ("page", &page)]
        .map(|(name, value)| (name.to_owned(), text(value)))
        .into()
}

#[allow(clippy::disallowed_methods, reason = "a bench measures")]
async fn timed<E: std::fmt::Debug>(work: impl Future<Output = Result<(), E>>) -> Duration {
    let started = Instant::now();
    work.await.expect("the store answers");
    started.elapsed()
}

/// Bytes that this process has written, to its log and its database; 0 where the kernel does not say.
fn written() -> u64 {
    let said = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    said.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).unwrap_or_default()
}

fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn report(costs: &[Cost]) {
    println!(
        "\n100 KEM keys on the embedded engine, medians of {ROUNDS} rounds; in brackets as a share of one row per key."
    );
    println!("In all: an upload, a hundred reads, and the clearing away.");
    println!(
        "{:>8} {:>5} {:>13} {:>13} {:>13} {:>13} {:>13}",
        "per page", "rows", "upload µs", "clear µs", "read one µs", "in all µs", "written KB"
    );
    let upload = |cost: &Cost| median(&cost.upload);
    let clear = |cost: &Cost| median(&cost.clear);
    let read = |cost: &Cost| median(&cost.read);
    let in_all = |cost: &Cost| upload(cost) + clear(cost) + KEYS as f64 * read(cost);
    let written = |cost: &Cost| cost.written as f64 / ROUNDS as f64 / 1000.0;
    for (cost, per_page) in costs.iter().zip(PER_PAGE) {
        let columns: [&dyn Fn(&Cost) -> f64; 5] = [&upload, &clear, &read, &in_all, &written];
        let columns = columns.map(|of| format!("{:.0} ({:.2})", of(cost), of(cost) / of(&costs[0])));
        let columns = columns.map(|column| format!("{column:>13}")).join(" ");
        println!("{per_page:>8} {:>5} {columns}", KEYS.div_ceil(per_page));
    }
    report_capacity();
}

/// By arithmetic: a write unit is a kilobyte, a read unit four, of a row with the names of its attributes.
fn report_capacity() {
    println!("\nThe same on DynamoDB, in capacity units: to write all, to clear all, to read one page.");
    println!("In all: in read units, with a hundred reads; a write unit costs five.");
    println!("{:>8} {:>7} {:>7} {:>7} {:>7}", "per page", "write", "clear", "read", "in all");
    let names =
        key(&"0".repeat(32), 0).into_iter().map(|(name, value)| name.len() + value.as_s().map_or(0, String::len));
    let names = names.sum::<usize>() + "keys".len();
    for per_page in PER_PAGE {
        let size = |keys: usize| names + keys * KEY;
        let write: usize = (0..KEYS).step_by(per_page).map(|from| size(per_page.min(KEYS - from)).div_ceil(1024)).sum();
        let read = size(per_page).div_ceil(4096);
        println!("{per_page:>8} {write:>7} {write:>7} {read:>7} {:>7}", 2 * write * WRITE + KEYS * read);
    }
}
