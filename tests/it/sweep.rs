//! The sweep: what has run out goes, to the second; what nobody uses goes, to the day; nothing else does. By hand, by command and in the
//! background.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use signet::events::{Event, Events};
use signet::sweep::{Counts, Fate, Plan, Sweeper};
use signet_config::{Config, SweepKind};
use signet_storage::dynamo::Item;
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::DeviceId;
use signet_storage::model::Account;
use signet_tests::registrant::permit;
use signet_tests::{Engine, Registrant, Store, audit};
use tokio::sync::mpsc;

mod background;
mod commands;
mod idle;
mod rubbish;

const NUMBER: &str = "+12025550123";
const DAY: Duration = Duration::from_secs(86_400);

/// A store, and who sweeps it.
pub struct Yard {
    pub store: Store,
    pub sweeper: Sweeper,
    pub heard: mpsc::Receiver<signet::events::Happened>,
    _engine: Engine,
}

impl Yard {
    pub async fn open() -> Self {
        let engine = Engine::embedded();
        let store = engine.open().await;
        let events = Events::new(store.storage.clock.clone());
        let heard = events.subscribe("test", 100);
        let sweeper = sweeper(&store, events, Config::for_testing().sweep);
        Self { store, sweeper, heard, _engine: engine }
    }

    /// All that is found, by kind and fate.
    pub async fn sweep(&self, plan: &Plan) -> Vec<(SweepKind, Fate, u64)> {
        let (mut counts, mut cursor) = (Counts::new(), plan.begin());
        while let Some(here) = cursor {
            let piece = self.sweeper.step(plan, here).await.unwrap();
            for found in piece.found {
                *counts.entry((found.what.kind(), found.fate)).or_default() += 1;
            }
            cursor = piece.next;
        }
        counts.into_iter().map(|((kind, fate), count)| (kind, fate, count)).collect()
    }

    /// Somebody with a linked device, seen today.
    pub async fn settle(&self, number: &str) -> (Registrant, Account) {
        let me = Registrant::generate();
        let account = me.register(&self.store, number).await.unwrap();
        let permit = permit(account.aci, self.store.now());
        let linked = me.link(&self.store, &permit, &account, me.further_device()).await.unwrap();
        (me, linked.account)
    }

    pub async fn rows(&self, table: Table) -> Vec<Item> {
        audit::rows(&self.store.storage.dynamo, table).await
    }

    pub async fn seen(&self, account: &Account, device: u8) {
        let device = DeviceId::try_from(device).unwrap();
        self.store.accounts().note_seen(account.aci, device).await.unwrap();
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).map(|happened| happened.event).collect()
    }
}

pub fn sweeper(store: &Store, events: Events, ages: signet_config::Sweep) -> Sweeper {
    Sweeper::new(&store.storage, store.accounts(), store.keys(), events, ages)
}

pub fn plan(kinds: &[SweepKind], apply: bool) -> Plan {
    Plan { kinds: kinds.to_vec(), apply, ends_primaries: false, rate: 0 }
}
