//! `signet audit`: every kind of violation, planted by hand in a store, is named; what other rows prove is mended, by conditions; the
//! rest is left as it is. And a registry at work has none.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use signet::inspection::{Inspection, Repaired, Said};
use signet_keys::signing::{IdentityKeyPair, ec_pre_key};
use signet_keys::{CheckedKeys, Installation, KeyId, Shelf, UncheckedKeys};
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Item, Value};
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::Account;
use signet_tests::{Engine, Registrant, Store};

mod alive;
mod planted;

const ALICE: &str = "+12025550123";
const BOB: &str = "+12025550124";

/// Two people with accounts; Alice has left one-time keys.
pub struct Town {
    pub store: Store,
    pub alice: Account,
    pub bob: Account,
    _engine: Engine,
}

impl Town {
    pub async fn settle() -> Self {
        let engine = Engine::embedded();
        let store = engine.open().await;
        let (mut alice, bob) = (Registrant::generate(), Registrant::generate());
        let pair = IdentityKeyPair::generate();
        let (signed, last) = (pair.signed_pre_key(KeyId::FIRST), pair.kem_pre_key(KeyId::FIRST));
        alice.aci = signet_keys::CheckedDeviceKeys::check(pair.public().clone(), signed, last).unwrap();
        let alice = alice.register(&store, ALICE).await.unwrap();
        let bob = bob.register(&store, BOB).await.unwrap();
        let of = Installation::from(&alice.devices[0]);
        let shelf = Shelf { identity: ServiceId::Aci(alice.aci), device: DeviceId::PRIMARY, of: &of };
        store.keys().upload(shelf, &one_time(&pair)).await.unwrap();
        Self { store, alice, bob, _engine: engine }
    }

    pub fn inspection(&self) -> Inspection {
        Inspection::of(&self.store.storage).looking_again_after(Duration::from_millis(5))
    }

    /// What does not fit, each with what became of it.
    pub async fn inspect(&self, repair: bool) -> (Vec<(String, Option<Repaired>)>, u64) {
        let (mut violations, mut rubbish) = (Vec::new(), 0);
        let say = |said| match said {
            Said::Violation { finding, repaired } => violations.push((finding.to_string(), repaired)),
            Said::Seen { rubbish: more, .. } => rubbish += more,
            Said::Indexed { .. } => {}
        };
        self.inspection().with_repair(repair).run(say).await.unwrap();
        (violations, rubbish)
    }

    pub async fn get(&self, table: Table, key: &Item) -> Option<Item> {
        self.store.storage.dynamo.get(table, key.clone()).await.unwrap()
    }

    pub async fn put(&self, table: Table, row: Item) {
        self.store.storage.dynamo.put_all(table, vec![row]).await.unwrap();
    }

    pub async fn remove(&self, table: Table, key: Item) {
        self.store.storage.dynamo.remove(table, key).await.unwrap();
    }

    /// The row with one attribute as it should not be; absent for `None`.
    pub async fn change(&self, table: Table, key: Item, name: &str, value: Option<Value>) {
        let mut row = self.get(table, &key).await.unwrap();
        match value {
            Some(value) => row.insert(name.to_owned(), value),
            None => row.remove(name),
        };
        self.put(table, row).await;
    }
}

fn one_time(pair: &IdentityKeyPair) -> CheckedKeys {
    let ids: Vec<_> = (1..=7).map(|id| KeyId::new(id).unwrap()).collect();
    let one_time = ids.iter().map(|id| ec_pre_key(*id)).collect();
    let one_time_kem = ids.iter().map(|id| pair.kem_pre_key(*id)).collect();
    let keys = UncheckedKeys { one_time, one_time_kem, ..UncheckedKeys::default() };
    keys.check(pair.public()).unwrap()
}
