//! How the store's point operations behave as accounts become many: a thousand, ten thousand, … a million, on the embedded engine,
//! on disk, in one run. The accounts are written past the registry, as the rows of real ones; some real ones stand among them,
//! and it is those that are worked with. Takes minutes and some gigabytes; asked for by name (`cargo bench -- growth`).

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dynoxide::{Database, ImportOptions};
use serde_json::{Value, json};
use signet_config::Config;
use signet_keys::UncheckedKeys;
use signet_storage::accounts::Ids;
use signet_storage::dynamo::{Item, Value as Attribute};
use signet_storage::ids::{AccountId, DeviceId, NumberId};
use signet_storage::{AccountsManager, Storage, World};

use super::bare;
use super::bundles::Bare;
use super::load::median;
use super::people::People;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// What may differ from the first size and still count as flat.
const FLAT: f64 = 0.25;
/// Rows that are written in one go.
pub const PART: usize = 2_000;
/// Real devices, whose keys are uploaded and taken.
const DEVICES: usize = 40;
/// Of each operation in a round.
const OPERATIONS: usize = 400;
const ROUNDS: usize = 7;

/// The middle one of some rounds, each a mean, in microseconds.
struct Row {
    accounts: usize,
    times: [(&'static str, f64); 4],
}

pub async fn run(directory: &Path, largest: usize) {
    let people = People::keys_only();
    let mut towns = Vec::new();
    for accounts in SIZES.into_iter().filter(|size| *size <= largest) {
        let data = directory.join(format!("growth-{accounts}"));
        Template::of_one_account(&data).await.fill(&data, accounts);
        towns.push(Town::open(&data, accounts, &people).await);
    }
    // In turns, so that what else the machine does meets all sizes alike. The first round warms up.
    for round in 0..=ROUNDS {
        for town in &mut towns {
            town.measure(round, &people).await;
        }
    }
    println!(
        "\npoint operations on the embedded engine as accounts become many (µs, one at a time; target: flat within 25 %)"
    );
    let rows: Vec<Row> = towns.into_iter().map(Town::row).collect();
    rows.iter().for_each(|row| print(row, rows.first()));
}

fn print(row: &Row, first: Option<&Row>) {
    print!("  {:>9} accounts", row.accounts);
    for (n, (name, micros)) in row.times.iter().enumerate() {
        let ratio = micros / first.map_or(*micros, |first| first.times[n].1);
        let flat = if ratio <= 1.0 + FLAT { "" } else { " MISSED" };
        print!("   {name} {micros:>6.0} ({ratio:.2}{flat})");
    }
    println!();
}

/// The rows of one real account, as the engine's own text, by table; and what is to be exchanged in them.
pub struct Template {
    pub rows: Vec<(String, Vec<String>)>,
    pub aci: String,
    pub pni: String,
}

/// The ids of the n-th account; they are spread as random ones are.
pub fn id(kind: u16, n: usize) -> String {
    let spread = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{:08x}-{kind:04x}-4000-8000-{n:012x}", spread >> 32)
}

impl Template {
    pub async fn of_one_account(data: &Path) -> Self {
        let storage = open(data).await;
        let (aci, pni) = bare::register_one(&storage).await;
        let mut rows = Vec::new();
        for table in ["accounts", "claims", "keys"] {
            let name = format!("signet-{table}");
            let scan = storage.dynamo.client().scan().table_name(&name).send().await.expect("a scan");
            rows.push((name, scan.items.unwrap_or_default().iter().map(|row| text(row).to_string()).collect()));
        }
        Self { rows, aci, pni }
    }

    /// Writes accounts past the registry, into a store that is closed.
    fn fill(&self, data: &Path, accounts: usize) {
        let database = Database::new(&data.join("signet.db").to_string_lossy()).expect("the database opens");
        database.enable_bulk_loading().expect("it can be loaded");
        for start in (0..accounts).step_by(PART) {
            for (table, rows) in &self.rows {
                let one = |n: usize, row: &String| {
                    let row = row.replace(&self.aci, &id(1, n)).replace(&self.pni, &id(2, n));
                    let row = row.replace(bare::NUMBER, &format!("+1303{n:07}"));
                    serde_json::from_str(&row).expect("a row")
                };
                let part = (start..accounts.min(start + PART)).flat_map(|n| rows.iter().map(move |row| one(n, row)));
                let options = ImportOptions { record_streams: false, set_cached_at: false };
                database.import_items(table, part.collect(), options).expect("they are written");
            }
        }
        database.disable_bulk_loading().expect("it is loaded");
    }
}

/// A row as DynamoDB writes it.
fn text(row: &Item) -> Value {
    let value = |value: &Attribute| match value {
        Attribute::S(text) => json!({"S": text}),
        Attribute::N(number) => json!({"N": number}),
        Attribute::B(bytes) => json!({"B": STANDARD.encode(bytes.as_ref())}),
        Attribute::Bool(value) => json!({"BOOL": value}),
        Attribute::Null(_) => json!({"NULL": true}),
        Attribute::M(map) => json!({"M": text(map)}),
        Attribute::L(list) => {
            let as_map = |value: &Attribute| text(&Item::from([("x".to_owned(), value.clone())]))["x"].clone();
            json!({"L": list.iter().map(as_map).collect::<Vec<_>>()})
        }
        other => panic!("rows hold no {other:?}"),
    };
    row.iter().map(|(name, attribute)| (name.clone(), value(attribute))).collect::<serde_json::Map<_, _>>().into()
}

pub async fn open(data: &Path) -> Storage {
    let mut config = Config::parse("").expect("the defaults are valid");
    config.storage.path = data.to_owned();
    loop {
        // The one before may still be closing.
        match Storage::open(&config, World::real()).await {
            Ok(storage) => return storage,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// A store with so many accounts.
struct Town {
    accounts: usize,
    storage: Storage,
    manager: AccountsManager,
    devices: Bare,
    times: [Vec<f64>; 4],
}

impl Town {
    async fn open(data: &Path, accounts: usize, people: &People) -> Self {
        let storage = open(data).await;
        let (manager, devices) = (AccountsManager::new(&storage), Bare::on(storage.clone(), people, DEVICES).await);
        Self { accounts, storage, manager, devices, times: Default::default() }
    }

    async fn measure(&mut self, round: usize, people: &People) {
        let (one_time, one_time_kem) = people.keys(round);
        let upload = UncheckedKeys { one_time, one_time_kem, signed: None, last_resort: None };
        let upload = upload.check(people.identity.public()).expect("signed");
        let devices = &self.devices;
        let uploads = timed(DEVICES, async |n| {
            devices.keys.upload(devices.shelf(n), &upload).await.expect("it is uploaded");
        });
        let uploads = uploads.await;
        let takes = timed(OPERATIONS, async |n| {
            let taken = devices.keys.take(devices.devices[n % DEVICES], DeviceId::PRIMARY).await.expect("it is taken");
            assert!(taken.is_some_and(|bundle| bundle.one_time.is_some()));
        });
        let takes = takes.await;
        let reads = timed(OPERATIONS, async |n| {
            let aci: AccountId = id(1, (n * 7919 + round * 104_729) % self.accounts).parse().expect("an ACI");
            assert!(self.manager.get(aci).await.expect("it reads").is_some());
        });
        let reads = reads.await;
        let commits = timed(OPERATIONS, async |_| {
            let ids = Ids { aci: AccountId::draw(&self.storage.chance), pni: NumberId::draw(&self.storage.chance) };
            self.storage.dynamo.commit("bench", devices.writes(ids)).await.expect("it commits");
        });
        let commits = commits.await;
        if round > 0 {
            for (all, one) in self.times.iter_mut().zip([reads, takes, uploads, commits]) {
                all.push(one);
            }
        }
    }

    fn row(self) -> Row {
        let [reads, takes, uploads, commits] = self.times.map(median);
        let times = [("account", reads), ("bundle", takes), ("upload", uploads), ("commit", commits)];
        Row { accounts: self.accounts, times }
    }
}

/// The mean time of so many, in microseconds.
#[allow(clippy::disallowed_methods, reason = "a bench measures")]
async fn timed(count: usize, operation: impl AsyncFn(usize)) -> f64 {
    let started = Instant::now();
    for n in 0..count {
        operation(n).await;
    }
    started.elapsed().as_secs_f64() * 1e6 / count as f64
}
