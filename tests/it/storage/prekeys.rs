//! One-time keys without the routes: uploaded, taken, cleared, on every engine.

use std::sync::Arc;

use futures::future::join_all;
use signet_keys::signing::{IdentityKeyPair, ec_pre_key};
use signet_keys::upload::UploadError;
use signet_keys::{CheckedKeys, Installation, KeyId, Left, Shelf, UncheckedKeys};
use signet_storage::accounts::Ids;
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::Account;
use signet_tests::audit::rows;
use signet_tests::registrant::Registrant;
use signet_tests::{Engine, Store};

const NUMBER: &str = "+12025550123";

on_each_engine! {
    keys_are_taken_lowest_first_until_there_are_none,
    who_has_no_keys_has_no_bundle,
    forty_at_once_get_forty_keys,
    an_upload_replaces_and_clears,
    another_installation_is_nobodys,
    clearing_takes_what_is_meant,
    a_walk_comes_by_every_device,
}

struct Alice {
    store: Arc<Store>,
    account: Account,
    /// Her identity as an ACI.
    pair: IdentityKeyPair,
}

impl Alice {
    async fn on(engine: &Engine) -> Self {
        let store = Arc::new(engine.open().await);
        let mut me = Registrant::generate();
        let pair = IdentityKeyPair::generate();
        let (signed, last) = (pair.signed_pre_key(KeyId::FIRST), pair.kem_pre_key(KeyId::FIRST));
        me.aci = signet_keys::CheckedDeviceKeys::check(pair.public().clone(), signed, last).unwrap();
        let account = me.register(&store, NUMBER).await.unwrap();
        Self { store, account, pair }
    }

    fn identity(&self) -> ServiceId {
        ServiceId::Aci(self.account.aci)
    }

    fn installation(&self) -> Installation {
        Installation::from(&self.account.devices[0])
    }

    fn keys(&self, ids: std::ops::RangeInclusive<i64>) -> CheckedKeys {
        let ids: Vec<_> = ids.map(|id| KeyId::new(id).unwrap()).collect();
        let keys = UncheckedKeys {
            one_time: ids.iter().map(|id| ec_pre_key(*id)).collect(),
            one_time_kem: ids.iter().map(|id| self.pair.kem_pre_key(*id)).collect(),
            ..UncheckedKeys::default()
        };
        keys.check(self.pair.public()).unwrap()
    }

    async fn upload(&self, of: &Installation, keys: &CheckedKeys) -> Result<(), UploadError> {
        let shelf = Shelf { identity: self.identity(), device: DeviceId::PRIMARY, of };
        self.store.keys().upload(shelf, keys).await
    }

    /// The ids of the one-time keys that were taken. The last resort has another id.
    async fn take(&self) -> (Option<u32>, Option<u32>) {
        let bundle = self.store.keys().take(self.identity(), DeviceId::PRIMARY).await.unwrap().expect("she has keys");
        let kem = bundle.kem.id;
        assert_eq!(bundle.left.map(|left| left == Left::Empty), [bundle.one_time.is_none(), kem == KeyId::FIRST]);
        (bundle.one_time.map(|key| key.id.get()), (kem != KeyId::FIRST).then_some(kem.get()))
    }

    async fn pages(&self) -> usize {
        rows(&self.store.storage.dynamo, Table::Prekeys).await.len()
    }
}

async fn keys_are_taken_lowest_first_until_there_are_none(engine: Engine) {
    let alice = Alice::on(&engine).await;
    assert_eq!(alice.take().await, (None, None));
    let keys = alice.keys(10..=21);
    alice.upload(&alice.installation(), &keys).await.unwrap();
    for expected in 10..=21 {
        assert_eq!(alice.take().await, (Some(expected), Some(expected)));
    }
    for _ in 0..2 {
        assert_eq!(alice.take().await, (None, None));
    }
    // What was taken in vain is no debt.
    alice.upload(&alice.installation(), &alice.keys(30..=30)).await.unwrap();
    assert_eq!(alice.take().await, (Some(30), Some(30)));
}

async fn who_has_no_keys_has_no_bundle(engine: Engine) {
    let alice = Alice::on(&engine).await;
    let (keys, second) = (alice.store.keys(), DeviceId::try_from(2).unwrap());
    assert_eq!(keys.take(alice.identity(), second).await, Ok(None));
    assert!(keys.take(ServiceId::Pni(alice.account.pni), DeviceId::PRIMARY).await.unwrap().is_some());
    let stored = rows(&alice.store.storage.dynamo, Table::Keys).await.len();
    assert_eq!(stored, 2, "a take writes no row");
}

async fn forty_at_once_get_forty_keys(engine: Engine) {
    let alice = Arc::new(Alice::on(&engine).await);
    alice.upload(&alice.installation(), &alice.keys(100..=139)).await.unwrap();
    let takes = (0..60).map(|_| {
        let alice = alice.clone();
        tokio::spawn(async move { alice.take().await })
    });
    let mut taken: Vec<_> = join_all(takes).await.into_iter().map(|task| task.expect("no panic")).collect();
    taken.sort_unstable();
    let expected = std::iter::repeat_n((None, None), 20).chain((100..=139).map(|id| (Some(id), Some(id))));
    assert!(taken.into_iter().eq(expected));
}

async fn an_upload_replaces_and_clears(engine: Engine) {
    let alice = Alice::on(&engine).await;
    let (of, first, second) = (alice.installation(), alice.keys(10..=15), alice.keys(20..=25));
    alice.upload(&of, &first).await.unwrap();
    let pages = alice.pages().await;
    for (keys, expected) in [(&first, 10), (&first, 11), (&second, 20), (&first, 21), (&second, 22)] {
        alice.upload(&of, keys).await.unwrap();
        assert_eq!(alice.take().await, (Some(expected), Some(expected)));
        assert_eq!(alice.pages().await, pages);
    }
}

async fn another_installation_is_nobodys(engine: Engine) {
    let alice = Alice::on(&engine).await;
    let keys = alice.keys(10..=15);
    let strange = Installation::from(&Registrant::generate().account().device);
    assert_eq!(alice.upload(&strange, &keys).await, Err(UploadError::Gone));
    let other = IdentityKeyPair::generate();
    let resigned = UncheckedKeys { one_time: keys.one_time().to_vec(), ..UncheckedKeys::default() };
    let resigned = resigned.check(other.public()).unwrap();
    assert_eq!(alice.upload(&alice.installation(), &resigned).await, Err(UploadError::Gone), "another identity");
    assert_eq!((alice.take().await, alice.pages().await), ((None, None), 0));
}

async fn clearing_takes_what_is_meant(engine: Engine) {
    let alice = Alice::on(&engine).await;
    let (of, keys) = (alice.installation(), alice.store.keys());
    alice.upload(&of, &alice.keys(10..=15)).await.unwrap();
    let pages = alice.pages().await;
    let ids = Ids { aci: alice.account.aci, pni: alice.account.pni };
    for (devices, but) in [(vec![2], None), (vec![11], None), (vec![1], Some(of)), (vec![1], None)] {
        keys.clear(ids, devices.into_iter().map(|id| DeviceId::try_from(id).unwrap()).collect(), but).await;
        assert_eq!(alice.pages().await, pages, "the device is there");
    }
    let gone = keys.writes_for_removed_account(&alice.account);
    alice.store.storage.dynamo.commit("test", gone).await.unwrap();
    keys.clear(ids, vec![DeviceId::PRIMARY], None).await;
    assert_eq!(alice.pages().await, 0);
}

async fn a_walk_comes_by_every_device(engine: Engine) {
    let alice = Alice::on(&engine).await;
    alice.upload(&alice.installation(), &alice.keys(10..=12)).await.unwrap();
    Registrant::generate().register(&alice.store, "+12025550124").await.unwrap();
    let (mut seen, mut from, mut reads) = (Vec::new(), None, 0);
    loop {
        let (devices, next) = alice.store.keys().walk(1, from).await.unwrap();
        assert!(devices.len() <= 1);
        seen.extend(devices);
        reads += 1;
        from = next;
        if from.is_none() {
            break;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [[0, 0], [0, 0], [0, 0], [3, 3]]);
    assert!((4..=5).contains(&reads), "{reads}");
}
