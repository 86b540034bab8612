//! What is written can be read, whatever it is: types → rows → types, through the codec alone and through each engine.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use signet_keys::rows::{self, StoredDeviceKeys};
use signet_keys::signing::{ClientKeys, IdentityKeyPair};
use signet_keys::{CheckedDeviceKeys, Installation, KemPreKey, KeyId, SignedPreKey};
use signet_storage::chance::Chance;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::items::{from_item, key, sign, to_item};
use signet_storage::dynamo::tables::Table;
use signet_storage::dynamo::{Item, Write};
use signet_storage::hash::SaltedTokenHash;
use signet_storage::ids::{AccountId, DeviceId, NumberId, RegistrationId, ServiceId, SessionId};
use signet_storage::lock_hasher::StoredLock;
use signet_storage::model::code::{Code, CodeKey, StoredCode};
use signet_storage::model::session::{Information, PushChallenge, Transport, Undelivered};
use signet_storage::model::totp::{PendingTotpKey, TotpKey};
use signet_storage::model::username::{Hold, Username};
use signet_storage::model::{Account, Badge, Device, Opaque, PushChannel, VerificationSession};
use signet_storage::number::E164;
use signet_tests::{Engine, Registrant};
use uuid::Uuid;

on_each_engine! {
    any_account_comes_back_from_the_store,
    any_session_comes_back_from_the_store,
    any_keys_come_back_from_the_store,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_account_survives_its_row(account in account()) {
        let row = sign(to_item(&account), "commit");
        prop_assert_eq!(from_item::<Account>(row, "account").unwrap(), account);
    }

    #[test]
    fn any_account_survives_the_cache(account in account()) {
        let cached = serde_json::to_vec(&account).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Account>(&cached).unwrap(), account);
    }

    #[test]
    fn any_session_survives_its_row(session in session()) {
        let row = to_item(&session);
        // The id is the row's key and not part of the value.
        let read: VerificationSession = from_item(row.clone(), "session").unwrap();
        prop_assert_eq!(to_item(&read), row);
    }

    #[test]
    fn a_row_that_is_not_one_of_ours_is_an_error(account in account(), lost: prop::sample::Index) {
        let mut row = to_item(&account);
        let optional = [
            "registeredAt",
            "unidentifiedAccessKey",
            "registrationLock",
            "recoveryPassword",
            "totp",
            "pendingTotp",
            "username",
        ];
        let names: Vec<_> = row.keys().filter(|name| !optional.contains(&name.as_str())).cloned().collect();
        row.remove(lost.get(&names));
        prop_assert!(from_item::<Account>(row, "account").is_err());
    }
}

proptest! {
    // Making KEM keys takes milliseconds.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_keys_survive_their_row((keys, now) in (device_keys(), timestamp())) {
        let owner = ServiceId::Aci(AccountId::draw(&Chance::system()));
        let row = rows::row(owner, DeviceId::PRIMARY, &installation(), &keys, now);
        prop_assert!(is_read_as(row, 1234, &keys, now));
    }
}

async fn any_account_comes_back_from_the_store(engine: Engine) {
    let store = engine.open().await;
    for account in samples(account(), 32) {
        let write = Write::put("account", Table::Accounts, sign(to_item(&account), "commit"));
        store.storage.dynamo.commit("test", vec![write]).await.unwrap();
        assert_eq!(store.accounts().get(account.aci).await.unwrap().as_ref(), Some(&account));
        assert_eq!(store.accounts().refresh(account.aci).await.unwrap().as_ref(), Some(&account));
        assert_eq!(store.accounts().get_cached(account.aci).await.as_deref(), Some(&account));
    }
}

async fn any_session_comes_back_from_the_store(engine: Engine) {
    let store = engine.open().await;
    for session in samples(session(), 32) {
        store.sessions().create(&session).await.unwrap();
        let alive = store.now() < session.expires();
        assert_eq!(store.sessions().get(&session.id()).await.unwrap(), alive.then_some(session));
    }
}

async fn any_keys_come_back_from_the_store(engine: Engine) {
    let store = engine.open().await;
    for (keys, device) in samples((device_keys(), 1_u8..=127), 8) {
        let owner = ServiceId::Pni(NumberId::draw(&Chance::system()));
        let device = DeviceId::try_from(device).unwrap();
        let row = rows::row(owner, device, &installation(), &keys, store.now());
        store.storage.dynamo.commit("test", vec![Write::put("keys", Table::Keys, row.clone())]).await.unwrap();
        let kept = store.storage.dynamo.get(Table::Keys, rows::key(owner, device)).await.unwrap();
        assert_eq!(kept.as_ref(), Some(&row));
        assert!(is_read_as(kept.unwrap(), 5678, &keys, store.now()));
    }
}

/// An empty text and an empty list are something else than nothing.
#[test]
fn absent_and_empty_are_told_apart() {
    let mut account = samples(account(), 1).remove(0);
    for (name, access_key) in [(None, None), (Some(Opaque::from(vec![])), Some(Opaque::from(vec![])))] {
        account.devices.truncate(1);
        account.devices[0].name = name;
        account.devices[0].user_agent = None;
        account.unidentified_access_key = access_key;
        assert_eq!(from_item::<Account>(to_item(&account), "account").unwrap(), account);
        account.devices[0].user_agent = Some(String::new());
        assert_eq!(from_item::<Account>(to_item(&account), "account").unwrap(), account);
    }
    assert!(from_item::<Account>(key("aci", "not an account"), "account").is_err());
}

fn is_read_as(row: Item, registration_id: i64, keys: &CheckedDeviceKeys, stored: Timestamp) -> bool {
    let read = StoredDeviceKeys::read(row.clone()).unwrap();
    let wanted = StoredDeviceKeys {
        identity: keys.identity().clone(),
        signed: keys.signed().clone(),
        last_resort: keys.last_resort().clone(),
        created: [stored; 2],
        registration_id: RegistrationId::try_from(registration_id).unwrap(),
        installation: row["installation"].as_s().unwrap().clone(),
        uploads: 0,
        pools: [None, None],
    };
    read == wanted
}

fn installation() -> Installation {
    Installation::from(&Registrant::generate().account().device)
}

/// A few arbitrary values, the same in each run.
fn samples<S: Strategy>(strategy: S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn chance() -> impl Strategy<Value = Chance> {
    any::<u64>().prop_map(Chance::seeded)
}

/// Any moment that a number can hold; most of them in our time.
fn timestamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![4 => 0..4_102_444_800_000_i64, 1 => any::<i64>()].prop_map(Timestamp::from_millis)
}

/// Texts as clients send them: any Unicode, also what JSON escapes, also none.
fn some_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "\\PC{0,40}",
        any::<String>(),
        Just("\u{0}\"\\\u{1F600}\u{FEFF}\u{2028}".to_owned())
    ]
}

fn opaque() -> impl Strategy<Value = Opaque> {
    vec(any::<u8>(), 0..80).prop_map(Opaque::from)
}

fn number() -> impl Strategy<Value = E164> {
    "\\+[1-9][0-9]{6,14}".prop_map(E164::stored)
}

fn channel() -> impl Strategy<Value = PushChannel> {
    let token = || (some_text(), timestamp());
    prop_oneof![
        Just(PushChannel::Fetches),
        Just(PushChannel::Nothing),
        token().prop_map(|(token, since)| PushChannel::Apn { token, since }),
        token().prop_map(|(token, since)| PushChannel::Fcm { token, since }),
    ]
}

prop_compose! {
    fn device()(
        (id, registration_id, pni_registration_id) in (1_u8..=127, 1_i64..=0x3FFF, option::of(1_i64..=0x3FFF)),
        (password, chance) in (some_text(), chance()),
        (created, last_seen) in (timestamp(), timestamp()),
        (name, user_agent) in (option::of(opaque()), option::of(some_text())),
        channel in channel(),
        capabilities in btree_set(some_text(), 0..4),
    ) -> Device {
        Device {
            id: DeviceId::try_from(id).unwrap(),
            auth: SaltedTokenHash::of(&password, &chance),
            created,
            last_seen,
            name,
            channel,
            registration_id: RegistrationId::try_from(registration_id).unwrap(),
            pni_registration_id: pni_registration_id.map(|id| RegistrationId::try_from(id).unwrap()),
            user_agent,
            capabilities,
        }
    }
}

prop_compose! {
    fn badge()(id in some_text(), expires in timestamp(), visible: bool) -> Badge {
        Badge { id, expires, visible }
    }
}

prop_compose! {
    fn lock()(hash in "[a-zA-Z0-9+/$=,]{0,100}") -> StoredLock {
        serde_json::from_value(hash.into()).unwrap()
    }
}

prop_compose! {
    fn totp()(id in 0..128_u8, key in opaque(), label in opaque()) -> TotpKey {
        TotpKey { id, key, label }
    }
}

prop_compose! {
    fn pending_totp()(key in opaque(), until in timestamp()) -> PendingTotpKey {
        PendingTotpKey { key, until }
    }
}

prop_compose! {
    fn username()(
        (hash, reserved_hash, encrypted) in (option::of(opaque()), option::of(opaque()), option::of(opaque())),
        handle in option::of(any::<[u8; 16]>()),
        holds in vec((opaque(), timestamp()).prop_map(|(hash, until)| Hold { hash, until }), 0..4),
    ) -> Username {
        Username { hash, reserved_hash, encrypted, link_handle: handle.map(Uuid::from_bytes), holds }
    }
}

prop_compose! {
    fn account()(
        (chance, phone_number) in (chance(), number()),
        (version, created_at, registered_at) in (any::<u64>(), timestamp(), timestamp()),
        (identity_key, pni_identity_key, unidentified_access_key) in (opaque(), opaque(), option::of(opaque())),
        (devices, badges) in (vec(device(), 0..4), vec(badge(), 0..3)),
        unrestricted_unidentified_access: bool,
        discoverable_by_phone_number: bool,
        (registration_lock, recovery) in (option::of(lock()), any::<bool>()),
        (totp, pending_totp) in (vec(totp(), 0..3), option::of(pending_totp())),
        username in username(),
    ) -> Account {
        Account {
            aci: AccountId::draw(&chance),
            phone_number,
            pni: NumberId::draw(&chance),
            version,
            created_at,
            registered_at,
            identity_key,
            pni_identity_key,
            devices,
            badges,
            unidentified_access_key,
            unrestricted_unidentified_access,
            discoverable_by_phone_number,
            registration_lock,
            recovery_password: recovery.then(|| SaltedTokenHash::of("token", &chance)),
            totp,
            pending_totp,
            username,
        }
    }
}

prop_compose! {
    fn device_keys()(identity: [u8; 32], seed: [u8; 32], id in 0_i64..=i64::from(i32::MAX)) -> CheckedDeviceKeys {
        let pair = IdentityKeyPair::from_bytes(identity);
        let ClientKeys { signed, last_resort } = ClientKeys::from_seed(&pair, seed);
        let id = KeyId::new(id).unwrap();
        let (signed, last_resort) = (SignedPreKey { id, ..signed }, KemPreKey { id, ..last_resort });
        CheckedDeviceKeys::check(pair.public().clone(), signed, last_resort).unwrap()
    }
}

/// Something done to a session, and how much later.
fn step() -> impl Strategy<Value = (u8, u32)> {
    (0_u8..8, 0_u32..400_000)
}

prop_compose! {
    /// A session after any sequence of whatever can be done to it.
    fn session()(
        (chance, number) in (chance(), number()),
        requested in prop::sample::subsequence(vec![Information::PushChallenge, Information::Captcha], 0..=2),
        challenge in option::of("[0-9a-f]{32}"),
        begun in 4_102_444_700_000_i64..4_102_444_800_000,
        steps in vec(step(), 0..12),
    ) -> VerificationSession {
        let (id, key) = (SessionId::draw(&chance), CodeKey::new([1; 32]));
        let mut now = Timestamp::from_millis(begun);
        let mut session = VerificationSession::begin(id, number, requested, challenge.as_deref().map(PushChallenge::of), now);
        let mut code = Code::draw(&chance);
        for (step, later) in steps {
            now = now.plus(std::time::Duration::from_millis(later.into()));
            let before = session.clone();
            let transport = if later % 3 == 0 { Transport::Voice } else { Transport::Sms };
            let stored = StoredCode::of(&code, &id, &key, &chance);
            let lifetime = std::time::Duration::from_secs(600);
            match step {
                0 => session.captcha_solved(now),
                1 => drop(session.answer_push_challenge(challenge.as_deref().unwrap_or_default(), now)),
                2 => drop(session.want_push_challenge(PushChallenge::of("fresh"), now)),
                3 | 4 => drop(session.send(transport, stored, lifetime, now)),
                5 => drop(session.guess("wrong", &key, now)),
                6 => drop(session.guess(code.reveal(), &key, now)),
                _ => {
                    let how = [Undelivered::Refused, Undelivered::Unavailable, Undelivered::Unreachable];
                    if session.send(transport, stored.clone(), lifetime, now).is_ok() {
                        session.not_sent(transport, &stored, &before, how[later as usize % 3]);
                    }
                    code = Code::draw(&chance);
                }
            }
        }
        session
    }
}
