//! Bundles fetched and keys uploaded over HTTP, beside what they need of the store: the same changes and reads of rows of the same
//! size, through the same client to the same engine, with nothing around them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use signet_config::Config;
use signet_keys::pages::{self, Kind, Set, Shelf};
use signet_keys::signing::ClientKeys;
use signet_keys::{CheckedDeviceKeys, Installation, KeysManager, UncheckedKeys, rows};
use signet_storage::accounts::Ids;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::items::number;
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Condition, Item, Update, Write};
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{AccountId, DeviceId, NumberId, RegistrationId, ServiceId};
use signet_storage::model::device::{NewChannel, NewDevice};
use signet_storage::{Storage, World};
use tokio::task::JoinSet;

use super::load::{self, Measured, Request};
use super::people::{ACCESS_KEY, KEYS, People};
use super::server::Server;

const CONCURRENCY: usize = 16;
const TARGET: f64 = 0.6;
/// Each has a hundred keys; no window uses up more.
const ACCOUNTS: usize = 256;

pub async fn run(directory: &Path, rounds: usize, window: Duration) {
    let server = Server::start(&directory.join("keys")).await;
    let people = Arc::new(People::register(&server, ACCOUNTS).await);
    let bare = Bare::open(&directory.join("keys-bare"), &people).await;
    let (mut fetched, mut taken) = (Measured::default(), Measured::default());
    let (mut uploaded, mut written) = (Measured::default(), Measured::default());
    for round in 0..rounds {
        uploaded += upload(&server, &people, 2 * round).await;
        written += bare.upload(&people, 2 * round).await;
        taken += bare.take(window).await;
        fetched += fetch(&server, &people, window).await;
    }
    println!(
        "\nbundles per second at {CONCURRENCY}: HTTP / the changes and reads of rows they need ({rounds} x {window:?} each)"
    );
    line(&fetched, &taken);
    let ratio = fetched.per_second() / taken.per_second();
    println!("     target ratio >= {TARGET}: {}", if ratio >= TARGET { "met" } else { "MISSED" });
    println!("\nuploads of {KEYS} + {KEYS} keys per second at {CONCURRENCY}: HTTP / the writes they need");
    line(&uploaded, &written);
    println!("     the rest is {KEYS} signatures to verify, a quarter of a megabyte of JSON, and one look at the row");
}

fn line(http: &Measured, bare: &Measured) {
    println!(
        "  {:.0} / {:.0}, ratio {:.2}; p50 {:.2} / {:.2} ms, p99 {:.2} / {:.2} ms; {} failed",
        http.per_second(),
        bare.per_second(),
        http.per_second() / bare.per_second(),
        http.quantile(0.5),
        bare.quantile(0.5),
        http.quantile(0.99),
        bare.quantile(0.99),
        http.failed
    );
}

/// Each account's keys once. It ends when all are done.
async fn upload(server: &Server, people: &Arc<People>, round: usize) -> Measured {
    let (body, accounts) = (Arc::<str>::from(people.upload(round)), people.clone());
    let request = move |n: usize| {
        let (header, body) = (accounts.authorization(n), body.clone());
        (n < ACCOUNTS).then_some(Request { method: "PUT", path: "/v2/keys".to_owned(), header, body, expected: 204 })
    };
    load::run(server, CONCURRENCY, Duration::from_secs(600), request).await
}

async fn fetch(server: &Server, people: &Arc<People>, window: Duration) -> Measured {
    let people = people.clone();
    let request = move |n: usize| {
        let path = format!("/v2/keys/{}/*", people.acis[n % ACCOUNTS]);
        let request = Request { method: "GET", path, header: ACCESS_KEY.to_owned(), body: "".into(), expected: 200 };
        (n < ACCOUNTS * KEYS).then_some(request)
    };
    load::run(server, CONCURRENCY, window, request).await
}

/// Rows of devices in a store of its own.
#[derive(Clone)]
pub struct Bare {
    storage: Storage,
    pub keys: KeysManager,
    pub devices: Vec<ServiceId>,
    of: Installation,
    device_keys: CheckedDeviceKeys,
}

impl Bare {
    pub async fn open(directory: &Path, people: &People) -> Self {
        let mut config = Config::parse("").expect("the defaults are valid");
        config.storage.path = directory.to_owned();
        let storage = Storage::open(&config, World::real()).await.expect("the store opens");
        Self::on(storage, people, ACCOUNTS).await
    }

    pub async fn on(storage: Storage, people: &People, count: usize) -> Self {
        let keys = KeysManager::new(&storage);
        let ClientKeys { signed, last_resort } = ClientKeys::generate(&people.identity);
        let checked = CheckedDeviceKeys::check(people.identity.public().clone(), signed, last_resort).expect("signed");
        let id = RegistrationId::try_from(1).expect("an id");
        let of = Installation::from(&NewDevice {
            auth: SaltedTokenHash::of("password", &storage.chance),
            name: None,
            channel: NewChannel::Fetches,
            registration_id: id,
            pni_registration_id: Some(id),
            user_agent: None,
            capabilities: Default::default(),
        });
        let mut me = Self { storage, keys, devices: Vec::new(), of, device_keys: checked };
        for _ in 0..count {
            let ids = Ids { aci: AccountId::draw(&me.storage.chance), pni: NumberId::draw(&me.storage.chance) };
            me.storage.dynamo.commit("bench", me.writes(ids)).await.expect("it commits");
            me.devices.push(ServiceId::Aci(ids.aci));
        }
        me
    }

    /// The rows of a new device.
    pub fn writes(&self, ids: Ids) -> Vec<Write> {
        self.keys.writes_for_new_device(ids, DeviceId::PRIMARY, &self.of, &self.device_keys, &self.device_keys)
    }

    pub fn shelf(&self, n: usize) -> Shelf<'_> {
        Shelf { identity: self.devices[n % self.devices.len()], device: DeviceId::PRIMARY, of: &self.of }
    }

    /// The changes and reads of a take.
    async fn take(self: &Bare, window: Duration) -> Measured {
        let sets: Arc<Vec<String>> = Arc::new(self.sets().await);
        self.measure(window, ACCOUNTS * KEYS, move |me, n| {
            let sets = sets.clone();
            async move {
                let shelf = me.shelf(n);
                let [ec, kem] = Kind::ALL.map(Kind::names);
                let left = Condition::Below(ec.next, ec.count).or(Condition::Below(kem.next, kem.count));
                let change = Update::only_if(left).add(ec.next, 1).add(kem.next, 1);
                let key = rows::key(shelf.identity, shelf.device);
                me.storage.dynamo.update("bench", Table::Keys, key, change).await.expect("it is changed");
                let page = |kind| {
                    let set = &sets[2 * (n % ACCOUNTS) + kind as usize];
                    me.storage.dynamo.get(Table::Prekeys, pages::key_of_page(shelf, kind, set, n / ACCOUNTS))
                };
                let (ec, kem) = tokio::join!(page(Kind::Ec), page(Kind::Kem));
                assert!(ec.expect("it reads").is_some() && kem.expect("it reads").is_some(), "the pages are there");
            }
        })
        .await
    }

    async fn sets(&self) -> Vec<String> {
        let mut sets = Vec::new();
        for identity in &self.devices {
            let row = self.keys.get(*identity, DeviceId::PRIMARY).await.expect("it reads").expect("a row");
            sets.extend(Kind::ALL.map(|kind| row.pool(kind).expect("a pool").set.clone()));
        }
        sets
    }

    /// The writes of an upload to each device: the pages, and the change of the row. Then everything that a take needs is there.
    async fn upload(&self, people: &People, round: usize) -> Measured {
        let (one_time, kem) = people.keys(round);
        let sets: Arc<Vec<Set>> = Arc::new([Set::of_ec(&one_time), Set::of_kem(&kem)].into_iter().flatten().collect());
        let written = self
            .measure(Duration::from_secs(600), ACCOUNTS, move |me, n| {
                let sets = sets.clone();
                async move {
                    let shelf = me.shelf(n);
                    let pages: Vec<Item> =
                        sets.iter().flat_map(|set| set.pages(shelf, Timestamp::from_millis(0))).collect();
                    let keys = pages.iter().map(key_of).collect();
                    me.storage.dynamo.put_all(Table::Prekeys, pages).await.expect("they are written");
                    let change = Update::only_if(Condition::Present("uploads")).set("uploads", number(0));
                    let row = rows::key(shelf.identity, shelf.device);
                    me.storage.dynamo.update("bench", Table::Keys, row, change).await.expect("it is changed");
                    me.storage.dynamo.remove_all(Table::Prekeys, keys).await.expect("they are removed");
                }
            })
            .await;
        for n in 0..self.devices.len() {
            self.real_upload(people, n, round).await;
        }
        written
    }

    async fn real_upload(&self, people: &People, n: usize, round: usize) {
        let (one_time, one_time_kem) = people.keys(round);
        let unchecked = UncheckedKeys { one_time, one_time_kem, signed: None, last_resort: None };
        let checked = unchecked.check(people.identity.public()).expect("signed");
        self.keys.upload(self.shelf(n), &checked).await.expect("it is uploaded");
    }

    #[allow(clippy::disallowed_methods, reason = "a bench measures")]
    async fn measure<W: Future<Output = ()> + Send>(
        &self,
        window: Duration,
        most: usize,
        work: impl Fn(Arc<Bare>, usize) -> W + Clone + Send + 'static,
    ) -> Measured {
        let (started, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        let me = Arc::new(self.clone());
        let mut workers = JoinSet::new();
        for _ in 0..CONCURRENCY {
            let (me, next, work) = (me.clone(), next.clone(), work.clone());
            workers.spawn(async move {
                let mut millis = Vec::new();
                while started.elapsed() < window {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= most {
                        break;
                    }
                    let asked = Instant::now();
                    work(me.clone(), n).await;
                    millis.push(asked.elapsed().as_secs_f64() * 1000.0);
                    // A task that never yields keeps its thread to itself.
                    tokio::task::yield_now().await;
                }
                millis
            });
        }
        let millis = workers.join_all().await.into_iter().flatten().collect();
        Measured { millis, elapsed: started.elapsed(), ..Measured::default() }
    }
}

fn key_of(page: &Item) -> Item {
    page.iter().filter(|(name, _)| *name != "keys").map(|(name, value)| (name.clone(), value.clone())).collect()
}
