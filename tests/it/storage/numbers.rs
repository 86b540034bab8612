//! Accounts that change their number: what moves, what stays, who ends by it, and whose ACI comes back where.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use signet_storage::accounts::{AccountsError, Destination, Slot};
use signet_storage::dynamo::faults::Fault;
use signet_storage::ids::{DeviceId, RegistrationId, ServiceId};
use signet_storage::model::Account;
use signet_tests::registrant::{cleared, permit, verified};
use signet_tests::{Audit, Engine, Registrant, Store};
use tokio::sync::Barrier;

const HERE: &str = "+12025550101";
const THERE: &str = "+12025550102";
/// Two ways to write one line in Benin.
const FORMS: [&str; 2] = ["+22997123456", "+2290197123456"];
const COMMIT: &str = "TransactWriteItems";
const RIVALS: usize = 16;
const REMEMBERED: Duration = Duration::from_secs(30 * 86_400);
const MS: Duration = Duration::from_millis(1);

on_each_engine! {
    a_free_number_is_moved_to_with_all_devices,
    whoever_has_the_number_ends_by_the_same_commit,
    the_number_that_was_left_remembers_whom_its_account_displaced,
    two_may_chase_each_other_and_keep_their_ids,
    what_a_free_number_remembered_moves_to_the_one_that_was_left,
    another_form_of_a_number_is_the_same_number,
    the_same_number_gets_another_identity,
    nothing_moves_by_an_old_look,
    evidence_for_another_number_moves_nothing,
    a_number_is_not_had_by_an_account_that_just_left_it,
    a_move_whose_answer_was_lost_knows_its_own_rows,
    a_move_that_nobody_answered_for_leaves_no_old_copy,
    of_many_who_want_a_free_number_one_gets_it,
    two_who_swap_at_once_leave_a_whole_story,
}

async fn account(store: &Store, number: &str) -> (Registrant, Account) {
    let who = Registrant::generate();
    let account = who.register(store, number).await.unwrap();
    (who, account)
}

/// With so many devices in all.
async fn account_with(store: &Store, number: &str, devices: usize) -> (Registrant, Account) {
    let (who, mut account) = account(store, number).await;
    while account.devices.len() < devices {
        store.clock.advance(MS);
        let permit = permit(account.aci, store.now());
        account = who.link(store, &permit, &account, who.further_device()).await.unwrap().account;
    }
    (who, account)
}

async fn stored(store: &Store, account: &Account) -> Option<Account> {
    store.accounts().get(account.aci).await.unwrap()
}

async fn cached(store: &Store, account: &Account) -> Option<Account> {
    store.accounts().get_cached(account.aci).await.as_deref().cloned()
}

fn device(id: u8) -> DeviceId {
    DeviceId::try_from(id).unwrap()
}

async fn a_free_number_is_moved_to_with_all_devices(engine: Engine) {
    let store = engine.open().await;
    let (me, before) = account_with(&store, HERE, 6).await;
    let new = Registrant::generate();
    store.clock.advance(Duration::from_secs(3600));
    let after = new.change_number(&store, &before, THERE).await.unwrap();

    assert_eq!((after.aci, after.version), (before.aci, before.version + 1));
    assert_eq!((after.created_at, after.registered_at), (before.created_at, before.registered_at));
    assert_eq!(after.phone_number.as_str(), THERE);
    assert_ne!(after.pni, before.pni);
    assert_eq!(after.identity_key, before.identity_key);
    assert_eq!(after.pni_identity_key.as_bytes(), new.pni.identity().serialize());
    for (was, is) in before.devices.iter().zip(&after.devices) {
        assert_eq!((is.id, &is.auth, is.registration_id), (was.id, &was.auth, was.registration_id));
        assert_eq!(is.pni_registration_id.map(RegistrationId::get), Some(4567));
        let row = store.keys().get(ServiceId::Pni(after.pni), is.id).await.unwrap().unwrap();
        assert_eq!((&row.identity, row.registration_id.get()), (new.pni.identity(), 4567));
        assert_eq!(store.keys().get(ServiceId::Pni(before.pni), is.id).await.unwrap(), None);
        let row = store.keys().get(ServiceId::Aci(after.aci), is.id).await.unwrap().unwrap();
        assert_eq!(&row.identity, me.aci.identity());
    }
    assert_eq!(
        (stored(&store, &after).await.as_ref(), cached(&store, &after).await.as_ref()),
        (Some(&after), Some(&after))
    );
    assert_eq!(store.accounts().aci_of_pni(before.pni).await.unwrap(), None);
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.claims, audit.keys), (3, 12), "the number that was left keeps its PNI");

    // Whoever registers it is somebody else, and has that PNI.
    let (_, next) = account(&store, HERE).await;
    assert_eq!(next.pni, before.pni);
    assert_ne!(next.aci, before.aci);
    Audit::of(&store.storage).await.expect_clean();
}

async fn whoever_has_the_number_ends_by_the_same_commit(engine: Engine) {
    let store = engine.open().await;
    for (n, (mine, theirs)) in [(1, 6), (6, 1), (2, 2)].into_iter().enumerate() {
        let [here, there] = [format!("+1202555010{n}"), format!("+1202555011{n}")];
        let ((me, a), (_, b)) = (account_with(&store, &here, mine).await, account_with(&store, &there, theirs).await);
        assert_eq!(cached(&store, &b).await.as_ref(), Some(&b));
        let after = me.change_number(&store, &a, &there).await.unwrap();
        assert_eq!((after.aci, after.pni), (a.aci, b.pni));
        assert_eq!((stored(&store, &b).await, cached(&store, &b).await), (None, None));
        store.accounts().remember(&b, store.now()).await;
        assert_eq!(cached(&store, &b).await, None, "a slow reader does not bring it back");
        let audit = Audit::of(&store.storage).await.expect_clean();
        assert!(audit.accounts.contains(&after));
    }
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (3, 9, 2 * (1 + 6 + 2)));
}

async fn the_number_that_was_left_remembers_whom_its_account_displaced(engine: Engine) {
    let store = engine.open().await;
    for (n, (later, same)) in [(REMEMBERED - MS, true), (REMEMBERED, false)].into_iter().enumerate() {
        let [here, there] = [format!("+1202555010{n}"), format!("+1202555011{n}")];
        let ((me, a), (them, b)) = (account(&store, &here).await, account(&store, &there).await);
        me.change_number(&store, &a, &there).await.unwrap();
        store.clock.advance(later);
        let back = them.register(&store, &here).await.unwrap();
        assert_eq!((back.aci == b.aci, back.pni), (same, a.pni), "{later:?}");
        assert_eq!(back.version, if same { b.version + 1 } else { 0 }, "versions of an ACI never repeat");
        assert_eq!(cached(&store, &back).await.as_ref(), Some(&back));
        Audit::of(&store.storage).await.expect_clean();
    }
}

async fn two_may_chase_each_other_and_keep_their_ids(engine: Engine) {
    let store = engine.open().await;
    let ((me, mut a), (them, mut b)) = (account(&store, HERE).await, account(&store, THERE).await);
    let pnis = [a.pni, b.pni];
    for round in 0..4 {
        let [from, to] = if round % 2 == 0 { [HERE, THERE] } else { [THERE, HERE] };
        a = me.change_number(&store, &a, to).await.unwrap();
        assert_eq!((a.phone_number.as_str(), a.pni), (to, pnis[1 - round % 2]));
        let back = them.register(&store, from).await.unwrap();
        assert_eq!((back.aci, back.pni), (b.aci, pnis[round % 2]), "round {round}");
        assert!(back.version > b.version);
        b = back;
        let audit = Audit::of(&store.storage).await.expect_clean();
        assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (2, 4, 4));
    }
}

async fn what_a_free_number_remembered_moves_to_the_one_that_was_left(engine: Engine) {
    let store = engine.open().await;
    let ((me, a), (_, gone)) = (account(&store, HERE).await, account(&store, THERE).await);
    let asked_by = (device(1), &gone.devices[0].auth);
    let keys = |account: &Account| store.keys().writes_for_removed_account(account);
    assert!(store.accounts().remove(&gone, asked_by, keys).await.unwrap());
    store.clock.advance(REMEMBERED - MS);

    let after = me.change_number(&store, &a, THERE).await.unwrap();
    assert_eq!((after.aci, after.pni), (a.aci, gone.pni));
    store.clock.advance(REMEMBERED - MS);
    let (_, next) = account(&store, HERE).await;
    assert_eq!((next.aci, next.version), (gone.aci, gone.version + 1), "from the move on, for thirty days");
    Audit::of(&store.storage).await.expect_clean();
}

async fn another_form_of_a_number_is_the_same_number(engine: Engine) {
    let store = engine.open().await;
    let (me, mut a) = account_with(&store, FORMS[0], 2).await;
    for form in [FORMS[1], FORMS[0]] {
        let after = me.change_number(&store, &a, form).await.unwrap();
        assert_eq!((after.aci, after.pni, after.version), (a.aci, a.pni, a.version + 1));
        assert_eq!(after.phone_number.as_str(), form);
        let audit = Audit::of(&store.storage).await.expect_clean();
        assert_eq!((audit.claims, audit.keys), (2, 4));
        a = after;
    }
    // A holder is displaced whichever form it is asked for by.
    let (them, b) = account(&store, HERE).await;
    let after = them.change_number(&store, &b, FORMS[1]).await.unwrap();
    assert_eq!((after.phone_number.as_str(), after.pni), (FORMS[1], a.pni));
    assert_eq!(Audit::of(&store.storage).await.expect_clean().accounts, [after]);
}

async fn the_same_number_gets_another_identity(engine: Engine) {
    let store = engine.open().await;
    let (_, a) = account_with(&store, HERE, 2).await;
    let new = Registrant::generate();
    let after = new.move_to(&store, &a, Destination::Same).await.unwrap();
    assert_eq!((after.aci, after.pni, &after.phone_number), (a.aci, a.pni, &a.phone_number));
    assert_eq!(after.pni_identity_key.as_bytes(), new.pni.identity().serialize());
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.claims, audit.keys), (2, 4));
}

async fn nothing_moves_by_an_old_look(engine: Engine) {
    let store = engine.open().await;
    let ((me, a), (them, b)) = (account(&store, HERE).await, account(&store, THERE).await);
    let free = verified("+12025550103", store.now());
    let vacant = store.accounts().slot_for(&free).await.unwrap();
    let held = cleared(b.clone(), store.now());

    // The holder registered again since its lock was looked at.
    let b = them.register(&store, THERE).await.unwrap();
    let there = verified(THERE, store.now());
    let moved = me.move_to(&store, &a, Destination::Held(&there, Box::new(held))).await;
    assert_eq!(moved, Err(AccountsError::Contested));
    // Somebody else got the free number.
    let (_, c) = account(&store, "+12025550103").await;
    assert_eq!(me.move_into(&store, &a, vacant, &free).await, Err(AccountsError::Contested));
    // The account itself changed.
    let now = me.register(&store, HERE).await.unwrap();
    assert_eq!(me.change_number(&store, &a, "+12025550104").await, Err(AccountsError::Contested));
    assert_eq!(me.change_number(&store, &a, THERE).await, Err(AccountsError::Contested));

    let audit = Audit::of(&store.storage).await.expect_clean();
    let mut versions: Vec<_> = audit.accounts.iter().map(|account| (account.aci, account.version)).collect();
    versions.sort_unstable();
    let mut expected = [now, b, c].map(|account| (account.aci, account.version));
    expected.sort_unstable();
    assert_eq!(versions, expected);
    assert_eq!((audit.claims, audit.keys), (6, 6));
}

async fn evidence_for_another_number_moves_nothing(engine: Engine) {
    let store = engine.open().await;
    let ((me, a), (_, b)) = (account(&store, HERE).await, account(&store, THERE).await);
    let free = verified("+12025550103", store.now());
    for to in [
        Destination::Form(&free),
        Destination::Held(&free, Box::new(cleared(b.clone(), store.now()))),
        Destination::Held(&verified(HERE, store.now()), Box::new(cleared(a.clone(), store.now()))),
    ] {
        let named = format!("{to:?}");
        assert!(matches!(me.move_to(&store, &a, to).await, Err(AccountsError::Store(_))), "{named}");
    }
    assert_eq!((stored(&store, &a).await, stored(&store, &b).await), (Some(a), Some(b)));
    Audit::of(&store.storage).await.expect_clean();
}

/// The claim is read, then the account moves, then the account is read: it is not the one that has the number.
async fn a_number_is_not_had_by_an_account_that_just_left_it(engine: Engine) {
    let store = engine.open().await;
    let (me, a) = account(&store, HERE).await;
    let number = verified(HERE, store.now());
    let accounts = store.accounts();
    store.faults.once("GetItem", Fault::DelayReply(Duration::from_millis(400)));
    let (slot, moved) = tokio::join!(accounts.slot_for(&number), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        me.change_number(&store, &a, THERE).await
    });
    assert_eq!(moved.unwrap().phone_number.as_str(), THERE);
    assert_eq!(slot.unwrap_err(), AccountsError::Contested);
}

async fn a_move_whose_answer_was_lost_knows_its_own_rows(engine: Engine) {
    let store = engine.open().await;
    let ((me, a), (them, b)) = (account_with(&store, HERE, 2).await, account_with(&store, THERE, 3).await);
    store.faults.once(COMMIT, Fault::LoseReply);
    let displacing = me.change_number(&store, &a, THERE).await.unwrap();
    assert_eq!((displacing.version, displacing.pni), (a.version + 1, b.pni));
    store.faults.once(COMMIT, Fault::LoseReply);
    let free = me.change_number(&store, &displacing, "+12025550103").await.unwrap();
    store.faults.once(COMMIT, Fault::LoseReply);
    let same = me.move_to(&store, &free, Destination::Same).await.unwrap();
    assert_eq!(same.version, a.version + 3);
    assert_eq!(Audit::of(&store.storage).await.expect_clean().accounts, [same]);
    assert_eq!(them.register(&store, HERE).await.unwrap().aci, b.aci);
}

async fn a_move_that_nobody_answered_for_leaves_no_old_copy(engine: Engine) {
    let store = engine.open().await;
    let ((me, a), (_, b)) = (account(&store, HERE).await, account(&store, THERE).await);
    store.faults.always(COMMIT, Fault::LoseReply);
    assert!(matches!(me.change_number(&store, &a, THERE).await, Err(AccountsError::Store(_))));
    store.faults.heal();
    assert_eq!((cached(&store, &a).await, cached(&store, &b).await), (None, None));
    assert_eq!(stored(&store, &b).await, None);
    assert_eq!(stored(&store, &a).await.unwrap().phone_number.as_str(), THERE);
    Audit::of(&store.storage).await.expect_clean();

    store.faults.always(COMMIT, Fault::LoseRequest);
    let a = stored(&store, &a).await.unwrap();
    assert!(matches!(me.change_number(&store, &a, "+12025550103").await, Err(AccountsError::Store(_))));
    store.faults.heal();
    assert_eq!(stored(&store, &a).await, Some(a));
    Audit::of(&store.storage).await.expect_clean();
}

async fn of_many_who_want_a_free_number_one_gets_it(engine: Engine) {
    let store = Arc::new(engine.open().await);
    let mut people = Vec::new();
    for n in 0..RIVALS {
        people.push(account(&store, &format!("+120255501{n:02}")).await);
    }
    let everybody_looked = Arc::new(Barrier::new(RIVALS));
    let rival = |(n, (me, seen)): (usize, (Registrant, Account))| {
        let (store, everybody_looked) = (store.clone(), everybody_looked.clone());
        tokio::spawn(async move {
            let verified = verified(FORMS[n % 2], store.now());
            let slot = store.accounts().slot_for(&verified).await.unwrap();
            assert!(matches!(slot, Slot::Vacant(_)));
            everybody_looked.wait().await;
            me.move_into(&store, &seen, slot, &verified).await
        })
    };
    let results = join_all(people.into_iter().enumerate().map(rival)).await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, RIVALS - 1));
    assert!(lost.into_iter().all(|result| result == Err(AccountsError::Contested)));
    let audit = Audit::of(&store.storage).await.expect_clean();
    assert_eq!((audit.accounts.len(), audit.claims, audit.keys), (RIVALS, 2 * RIVALS + 1, 2 * RIVALS));
}

/// Both read, both write: at most one account of the two is left out, and nothing of it.
async fn two_who_swap_at_once_leave_a_whole_story(engine: Engine) {
    let store = Arc::new(engine.open().await);
    for round in 0..8_u8 {
        let [here, there] = [format!("+1202555{:04}", 2 * round), format!("+1202555{:04}", 2 * round + 1)];
        let (mine, theirs) = (account(&store, &here).await, account(&store, &there).await);
        let both_looked = Arc::new(Barrier::new(2));
        let goes = |(me, seen): (Registrant, Account), to: String| {
            let (store, both_looked) = (store.clone(), both_looked.clone());
            tokio::spawn(async move {
                let verified = verified(&to, store.now());
                let slot = store.accounts().slot_for(&verified).await.unwrap();
                both_looked.wait().await;
                me.move_into(&store, &seen, slot, &verified).await
            })
        };
        let accounts = [mine.1.clone(), theirs.1.clone()];
        let (one, other) = tokio::join!(goes(mine, there), goes(theirs, here));
        let moved = [one.unwrap(), other.unwrap()];
        assert_eq!(moved.iter().filter(|moved| moved.is_ok()).count(), 1, "the other one is gone");
        for (moved, (was, other)) in moved.into_iter().zip([(&accounts[0], &accounts[1]), (&accounts[1], &accounts[0])])
        {
            let Ok(moved) = moved else { continue };
            assert_eq!((moved.aci, moved.pni), (was.aci, other.pni));
            assert_eq!(stored(&store, other).await, None);
        }
    }
    Audit::of(&store.storage).await.expect_clean();
}
