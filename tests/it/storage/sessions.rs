//! Verification sessions as rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use signet_storage::chance::Chance;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::Item;
use signet_storage::dynamo::items::key;
use signet_storage::dynamo::tables::Table;
use signet_storage::ids::SessionId;
use signet_storage::model::VerificationSession;
use signet_storage::model::code::{Code, CodeKey, StoredCode};
use signet_storage::model::session::{GuessRefused, Information, PushChallenge, Transport};
use signet_storage::number::E164;
use signet_storage::sessions::UpdateError;
use signet_tests::registrant::verified_session;
use signet_tests::{Engine, Store};

const NUMBER: &str = "+12025550123";

on_each_engine! {
    a_session_reads_as_it_was_stored,
    every_change_counts_however_many_come_at_once,
    five_guesses_are_five_however_many_come_at_once,
    a_change_that_alters_nothing_is_not_stored,
    an_expired_session_is_absent_though_its_row_is_there,
    a_session_id_cannot_be_taken_twice,
}

fn begun(now: Timestamp) -> VerificationSession {
    let id = SessionId::draw(&Chance::system());
    VerificationSession::begin(id, E164::parse(NUMBER).unwrap(), Vec::new(), None, now)
}

async fn row(store: &Store, id: &SessionId) -> Option<Item> {
    store.storage.dynamo.get(Table::Sessions, key("id", id.encoded())).await.unwrap()
}

async fn a_session_reads_as_it_was_stored(engine: Engine) {
    let store = engine.open().await;
    let number = E164::parse(NUMBER).unwrap();
    let wanted = vec![Information::PushChallenge, Information::Captcha];
    let id = SessionId::draw(&Chance::system());
    let challenged = VerificationSession::begin(id, number, wanted, Some(PushChallenge::of("challenge")), store.now());
    for session in [begun(store.now()), challenged, verified_session(NUMBER, store.now())] {
        store.sessions().create(&session).await.unwrap();
        assert_eq!(store.sessions().get(&session.id()).await.unwrap().as_ref(), Some(&session));
    }
    assert_eq!(store.sessions().get(&SessionId::draw(&Chance::system())).await.unwrap(), None);
}

async fn every_change_counts_however_many_come_at_once(engine: Engine) {
    let store = Arc::new(engine.open().await);
    let session = begun(store.now());
    let id = session.id();
    store.sessions().create(&session).await.unwrap();
    // As many as an update looks again: each time somebody is first, so everybody gets their turn.
    let change = |n: u64| {
        let (sessions, mine) = (store.sessions(), store.now().plus(Duration::from_millis(n)));
        tokio::spawn(async move { sessions.update(&id, |session, _| session.captcha_solved(mine)).await })
    };
    let changed = join_all((1..=12).map(change)).await;
    let mut versions: Vec<_> = changed.into_iter().map(|task| task.unwrap().unwrap().0.version()).collect();
    versions.sort_unstable();
    assert!(versions.into_iter().eq(1..=12), "each was applied to what the one before left");
    assert_eq!(store.sessions().get(&id).await.unwrap().unwrap().version(), 12);
}

/// The rule that guards codes: five guesses are judged, and who is refused learns nothing.
async fn five_guesses_are_five_however_many_come_at_once(engine: Engine) {
    let store = Arc::new(engine.open().await);
    let (chance, code_key) = (Chance::system(), CodeKey::new([3; 32]));
    let mut session = begun(store.now());
    let id = session.id();
    let stored = StoredCode::of(&Code::draw(&chance), &id, &code_key, &chance);
    session.send(Transport::Sms, stored, Duration::from_secs(600), store.now()).unwrap();
    store.sessions().create(&session).await.unwrap();

    let judged = Arc::new(AtomicUsize::new(0));
    // Guesses 1 to 3 may follow at once, the fourth after a minute, the fifth after two more.
    for (wait, allowed) in [(0, 3), (60, 1), (120, 1), (3600, 0)] {
        store.clock.advance(Duration::from_secs(wait));
        let before = judged.load(Ordering::SeqCst);
        let guess = |_| {
            let (sessions, judged, code_key) = (store.sessions(), judged.clone(), code_key.clone());
            tokio::spawn(async move {
                let guess = |session: &mut VerificationSession, now| session.guess("none", &code_key, now);
                match sessions.update(&id, guess).await {
                    Ok((_, Ok(right))) => {
                        assert!(!right);
                        judged.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok((_, Err(refused))) => {
                        assert!(matches!(refused, GuessRefused::TooEarly(_) | GuessRefused::NoneLeft))
                    }
                    Err(e) => assert_eq!(e, UpdateError::Gone),
                }
            })
        };
        join_all((0..24).map(guess)).await.into_iter().for_each(|task| task.unwrap());
        assert_eq!(judged.load(Ordering::SeqCst) - before, allowed, "after {wait} s");
    }
}

async fn a_change_that_alters_nothing_is_not_stored(engine: Engine) {
    let store = engine.open().await;
    let session = verified_session(NUMBER, store.now());
    store.sessions().create(&session).await.unwrap();
    let before = row(&store, &session.id()).await;
    store.faults.take_seen();
    let (after, ()) = store.sessions().update(&session.id(), |_, _| ()).await.unwrap();
    assert_eq!(store.faults.take_seen(), ["GetItem"]);
    assert_eq!(after, session);
    assert_eq!(row(&store, &session.id()).await, before);
}

async fn an_expired_session_is_absent_though_its_row_is_there(engine: Engine) {
    let store = engine.open().await;
    let session = verified_session(NUMBER, store.now());
    let id = session.id();
    store.sessions().create(&session).await.unwrap();
    let lifetime = session.expires().remaining(store.now());
    store.clock.advance(lifetime - Duration::from_millis(1));
    assert!(store.sessions().get(&id).await.unwrap().is_some());
    store.clock.advance(Duration::from_millis(1));
    assert_eq!(store.sessions().get(&id).await.unwrap(), None);
    let refused = store.sessions().update(&id, |session, now| session.captcha_solved(now)).await;
    assert_eq!(refused.unwrap_err(), UpdateError::Gone);
    let row = row(&store, &id).await.expect("the row is still there");
    let expires: i64 = row["expires"].as_n().unwrap().parse().unwrap();
    assert!(expires >= session.expires().seconds(), "the store may not drop it while it counts");
}

async fn a_session_id_cannot_be_taken_twice(engine: Engine) {
    let store = engine.open().await;
    let session = verified_session(NUMBER, store.now());
    store.sessions().create(&session).await.unwrap();
    let usurper =
        VerificationSession::begin(session.id(), E164::parse("+12025550199").unwrap(), vec![], None, store.now());
    assert!(store.sessions().create(&usurper).await.is_err());
    assert_eq!(store.sessions().get(&session.id()).await.unwrap(), Some(session));
}

/// The embedded engine drops expired rows when it is told to; others do so by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn sweeping_drops_what_has_expired_and_nothing_else() {
    let engine = Engine::embedded();
    let store = engine.open().await;
    let long_ago = verified_session(NUMBER, Timestamp::from_millis(1_600_000_000_000));
    let current = verified_session(NUMBER, store.now());
    for session in [&long_ago, &current] {
        store.sessions().create(session).await.unwrap();
    }
    store.storage.sweep().await;
    assert!(row(&store, &long_ago.id()).await.is_none());
    assert!(row(&store, &current.id()).await.is_some());
}
