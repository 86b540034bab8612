//! The nodes of a history and what is known of its account: plays the steps and judges every copy that is believed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use signet_storage::chance::Chance;
use signet_storage::clock::{ManualClock, Timestamp};
use signet_storage::ids::AccountId;
use signet_tests::{Registrant, Store};

use super::{BOUND, Op, Step, Weather};

/// The moment at which something was known to have changed: all versions below are of the past.
struct Superseded {
    below: u64,
    at: Timestamp,
}

/// What became of all reads.
#[derive(Debug, Default)]
pub struct Seen {
    pub believed: u64,
    /// Of them, those that had been superseded, and how long ago the oldest was.
    pub superseded: u64,
    pub oldest: Duration,
}

impl Seen {
    pub fn add(&mut self, other: &Self) {
        self.believed += other.believed;
        self.superseded += other.superseded;
        self.oldest = self.oldest.max(other.oldest);
    }
}

/// The nodes, and what is known of the account.
pub struct Town {
    pub nodes: Vec<Store>,
    /// By which all moments here are told.
    pub clock: ManualClock,
    /// The others.
    clocks: Vec<ManualClock>,
    pub skew: Duration,
    me: Registrant,
    number: String,
    pub aci: AccountId,
    superseded: Mutex<Vec<Superseded>>,
    pub cache_failed: AtomicBool,
    pub seen: Mutex<Seen>,
}

impl Town {
    pub async fn settle(
        nodes: Vec<Store>,
        clocks: Vec<ManualClock>,
        clock: ManualClock,
        me: Registrant,
        number: &str,
    ) -> Self {
        let account = me.register(&nodes[0], number).await.expect("nobody has the number");
        Self {
            nodes,
            clocks,
            clock,
            skew: Duration::ZERO,
            me,
            number: number.to_owned(),
            aci: account.aci,
            superseded: Mutex::default(),
            cache_failed: AtomicBool::new(false),
            seen: Mutex::default(),
        }
    }

    /// Plays all steps at their times; `outage` does to the cache what they say.
    pub async fn play(&self, steps: &[Step], outage: impl Fn(Op)) -> Result<(), TestCaseError> {
        let results = steps.iter().map(async |step| {
            tokio::time::sleep(Duration::from_millis(step.at)).await;
            match step.op {
                Op::Read => return self.read(&self.nodes[step.node]).await,
                Op::Wait(time) => self.wait(time),
                Op::Away | Op::Hang | Op::Refuse => {
                    self.cache_failed.store(true, Ordering::SeqCst);
                    outage(step.op);
                }
                Op::Back => outage(step.op),
                _ => self.change(&self.nodes[step.node], step.op).await,
            }
            Ok(())
        });
        futures::future::join_all(results).await.into_iter().collect()
    }

    pub fn wait(&self, time: Duration) {
        self.clocks.iter().chain([&self.clock]).for_each(|clock| clock.advance(time));
    }

    pub async fn change(&self, node: &Store, op: Op) {
        let accounts = node.accounts();
        let toggle = || {
            accounts.update("test", self.aci, |account, _| {
                account.discoverable_by_phone_number = !account.discoverable_by_phone_number;
                ((), Vec::new())
            })
        };
        let below = match op {
            Op::Change => toggle().await.ok().flatten().map(|(account, ())| account.version),
            Op::ChangeAndHangUp(after) => {
                drop(tokio::time::timeout(Duration::from_millis(after), toggle()).await);
                None
            }
            Op::Register => self.me.register(node, &self.number).await.ok().map(|account| account.version),
            Op::Remove => {
                let Ok(Some(account)) = accounts.get(self.aci).await else { return };
                let device = &account.devices[0];
                let keys = |account: &_| node.keys().writes_for_removed_account(account);
                let removed = accounts.remove(&account, (device.id, &device.auth), keys).await;
                (removed == Ok(true)).then_some(account.version + 1)
            }
            _ => {
                drop(accounts.refresh(self.aci).await);
                None
            }
        };
        if let Some(below) = below {
            let at = self.clock.clock().now();
            self.superseded.lock().unwrap().push(Superseded { below, at });
        }
    }

    async fn read(&self, node: &Store) -> Result<(), TestCaseError> {
        let (began, known) = (self.clock.clock().now(), self.superseded.lock().unwrap().len());
        let Some(copy) = node.accounts().get_cached(self.aci).await else { return Ok(()) };
        let superseded = self.superseded.lock().unwrap();
        let since =
            superseded[..known].iter().filter(|change| copy.version < change.below).map(|change| change.at).min();
        let mut seen = self.seen.lock().unwrap();
        seen.believed += 1;
        let Some(since) = since else { return Ok(()) };
        let age = began.remaining(since);
        seen.superseded += 1;
        seen.oldest = seen.oldest.max(age);
        prop_assert!(age < BOUND + self.skew, "version {} was superseded {age:?} ago", copy.version);
        let answered = !self.cache_failed.load(Ordering::SeqCst);
        prop_assert!(!answered, "version {} is of the past although the cache answers", copy.version);
        Ok(())
    }

    pub fn disturb(&self, weather: &Weather) {
        for node in &self.nodes {
            node.faults.latency(Chance::seeded(weather.seed ^ 1), weather.latency);
            if weather.faults > 0 {
                node.faults.at_random(Chance::seeded(weather.seed ^ 2), weather.faults);
            }
        }
    }
}
