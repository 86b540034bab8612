//! The number that the account has already: nothing is proved, keys are replaced (§10.2). So a client that got no answer finds out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signet::events::Event;
use signet_storage::ids::{DeviceId, ServiceId};
use signet_tests::Audit;

use super::{HERE, LOCK, PIN, THERE, Town, Via, changed, heard};

#[tokio::test]
async fn any_proof_will_do_and_the_keys_are_replaced() {
    for via in Via::ALL {
        let town = Town::open();
        let who = town.settle_with(HERE, &[(LOCK, Some(json!(PIN)))]).await;
        town.link(&who).await;
        let before = town.account(&who).await;
        let mut events = town.listen();
        let body = town.body_by(&who, HERE, json!({"sessionId": "AAAA"})).await;
        let answer = town.ask(via, &who, &body).await.expect(200);
        assert_eq!((&answer["number"], &answer["pni"]), (&json!(HERE), &json!(before.pni)));
        let row = town.t.registry.keys.get(ServiceId::Pni(before.pni), DeviceId::PRIMARY).await.unwrap().unwrap();
        assert_eq!(json!(STANDARD.encode(row.identity.serialize())), body["pniIdentityKey"]);
        assert_eq!(heard(&mut events), [Event::NumberChanged { aci: who.aci, displaced: None, messages: 1 }]);
        assert!(!town.account(&who).await.is_frozen());
        Audit::of(&town.t.registry.storage).await.expect_clean();

        // But no proof at all is no request, and devices are judged.
        assert_eq!(town.ask(via, &who, &changed(body.clone(), &[("/sessionId", None)])).await.status, 422);
        assert_eq!(town.ask(via, &who, &changed(body, &[("/pniRegistrationIds/2", None)])).await.status, 409);
    }
}

#[tokio::test]
async fn whoever_got_no_answer_asks_again() {
    let town = Town::open();
    let (who, holder) = (town.settle(HERE).await, town.settle_with(THERE, &[(LOCK, Some(json!(PIN)))]).await);
    let body = changed(town.body(&who, THERE).await, &[("/reglock", Some(json!(PIN)))]);
    let first = town.ask(Via::Rest, &who, &body).await.expect(200);
    let again = town.ask(Via::Socket, &who, &body).await.expect(200);
    assert_eq!(first, again);
    assert_eq!(town.stored(&holder).await, None);
    assert_eq!(town.account(&who).await.version, 2);
}
