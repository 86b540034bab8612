//! `ChangeNumber` (§8.4, registration §10): what a client has to expect is an answer, all else a status.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::json;
use signet::grpc::proto::org::signal::chat::account::change_number_request::Verification;
use signet::grpc::proto::org::signal::chat::account::change_number_response::Response;
use signet::grpc::proto::org::signal::chat::account::{ChangeNumberRequest, RegistrationLockFailure};
use signet::grpc::proto::org::signal::chat::common::AccountIdentifiers;
use signet::grpc::proto::org::signal::chat::errors::FailedPrecondition;
use signet::grpc::proto::org::signal::chat::messages::individual_recipient_message_bundle::Message;
use signet::grpc::proto::org::signal::chat::messages::{
    IndividualRecipientMessageBundle, MismatchedDevices, SendMessageType, StaleDevices,
};
use signet_config::LimitId;
use signet_keys::signing::IdentityKeyPair;
use signet_storage::dynamo::faults::Fault;
use signet_tests::grpc::{Said, outcome};
use signet_tests::{Audit, Table};
use tonic::Code;

use super::{Exchange, NUMBER, OTHER, Person, aci, kem, limit, pni, signed};

const LOCK: &str = "/accountAttributes/registrationLock";
const HOUR: Duration = Duration::from_secs(3600);

type Change = Box<dyn Fn(&mut ChangeNumberRequest)>;

fn open() -> Exchange {
    Exchange::open_with(|config| config.accounts.change_number_wait = Duration::ZERO)
}

async fn session(x: &Exchange, number: &str) -> Vec<u8> {
    URL_SAFE.decode(x.t.verified_session(number).await).unwrap()
}

/// A request that is right, for the account as it is.
async fn request(x: &Exchange, who: &Person, number: &str) -> ChangeNumberRequest {
    let (identity, account) = (IdentityKeyPair::generate(), x.account(who).await);
    let ids: Vec<_> = account.devices.iter().map(|d| (u32::from(d.id.get()), d.registration_id.get())).collect();
    let message = |id: u16| Message {
        registration_id: id.into(),
        payload: vec![7; 40],
        r#type: SendMessageType::DoubleRatchet.into(),
    };
    let others = ids.iter().filter(|(device, _)| *device != 1);
    ChangeNumberRequest {
        verification: Some(Verification::SessionId(session(x, number).await)),
        number: number.to_owned(),
        registration_lock: Vec::new(),
        pni_identity_key: identity.public().serialize().to_vec(),
        device_messages: Some(IndividualRecipientMessageBundle {
            timestamp: 1,
            messages: others.map(|(device, id)| (*device, message(*id))).collect(),
        }),
        device_pni_ec_signed_pre_keys: ids.iter().map(|(device, _)| (*device, signed(&identity, *device))).collect(),
        device_pni_kem_last_resort_pre_keys: ids.iter().map(|(device, _)| (*device, kem(&identity, *device))).collect(),
        pni_registration_ids: ids.iter().map(|(device, _)| (*device, 1000 + device)).collect(),
    }
}

async fn ask(x: &Exchange, who: &Person, request: ChangeNumberRequest) -> Result<Response, Said> {
    outcome(x.accounts().change_number(who.says(request)).await).map(|answer| answer.response.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_account_moves_and_displaces_the_holder() {
    let x = open();
    let (me, holder) = (x.register(NUMBER).await, x.register(OTHER).await);
    x.link(&me).await;
    let moves = request(&x, &me, OTHER).await;
    let identifiers = AccountIdentifiers {
        service_identifiers: [aci(me.aci), pni(holder.pni)].into_iter().flatten().collect(),
        e164: OTHER.to_owned(),
        username_hash: Vec::new(),
        username_link_handle: Vec::new(),
    };
    assert_eq!(ask(&x, &me, moves.clone()).await, Ok(Response::AccountIdentifiers(identifiers.clone())));
    let account = x.account(&me).await;
    assert_eq!(account.phone_number.as_str(), OTHER);
    assert_eq!(account.pni_identity_key.as_bytes(), moves.pni_identity_key);
    assert!(account.devices.iter().all(|d| d.pni_registration_id.unwrap().get() == 1000 + u16::from(d.id.get())));
    assert_eq!(x.rest(&holder, "GET", "/v1/accounts/whoami", "").await.status, 401);
    // Once more, as a client does that got no answer.
    assert_eq!(ask(&x, &me, moves).await, Ok(Response::AccountIdentifiers(identifiers)));
    Audit::of(&x.t.registry.storage).await.expect_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_client_has_to_expect_is_answered() {
    let x = open();
    let me = x.register(NUMBER).await;
    x.link(&me).await;
    x.link(&me).await;
    let good = request(&x, &me, OTHER).await;
    let unverified = x.t.client.begin_session(OTHER).await.expect(200)["id"].as_str().unwrap().to_owned();
    let with = |change: &dyn Fn(&mut ChangeNumberRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let by = |session: Vec<u8>| with(&|r| r.verification = Some(Verification::SessionId(session.clone())));
    let messages = |change: &dyn Fn(&mut HashMap<u32, Message>)| {
        with(&|r| change(&mut r.device_messages.as_mut().unwrap().messages))
    };
    let mismatch = |missing: &[u32], extra: &[u32]| {
        let (missing_devices, extra_devices) = (missing.to_vec(), extra.to_vec());
        Response::MismatchedDevices(MismatchedDevices {
            service_identifier: aci(me.aci),
            missing_devices,
            extra_devices,
        })
    };
    let because = FailedPrecondition::default;
    let wrong_password = Verification::RecoveryPassword(vec![9; 32]);
    let mut table = Table::default();
    for (what, request, expected) in [
        ("an unknown session", by(vec![7; 16]), Response::UnverifiedSession(because())),
        ("one without a right code", by(URL_SAFE.decode(unverified).unwrap()), Response::UnverifiedSession(because())),
        ("one of another number", by(session(&x, "+12025550140").await), Response::InvalidSession(because())),
        ("an impossible one", by(vec![7; 3]), Response::InvalidSession(because())),
        (
            "a wrong password",
            with(&|r| r.verification = Some(wrong_password.clone())),
            Response::RecoveryPasswordFailed(because()),
        ),
        ("a message is missing", messages(&|m| drop(m.remove(&2))), mismatch(&[2], &[])),
        ("one too many", messages(&|m| drop(m.insert(4, m[&2].clone()))), mismatch(&[], &[4])),
        (
            "one is stale",
            messages(&|m| m.get_mut(&3).unwrap().registration_id = 1),
            Response::StaleDevices(StaleDevices { stale_devices: vec![3] }),
        ),
        (
            "one is too long",
            messages(&|m| m.get_mut(&3).unwrap().payload = vec![7; 96 * 1024 + 1]),
            Response::MessageTooLarge(because()),
        ),
        ("no signed key of one", with(&|r| drop(r.device_pni_ec_signed_pre_keys.remove(&2))), mismatch(&[2], &[])),
        (
            "no last-resort key of one",
            with(&|r| drop(r.device_pni_kem_last_resort_pre_keys.remove(&3))),
            mismatch(&[3], &[]),
        ),
        ("an id of another", with(&|r| r.pni_registration_ids.extend([(5, 5)])), mismatch(&[], &[5])),
    ] {
        table.row(what, ask(&x, &me, request).await, Ok(expected));
    }
    table.row("the account", x.account(&me).await.phone_number.as_str() == NUMBER, true);
    table.close();
    let without_messages = with(&|r| r.device_messages = None);
    assert!(matches!(ask(&x, &me, without_messages).await, Ok(Response::AccountIdentifiers(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_cannot_be_meant_is_refused_by_its_field() {
    let x = open();
    let me = x.register(NUMBER).await;
    let linked = x.link(&me).await;
    let good = request(&x, &me, OTHER).await;
    let stranger = IdentityKeyPair::generate();
    let cases: Vec<(&str, Change)> = vec![
        ("no proof", Box::new(|r| r.verification = None)),
        ("an empty session", Box::new(|r| r.verification = Some(Verification::SessionId(Vec::new())))),
        ("a short password", Box::new(|r| r.verification = Some(Verification::RecoveryPassword(vec![9; 31])))),
        ("no number", Box::new(|r| r.number.clear())),
        ("no number of any plan", Box::new(|r| r.number = "+1".to_owned())),
        ("a short lock", Box::new(|r| r.registration_lock = vec![7; 31])),
        ("no identity key", Box::new(|r| r.pni_identity_key.clear())),
        (
            "a message of no kind",
            Box::new(|r| r.device_messages.as_mut().unwrap().messages.get_mut(&2).unwrap().r#type = 0),
        ),
        (
            "of a kind that is unknown",
            Box::new(|r| r.device_messages.as_mut().unwrap().messages.get_mut(&2).unwrap().r#type = 5),
        ),
        (
            "without content",
            Box::new(|r| r.device_messages.as_mut().unwrap().messages.get_mut(&2).unwrap().payload.clear()),
        ),
        ("no signed keys", Box::new(|r| r.device_pni_ec_signed_pre_keys.clear())),
        ("no last-resort keys", Box::new(|r| r.device_pni_kem_last_resort_pre_keys.clear())),
        ("no registration ids", Box::new(|r| r.pni_registration_ids.clear())),
        ("registration id 0", Box::new(|r| r.pni_registration_ids.extend([(2, 0)]))),
        ("device 0", Box::new(|r| r.pni_registration_ids.extend([(0, 7)]))),
        ("device 128", Box::new(|r| r.pni_registration_ids.extend([(128, 7)]))),
        (
            "another's signature",
            Box::new(move |r| drop(r.device_pni_ec_signed_pre_keys.insert(2, signed(&stranger, 2)))),
        ),
    ];
    let mut table = Table::default();
    for (what, change) in cases {
        let mut request = good.clone();
        change(&mut request);
        table.row(what, ask(&x, &me, request).await, Err(Said::constraint()));
    }
    let bad_device = Said::because(Code::InvalidArgument, "BAD_AUTHENTICATION");
    table.row("a linked device", ask(&x, &linked, good.clone()).await, Err(bad_device));
    table.close();
    assert!(ask(&x, &me, good).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_holders_lock_is_asked_for() {
    let x = open();
    let lock = [0x31; 32];
    let me = x.register(NUMBER).await;
    let holder = x.register_with(OTHER, &[(LOCK, Some(json!(hex::encode(lock))))]).await;
    let good = request(&x, &me, OTHER).await;
    let with = |lock: &[u8]| ChangeNumberRequest { registration_lock: lock.to_vec(), ..good.clone() };
    for sent in [&[][..], &[0x32; 32]] {
        let Ok(Response::RegistrationLockFailure(RegistrationLockFailure { time_remaining, svr2_credentials })) =
            ask(&x, &me, with(sent)).await
        else {
            panic!("the lock holds")
        };
        assert!(time_remaining > 0 && !svr2_credentials.unwrap().password.is_empty());
    }
    let paused =
        Said { code: Code::ResourceExhausted, reason: Some("RESOURCE_EXHAUSTED".to_owned()), retry: Some(300) };
    assert_eq!(ask(&x, &me, with(&lock)).await, Err(paused));
    assert_eq!(x.rest(&holder, "GET", "/v1/accounts/whoami", "").await.status, 401);
    x.t.advance(Duration::from_secs(300));
    assert!(matches!(ask(&x, &me, with(&lock)).await, Ok(Response::AccountIdentifiers(_))));
    Audit::of(&x.t.registry.storage).await.expect_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_has_to_wait_is_told_how_long() {
    let exhausted = |retry| {
        Err(Said { code: Code::ResourceExhausted, reason: Some("RESOURCE_EXHAUSTED".to_owned()), retry: Some(retry) })
    };
    let x = Exchange::open_with(|config| limit(config, LimitId::Registration, 2));
    let me = x.register(NUMBER).await;
    let wait = request(&x, &me, OTHER).await;
    assert_eq!(ask(&x, &me, wait.clone()).await, exhausted(3600));
    x.t.advance(HOUR);
    let mut bogus = wait;
    bogus.verification = Some(Verification::SessionId(vec![7; 16]));
    for _ in 0..2 {
        assert!(matches!(ask(&x, &me, bogus.clone()).await, Ok(Response::UnverifiedSession(_))));
    }
    assert_eq!(ask(&x, &me, bogus).await, exhausted(30));

    let good = request(&x, &me, "+12025550125").await;
    x.t.faults.always("TransactWriteItems", Fault::LoseRequest);
    let away = Said { code: Code::Unavailable, reason: Some("UNAVAILABLE".to_owned()), retry: Some(1) };
    assert_eq!(ask(&x, &me, good.clone()).await, Err(away));
    x.t.faults.heal();
    assert!(ask(&x, &me, good).await.is_ok());
}
