//! Two forms of one number (§2.2, §16 no. 9): an account that takes the other form keeps its PNI.

use serde_json::json;
use signet_tests::Audit;

use super::{HERE, LOCK, NEW_FORM, OLD_FORM, PIN, Town, Via, changed};

/// Sessions are for the new form only, so the old one can only be had by a recovery password, which is the number's in any form.
#[tokio::test]
async fn from_the_old_form_to_the_new_one() {
    for via in Via::ALL {
        let town = Town::open();
        let who = town.settle_with(NEW_FORM, &[(LOCK, Some(json!(PIN)))]).await;
        town.link(&who).await;
        let old = |account: &mut signet_storage::model::Account, _| {
            account.phone_number = signet_storage::number::E164::parse(OLD_FORM).unwrap();
            ((), Vec::new())
        };
        town.t.registry.accounts.update("test", who.aci, old).await.unwrap();
        let before = town.account(&who).await;
        let body = town.body(&who, NEW_FORM).await;

        // It is another text, so it has to be proved.
        let bogus = changed(body.clone(), &[("/sessionId", Some(json!("AAAA")))]);
        assert_eq!(town.ask(via, &who, &bogus).await.status, 400);
        // One's own lock is not asked for.
        let answer = town.ask(via, &who, &body).await.expect(200);
        assert_eq!((&answer["number"], &answer["pni"]), (&json!(NEW_FORM), &json!(before.pni)));
        let after = town.account(&who).await;
        assert_eq!((after.pni, after.phone_number.as_str()), (before.pni, NEW_FORM));
        assert_ne!(after.pni_identity_key, before.pni_identity_key);
        assert!(!after.is_frozen() && after.registration_lock.is_some());
        let audit = Audit::of(&town.t.registry.storage).await.expect_clean();
        assert_eq!((audit.claims, audit.keys), (2, 4));
    }
}

/// Whoever has the one form is displaced by whoever proves the other.
#[tokio::test]
async fn a_holder_of_the_other_form_is_found() {
    let town = Town::open();
    let (who, holder) = (town.settle(HERE).await, town.settle(NEW_FORM).await);
    let old = |account: &mut signet_storage::model::Account, _| {
        account.phone_number = signet_storage::number::E164::parse(OLD_FORM).unwrap();
        ((), Vec::new())
    };
    town.t.registry.accounts.update("test", holder.aci, old).await.unwrap();
    let pni = town.account(&holder).await.pni;
    let answer = town.moves(&who, NEW_FORM).await.expect(200);
    assert_eq!(answer["pni"], json!(pni));
    assert_eq!(town.stored(&holder).await, None);
    assert_eq!(Audit::of(&town.t.registry.storage).await.expect_clean().accounts.len(), 1);
}
