//! Accounts one at a time: created, read, reclaimed, and whose number is whose for ever.

use std::time::Duration;

use signet_keys::rows::key as key_row;
use signet_storage::accounts::{AccountsError, Slot};
use signet_storage::dynamo::Write;
use signet_storage::dynamo::items::{key, text};
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::{DeviceId, NumberId, ServiceId};
use signet_storage::model::Account;
use signet_tests::registrant::{permit, verified};
use signet_tests::{Audit, Engine, Registrant, Store};

const NUMBER: &str = "+12025550123";
/// Two ways to write one line in Benin.
const OLD_FORM: &str = "+22997123456";
const NEW_FORM: &str = "+2290197123456";

on_each_engine! {
    an_account_reads_as_it_was_created,
    its_keys_come_with_it,
    a_vacant_slot_writes_nothing,
    who_registers_again_keeps_both_identities,
    reclaiming_removes_the_keys_of_linked_devices,
    either_form_of_a_number_finds_its_account,
    a_number_keeps_its_pni_without_an_account,
    a_stale_slot_is_contested,
    a_claim_without_its_account_is_contested_and_not_taken_over,
}

async fn occupied(store: &Store, number: &str) -> Account {
    match store.accounts().slot_for(&verified(number, store.now())).await.unwrap() {
        Slot::Occupied(account) => *account,
        Slot::Vacant(_) => panic!("nobody has the number"),
    }
}

async fn an_account_reads_as_it_was_created(engine: Engine) {
    let store = engine.open().await;
    let created = Registrant::generate().register(&store, NUMBER).await.unwrap();
    assert_eq!((created.version, created.phone_number.as_str()), (0, NUMBER));
    assert_eq!(store.accounts().get(created.aci).await.unwrap().as_ref(), Some(&created));
    assert_eq!(store.accounts().get_cached(created.aci).await.as_deref(), Some(&created));
    assert_eq!(occupied(&store, NUMBER).await, created);
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.accounts, audit.claims, audit.keys), (vec![created.clone()], 2, 2));
    if !engine.is_embedded() {
        let another_node = engine.open().await;
        assert_eq!(another_node.accounts().get(created.aci).await.unwrap(), Some(created));
    }
}

async fn its_keys_come_with_it(engine: Engine) {
    let store = engine.open().await;
    let me = Registrant::generate();
    let account = me.register(&store, NUMBER).await.unwrap();
    for (identity, sent) in [(ServiceId::Aci(account.aci), &me.aci), (ServiceId::Pni(account.pni), &me.pni)] {
        let stored = store.keys().get(identity, DeviceId::PRIMARY).await.unwrap().unwrap();
        assert_eq!(&stored.identity, sent.identity());
        assert_eq!((&stored.signed, &stored.last_resort), (sent.signed(), sent.last_resort()));
        assert_eq!(stored.created, [store.now(); 2]);
        assert_eq!(store.keys().get(identity, DeviceId::try_from(2).unwrap()).await.unwrap(), None);
    }
}

async fn a_vacant_slot_writes_nothing(engine: Engine) {
    let store = engine.open().await;
    let slot = store.accounts().slot_for(&verified(NUMBER, store.now())).await.unwrap();
    assert!(matches!(slot, Slot::Vacant(_)));
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (0, 0, 0));
}

async fn who_registers_again_keeps_both_identities(engine: Engine) {
    let store = engine.open().await;
    let (me, my_new_phone) = (Registrant::generate(), Registrant::generate());
    let mut before = me.register(&store, NUMBER).await.unwrap();
    for round in 1..=3 {
        store.clock.advance(Duration::from_secs(3600));
        let after = my_new_phone.register(&store, NUMBER).await.unwrap();
        assert_eq!((after.aci, after.pni, after.version), (before.aci, before.pni, round));
        assert_eq!(after.created_at, before.created_at);
        assert_eq!(after.identity_key.as_bytes(), my_new_phone.aci.identity().serialize());
        let device = after.device(DeviceId::PRIMARY).unwrap();
        assert!(device.auth.verify(&my_new_phone.password) && !device.auth.verify(&me.password));
        assert_eq!(device.created, store.now());
        assert_eq!(store.accounts().get(after.aci).await.unwrap().as_ref(), Some(&after));
        assert_eq!(store.accounts().get_cached(after.aci).await.as_deref(), Some(&after));
        before = after;
    }
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (1, 2, 2));
}

async fn reclaiming_removes_the_keys_of_linked_devices(engine: Engine) {
    let store = engine.open().await;
    let me = Registrant::generate();
    let account = me.register(&store, NUMBER).await.unwrap();
    for id in [2, 3] {
        store.clock.advance(Duration::from_millis(1));
        let linked = me.link(&store, &permit(account.aci, store.now()), &account, me.further_device()).await;
        assert_eq!(linked.unwrap().device, DeviceId::try_from(id).unwrap());
    }
    assert_eq!(Audit::of(&store.storage).await.expect_clean().keys, 6);

    let again = Registrant::generate().register(&store, NUMBER).await.unwrap();
    assert_eq!(again.devices.len(), 1);
    assert_eq!(Audit::of(&store.storage).await.expect_clean().keys, 2);
}

async fn either_form_of_a_number_finds_its_account(engine: Engine) {
    for (first, second) in [(OLD_FORM, NEW_FORM), (NEW_FORM, OLD_FORM)] {
        let store = engine.open().await;
        let me = Registrant::generate();
        let before = me.register(&store, first).await.unwrap();
        assert_eq!(occupied(&store, second).await, before);
        let after = me.register(&store, second).await.unwrap();
        assert_eq!((after.aci, after.pni), (before.aci, before.pni));
        assert_eq!(after.phone_number.as_str(), second);
        let audit = Audit::of(&store.storage).await.expect_clean();
        assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (1, 2, 2));
        let directory = engine.config().storage.path;
        drop(store);
        if engine.is_embedded() {
            signet_tests::engine::until_free(&directory).await;
        }
    }
}

async fn a_number_keeps_its_pni_without_an_account(engine: Engine) {
    let store = engine.open().await;
    let pni = NumberId::draw(&store.storage.chance);
    let mut claim = key("claim", format!("tel#{NEW_FORM}"));
    claim.insert("pni".to_owned(), text(pni.to_string()));
    store.storage.dynamo.commit("test", vec![Write::put("claim", Table::Claims, claim)]).await.unwrap();
    Audit::of(&store.storage).await.expect_clean();
    let account = Registrant::generate().register(&store, OLD_FORM).await.unwrap();
    assert_eq!(account.pni, pni);
    Audit::of(&store.storage).await.expect_clean();
}

async fn a_stale_slot_is_contested(engine: Engine) {
    let store = engine.open().await;
    let (me, other) = (Registrant::generate(), Registrant::generate());
    let mine = verified(NUMBER, store.now());
    let vacant = store.accounts().slot_for(&mine).await.unwrap();
    let winner = other.register(&store, NUMBER).await.unwrap();
    assert_eq!(me.register_into(&store, vacant, &mine).await, Err(AccountsError::Contested));

    let occupied = store.accounts().slot_for(&mine).await.unwrap();
    let again = other.register(&store, NUMBER).await.unwrap();
    assert_eq!(again.aci, winner.aci);
    assert_eq!(me.register_into(&store, occupied, &mine).await, Err(AccountsError::Contested));
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!(audit.accounts, [again]);
}

async fn a_claim_without_its_account_is_contested_and_not_taken_over(engine: Engine) {
    let store = engine.open().await;
    let me = Registrant::generate();
    let account = me.register(&store, NUMBER).await.unwrap();
    // What a reader sees who looks at the claim before, and at the account after a deletion.
    let gone = Write::delete("account", Table::Accounts, key("aci", account.aci.to_string()));
    store.storage.dynamo.commit("test", vec![gone]).await.unwrap();
    assert_eq!(me.register(&store, NUMBER).await, Err(AccountsError::Contested));
    // And the audit does see such things.
    let problems = Audit::of(&store.storage).await.problems;
    assert_eq!(problems.len(), 4, "two claims and two key rows of nobody: {problems:?}");
    let stray = Write::delete("keys", Table::Keys, key_row(ServiceId::Pni(account.pni), DeviceId::PRIMARY));
    store.storage.dynamo.commit("test", vec![stray]).await.unwrap();
    assert_eq!(Audit::of(&store.storage).await.problems.len(), 3);
}
