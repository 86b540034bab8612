//! `kill -9` in the middle of everything, again and again, on one data directory. What was acknowledged is there afterwards;
//! what was not is there as a whole or not at all.
//!
//! `SIGNET_CRASH_ROUNDS` sets the number of rounds (default 100).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests, some of which measure")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use serde_json::Value;
use signet_storage::StartError;
use signet_storage::chance::Chance;
use signet_storage::dynamo::embedded::OpenError;
use signet_tests::process::{self, Serving};
use signet_tests::{Client, SignalClient};
use tempfile::tempdir;

/// Registrations under way at once.
const CLIENTS: usize = 12;
/// Numbers proved at a time; the directory is audited as often.
const PREPARED: usize = 2_000;
const GENEROUS: [&str; 4] = ["--set", "limits.address.size=1000000", "--set", "log.filter=error"];

/// A registration that somebody is about to make. Its password is its own.
#[derive(Clone)]
struct Planned {
    number: String,
    password: String,
    body: Arc<str>,
}

/// What the registry said was done.
#[derive(Clone)]
struct Acknowledged {
    aci: String,
    number: String,
    password: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_half_done() {
    let rounds = std::env::var("SIGNET_CRASH_ROUNDS").map_or(100, |rounds| rounds.parse().expect("a number of rounds"));
    let (data, chance) = (tempdir().unwrap(), Chance::system());
    let (mut plans, mut proved) = (Vec::new(), 0);
    let (mut kept, mut cut_off, mut done_unheard) = (Vec::<Acknowledged>::new(), 0, 0);

    for _ in 0..rounds {
        if plans.len() < 500 {
            process::audit(data.path()).await.expect_clean();
            plans.extend(plan(data.path(), proved..proved + PREPARED).await);
            proved += PREPARED;
        }
        let serving = Serving::start(data.path(), &GENEROUS);
        let load = Load::start(&serving.client, std::mem::take(&mut plans));
        tokio::time::sleep(Duration::from_millis(100 + u64::from(chance.below(200)))).await;
        serving.kill();
        let Outcome { acknowledged, interrupted, left } = load.finish().await;
        plans = left;

        let serving = Serving::start(data.path(), &GENEROUS);
        expect_all(&serving.client, &acknowledged).await;
        kept.extend(acknowledged);
        // Who was cut off asks again, with the same words, and it does not matter whether it had been done.
        cut_off += interrupted.len();
        for result in join_all(interrupted.iter().map(|plan| register(&serving.client, plan))).await {
            let (status, acknowledged) = result.expect("a registry that nobody kills answers");
            done_unheard += usize::from(status == 200);
            kept.push(acknowledged);
        }
        // The lock is the process's, and goes with it.
        let refused = process::open(data.path()).await.expect_err("the directory is in use");
        assert!(matches!(refused, StartError::Engine(OpenError::InUse { .. })), "{refused}");
        serving.kill();
    }

    let serving = Serving::start(data.path(), &GENEROUS);
    expect_all(&serving.client, &kept).await;
    assert_eq!(serving.terminate(), Some(0));
    let audit = process::audit(data.path()).await.expect_clean();
    assert_eq!(audit.accounts.len(), kept.len());
    println!(
        "{rounds} rounds: {} registrations acknowledged and kept; {cut_off} cut off, of which {done_unheard} were done",
        kept.len()
    );
    assert!(kept.len() > rounds * 5, "hardly any load: this shows nothing");
    assert!(cut_off > rounds, "hardly any request was cut off: this shows nothing");
}

/// Numbers that are proved and wait to be registered.
async fn plan(data: &Path, which: std::ops::Range<usize>) -> Vec<Planned> {
    let numbers: Vec<_> = which.map(|n| format!("+1202{:07}", 2_000_000 + n)).collect();
    let sessions = process::prove(data, &numbers).await;
    // Keys are costly to make, and it is not they that are tested.
    let clients: Vec<_> = (0..8).map(|_| SignalClient::generate()).collect();
    let plans = numbers.into_iter().zip(sessions).enumerate().map(|(n, (number, session))| {
        let body = clients[n % 8].registration(&session).to_string().into();
        Planned { number, password: hex::encode(Chance::system().bytes::<12>()), body }
    });
    plans.collect()
}

/// Registers; `None` if the connection broke.
async fn register(client: &Client, plan: &Planned) -> Option<(u16, Acknowledged)> {
    let authorization = signet_tests::client::basic(&plan.number, &plan.password);
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    let answer = client.try_send("POST", "/v1/registration", &headers, plan.body.as_bytes()).await.ok()?;
    assert!([200, 201].contains(&answer.status), "{} {}", answer.status, answer.text);
    let body: Value = answer.json();
    let aci = body["uuid"].as_str().expect("an ACI").to_owned();
    Some((answer.status, Acknowledged { aci, number: plan.number.clone(), password: plan.password.clone() }))
}

/// Each of these accounts is there, with the password that was registered.
async fn expect_all(client: &Client, accounts: &[Acknowledged]) {
    let check = |account: &Acknowledged| {
        let (client, account) = (client.clone(), account.clone());
        async move {
            let who = client.whoami(&account.aci, &account.password).await;
            assert_eq!(who.status, 200, "an acknowledged account is lost");
            assert_eq!(who.json()["number"], account.number.as_str());
        }
    };
    futures::stream::iter(accounts).map(check).buffer_unordered(32).collect::<Vec<_>>().await;
}

/// Clients that register one number after the other until the registry is gone.
struct Load {
    plans: Arc<Vec<Planned>>,
    next: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<(Vec<Acknowledged>, Option<Planned>)>>,
}

struct Outcome {
    acknowledged: Vec<Acknowledged>,
    interrupted: Vec<Planned>,
    left: Vec<Planned>,
}

impl Load {
    fn start(client: &Client, plans: Vec<Planned>) -> Self {
        let (plans, next) = (Arc::new(plans), Arc::new(AtomicUsize::new(0)));
        let one = || {
            let (client, plans, next) = (client.clone(), plans.clone(), next.clone());
            async move {
                let mut done = Vec::new();
                loop {
                    let plan = plans.get(next.fetch_add(1, Ordering::SeqCst)).expect("enough numbers are prepared");
                    match register(&client, plan).await {
                        Some((status, acknowledged)) => {
                            assert_eq!(status, 201);
                            done.push(acknowledged);
                        }
                        None => return (done, Some(plan.clone())),
                    }
                }
            }
        };
        let clients = (0..CLIENTS).map(|_| tokio::spawn(one())).collect();
        Self { plans, next, clients }
    }

    async fn finish(self) -> Outcome {
        let results = join_all(self.clients).await.into_iter().map(|result| result.expect("no panic"));
        let (acknowledged, interrupted): (Vec<_>, Vec<_>) = results.unzip();
        let left = self.plans[self.next.load(Ordering::SeqCst)..].to_vec();
        Outcome {
            acknowledged: acknowledged.into_iter().flatten().collect(),
            interrupted: interrupted.into_iter().flatten().collect(),
            left,
        }
    }
}
