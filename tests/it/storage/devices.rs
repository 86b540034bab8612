//! Devices that join an account and leave it: what is decided on the version that is committed, whatever was read before.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use signet_storage::accounts::{LinkError, Linked, Unlinked};
use signet_storage::dynamo::faults::Fault;
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{DeviceId, ServiceId};
use signet_storage::model::{Account, LinkPermit, NewDevice};
use signet_tests::audit::rows;
use signet_tests::registrant::permit;
use signet_tests::{Audit, Engine, Registrant, Store};
use tokio::sync::Barrier;

const NUMBER: &str = "+12025550123";
const COMMIT: &str = "TransactWriteItems";
const RIVALS: usize = 32;

on_each_engine! {
    a_device_joins_with_its_keys_and_uses_up_the_token,
    what_the_account_does_not_permit_writes_nothing,
    of_many_with_one_token_one_joins,
    of_many_for_the_last_place_one_joins,
    a_removal_takes_the_device_that_was_meant,
    an_addition_whose_answer_was_lost_knows_its_own_device,
}

/// Somebody with an account, and what further devices of theirs bring.
struct Owner {
    store: Store,
    me: Registrant,
    account: Account,
}

impl Owner {
    async fn settle(engine: &Engine) -> Self {
        let (store, me) = (engine.open().await, Registrant::generate());
        let account = me.register(&store, NUMBER).await.unwrap();
        Self { store, me, account }
    }

    fn permit(&self) -> LinkPermit {
        self.store.clock.advance(std::time::Duration::from_millis(1));
        permit(self.account.aci, self.store.now())
    }

    fn device(&self) -> NewDevice {
        self.me.further_device()
    }

    async fn add(&self, permit: &LinkPermit, new: NewDevice) -> Result<Linked, LinkError> {
        self.me.link(&self.store, permit, &self.account, new).await
    }

    async fn added(&self) -> Linked {
        self.add(&self.permit(), self.device()).await.unwrap()
    }

    /// Asked for by the primary device.
    async fn remove(&self, device: DeviceId) -> Unlinked {
        let asking = &self.account.devices[0];
        let keys = |account: &Account| self.store.keys().writes_for_removed_device(account, device);
        let by = (asking.id, &asking.auth);
        self.store.accounts().remove_device(self.account.aci, by, device, keys).await.unwrap()
    }

    async fn now(&self) -> Account {
        self.store.accounts().get(self.account.aci).await.unwrap().unwrap()
    }

    async fn change(&self, change: impl Fn(&mut Account)) {
        let change = |account: &mut Account, _| (change(account), Vec::new());
        self.store.accounts().update("test", self.account.aci, change).await.unwrap();
    }
}

fn id(id: u8) -> DeviceId {
    DeviceId::try_from(id).unwrap()
}

async fn a_device_joins_with_its_keys_and_uses_up_the_token(engine: Engine) {
    let owner = Owner::settle(&engine).await;
    let permit = owner.permit();
    let Linked { account, device } = owner.add(&permit, owner.device()).await.unwrap();
    assert_eq!((device, account.version, account.devices.len()), (id(2), 1, 2));
    assert_eq!(owner.now().await, account);
    assert_eq!(owner.store.accounts().get_cached(account.aci).await.as_deref(), Some(&account));
    assert_eq!(owner.add(&permit, owner.device()).await.unwrap_err(), LinkError::NotPermitted);
    assert_eq!(owner.now().await, account);
    assert_eq!(rows(&owner.store.storage.dynamo, Rows::LinkTokens).await.len(), 1);
    assert_eq!(Audit::of(&owner.store.storage).await.expect_clean().keys, 4);
}

async fn what_the_account_does_not_permit_writes_nothing(engine: Engine) {
    let owner = Owner::settle(&engine).await;
    let refused = async |new: NewDevice| {
        let (before, permit) = (owner.now().await, owner.permit());
        let refusal = owner.add(&permit, new).await.unwrap_err();
        assert_eq!(owner.now().await, before);
        refusal
    };
    let plain = NewDevice { capabilities: BTreeSet::new(), ..owner.device() };
    assert_eq!(refused(plain).await, LinkError::Downgrade);

    let (mine, other) = (owner.account.identity_key.clone(), Registrant::generate());
    let other = signet_storage::model::Opaque::from(&other.aci.identity().serialize()[..]);
    owner.change(|account| account.identity_key = other.clone()).await;
    assert_eq!(refused(owner.device()).await, LinkError::OtherIdentity);
    owner.change(|account| (account.identity_key, account.pni_identity_key) = (mine.clone(), other.clone())).await;
    assert_eq!(refused(owner.device()).await, LinkError::OtherIdentity);
    owner.change(|account| account.pni_identity_key = owner.account.pni_identity_key.clone()).await;

    let auth = owner.account.devices[0].auth.clone();
    owner.change(|account| account.devices[0].auth.freeze()).await;
    assert_eq!(refused(owner.device()).await, LinkError::NotPermitted);
    owner.change(|account| account.devices[0].auth = auth.clone()).await;

    for _ in 1..Account::MOST_DEVICES {
        owner.added().await;
    }
    assert_eq!(refused(owner.device()).await, LinkError::Full { devices: Account::MOST_DEVICES });
    let used = rows(&owner.store.storage.dynamo, Rows::LinkTokens).await;
    assert_eq!(used.len(), Account::MOST_DEVICES - 1, "whoever was refused has used up no token");

    let asking = &owner.account.devices[0];
    let keys = |account: &Account| owner.store.keys().writes_for_removed_account(account);
    owner.store.accounts().remove(&owner.account, (asking.id, &asking.auth), keys).await.unwrap();
    let permit = owner.permit();
    assert_eq!(owner.add(&permit, owner.device()).await.unwrap_err(), LinkError::NotPermitted);
    Audit::of(&owner.store.storage).await.expect_clean();
}

/// Tries to join, all at once.
async fn race(owner: &Arc<Owner>, permits: Vec<LinkPermit>) -> Vec<Result<Linked, LinkError>> {
    let everybody = Arc::new(Barrier::new(permits.len()));
    let rivals = permits.into_iter().map(|permit| {
        let (owner, everybody) = (owner.clone(), everybody.clone());
        tokio::spawn(async move {
            everybody.wait().await;
            owner.add(&permit, owner.device()).await
        })
    });
    let rivals: Vec<_> = rivals.collect();
    join_all(rivals).await.into_iter().map(|rival| rival.expect("no panic")).collect()
}

async fn of_many_with_one_token_one_joins(engine: Engine) {
    let owner = Arc::new(Owner::settle(&engine).await);
    let results = race(&owner, vec![owner.permit(); RIVALS]).await;
    let (joined, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(joined.len(), 1);
    assert!(refused.into_iter().all(|result| matches!(result, Err(LinkError::NotPermitted))));
    assert_eq!(owner.now().await.devices.len(), 2);
    assert_eq!(Audit::of(&owner.store.storage).await.expect_clean().keys, 4);
}

async fn of_many_for_the_last_place_one_joins(engine: Engine) {
    let owner = Arc::new(Owner::settle(&engine).await);
    for _ in 2..Account::MOST_DEVICES {
        owner.added().await;
    }
    let results = race(&owner, (0..RIVALS).map(|_| owner.permit()).collect()).await;
    let (joined, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(joined.len(), 1);
    assert!(refused.into_iter().all(|result| matches!(result, Err(LinkError::Full { devices: 6 }))));
    let ids: Vec<_> = owner.now().await.devices.iter().map(|device| device.id.get()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    assert_eq!(Audit::of(&owner.store.storage).await.expect_clean().keys, 12);
}

async fn a_removal_takes_the_device_that_was_meant(engine: Engine) {
    let owner = Owner::settle(&engine).await;
    let first = owner.added().await;
    let Unlinked::Removed(removed) = owner.remove(first.device).await else { panic!("it was there") };
    assert_eq!(Some(&*removed), first.account.device(first.device));
    assert_eq!(owner.remove(first.device).await, Unlinked::Absent);
    assert_eq!(owner.store.keys().get(ServiceId::Aci(owner.account.aci), id(2)).await.unwrap(), None);

    // The answer to a removal is lost. Until it is sent again, another device gets the id. That one stays.
    let second = owner.added().await;
    owner.store.faults.once(COMMIT, Fault::LoseReply);
    (0..7).for_each(|_| owner.store.faults.once(COMMIT, Fault::Conflict));
    let (unlinked, third) = tokio::join!(owner.remove(second.device), async {
        while owner.now().await.devices.len() > 1 {
            tokio::task::yield_now().await;
        }
        // Past the one writer that the faults are meant for.
        let mut account = owner.now().await;
        account.devices.push(owner.device().at(id(2), owner.store.now()));
        account.version += 1;
        let row = signet_storage::dynamo::items::to_item(&account);
        owner.store.storage.dynamo.put_all(Rows::Accounts, vec![row]).await.unwrap();
        account
    });
    let removed = second.account.device(second.device).unwrap().clone();
    assert_eq!(unlinked, Unlinked::Removed(Box::new(removed)));
    assert_eq!(owner.now().await, third);

    // Who was replaced has nothing to say.
    let stranger = SaltedTokenHash::of("another", &owner.store.storage.chance);
    let keys = |_: &Account| Vec::new();
    for by in [(DeviceId::PRIMARY, &stranger), (id(5), &stranger)] {
        let unlinked = owner.store.accounts().remove_device(owner.account.aci, by, id(2), keys).await;
        assert_eq!(unlinked, Ok(Unlinked::NotLetIn));
    }
    assert_eq!(owner.now().await, third);
}

async fn an_addition_whose_answer_was_lost_knows_its_own_device(engine: Engine) {
    let owner = Owner::settle(&engine).await;
    // Committed, and unheard; then others are in the way until a fresh look is taken. It finds its device.
    owner.store.faults.once(COMMIT, Fault::LoseReply);
    (0..7).for_each(|_| owner.store.faults.once(COMMIT, Fault::Conflict));
    let linked = owner.added().await;
    owner.store.faults.heal();
    assert_eq!((linked.device, linked.account.version), (id(2), 1));
    assert_eq!(owner.now().await, linked.account);
    assert_eq!(Audit::of(&owner.store.storage).await.expect_clean().keys, 4);
}
