//! The hasher: what it stores, what it matches, and how much of it runs at once.

use std::time::Duration;

use super::*;

const PIN: &str = "2580";

fn lock(text: &str) -> PresentedLock {
    PresentedLock::try_from(text).expect("a lock that can be used")
}

fn settings() -> RegistrationLock {
    RegistrationLock::for_testing()
}

fn hasher(settings: &RegistrationLock) -> LockHasher {
    LockHasher::with_cores(settings, Chance::system(), 2)
}

async fn hashed(hasher: &LockHasher, text: &str) -> StoredLock {
    hasher.hash(hasher.reserve().expect("a seat"), &lock(text)).await
}

async fn matches(hasher: &LockHasher, stored: &StoredLock, text: &str) -> bool {
    hasher.verify(hasher.reserve().expect("a seat"), stored, &lock(text)).await.is_some()
}

fn phc(stored: &StoredLock) -> String {
    serde_json::to_value(stored).expect("text").as_str().expect("text").to_owned()
}

#[test]
fn what_can_be_a_lock() {
    let derived = ["a".repeat(64), "é".repeat(64), "🔒".repeat(64)];
    for good in derived.iter().map(String::as_str).chain(["0000", "12345678901234567890"]) {
        assert!(PresentedLock::try_from(good).is_ok(), "{good}");
    }
    let long = ["a".repeat(63), "a".repeat(65), "é".repeat(32), "🔒".repeat(65), "1".repeat(21), "x".repeat(1 << 20)];
    for bad in long.iter().map(String::as_str).chain(["", "123", "12a4", "١٢٣٤", " 1234", "-123"]) {
        assert!(PresentedLock::try_from(bad).is_err(), "{bad:.70}");
    }
    assert_eq!(format!("{:?}", lock(PIN)), "PresentedLock(…)");
}

#[tokio::test]
async fn the_default_is_argon2id_as_recommended() {
    let hasher = hasher(&RegistrationLock::default());
    let (one, two) = (hashed(&hasher, PIN).await, hashed(&hasher, PIN).await);
    assert!(phc(&one).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", phc(&one));
    let parts = one.parts().expect("our own reads back");
    assert_eq!((parts.salt.len(), parts.output.len()), (16, 32));
    assert_ne!(phc(&one), phc(&two), "each has a salt of its own");
    // Another implementation of the whole path agrees.
    use argon2::password_hash::PasswordVerifier as _;
    Argon2::default().verify_password(PIN.as_bytes(), phc(&one).as_str()).expect("the library's own verifier agrees");
    assert!(matches(&hasher, &one, PIN).await && !matches(&hasher, &one, "2581").await);
    assert_eq!(format!("{one:?}"), "StoredLock(…)");
}

#[tokio::test]
async fn only_the_right_lock_matches() {
    let hasher = hasher(&settings());
    let derived = "0f".repeat(32);
    let stored = hashed(&hasher, &derived).await;
    assert!(matches(&hasher, &stored, &derived).await);
    for wrong in [derived.to_uppercase(), format!("{}00", &derived[2..]), "0123".to_owned()] {
        assert!(!matches(&hasher, &stored, &wrong).await, "{wrong}");
    }
}

/// Where no length is judged, the right one still matches and nothing that is longer or shorter does.
#[tokio::test]
async fn what_nobody_judged_matches_only_what_it_is() {
    let hasher = hasher(&settings());
    for right in ["é".repeat(64), "🔒".repeat(64), PIN.to_owned()] {
        let stored = hashed(&hasher, &right).await;
        let wrong =
            [format!("{right}{}", &right[..4]), right.repeat(1000), right.chars().skip(1).collect(), "x".to_owned()];
        for (text, same) in wrong.iter().map(|wrong| (wrong, false)).chain([(&right, true)]) {
            let presented = PresentedLock::unjudged(text);
            let found = hasher.verify(hasher.reserve().expect("a seat"), &stored, &presented).await;
            assert_eq!(found.is_some(), same, "{text:.70}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_matches_nothing() {
    let hasher = hasher(&settings());
    let good = phc(&hashed(&hasher, PIN).await);
    let mut broken = vec![String::new(), "!".to_owned(), "2.abcdef".to_owned(), good[..good.len() - 44].to_owned()];
    for (from, to) in [
        ("argon2id", "argon2i"),
        ("argon2id", "scrypt"),
        ("v=19", "v=16"),
        ("$v=19", ""),
        ("m=64", "m=4294967295"),
        ("m=64", "m=7"),
        ("t=1", "t=101"),
        ("t=1", "t=0"),
        ("p=1", "p=16777215"),
        ("m=64,", ""),
    ] {
        assert!(good.contains(from), "{from}");
        broken.push(good.replacen(from, to, 1));
    }
    for text in broken {
        assert!(!matches(&hasher, &StoredLock::from(text.clone()), PIN).await, "{text}");
    }
}

#[tokio::test]
async fn hashes_of_other_parameters_match_and_are_renewed() {
    let today = hasher(&settings());
    for (memory_kib, iterations, lanes) in [(32, 1, 1), (64, 2, 1), (64, 1, 2), (128, 1, 1), (1024, 3, 4)] {
        let older = hasher(&RegistrationLock { memory_kib, iterations, lanes, ..settings() });
        let stored = hashed(&older, PIN).await;
        assert!(!matches(&today, &stored, "2581").await);
        let matched = today.verify(today.reserve().expect("a seat"), &stored, &lock(PIN)).await.expect("a match");
        assert_eq!(matched.stored(), &stored);
        let renewed = matched.into_renewed();
        assert!(phc(&renewed).contains("$m=64,t=1,p=1$"), "{}", phc(&renewed));
        let again = today.verify(today.reserve().expect("a seat"), &renewed, &lock(PIN)).await.expect("a match");
        assert_eq!(again.into_renewed(), renewed, "what is of today stays as it is");
    }
}

/// A hundred at once: two compute, some wait, the rest hear so; and no more memory than two shares is ever made.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_stay_within_permits() {
    let settings = RegistrationLock { waiting: 32, ..settings() };
    let hasher = hasher(&settings);
    let stored = hashed(&hasher, PIN).await;
    let seats: Vec<_> = (0..100).filter_map(|_| hasher.reserve().ok()).collect();
    assert_eq!(seats.len(), 34, "two run and 32 wait");
    assert_eq!(hasher.reserve().map(drop), Err(HasherBusy));
    let running = seats.into_iter().map(|seat| {
        let (hasher, stored) = (hasher.clone(), stored.clone());
        tokio::spawn(async move { hasher.verify(seat, &stored, &lock(PIN)).await.is_some() })
    });
    for result in running.collect::<Vec<_>>() {
        assert!(result.await.expect("no panic"));
    }
    let idle = hasher.0.memory.idle_blocks();
    assert!((1..=2).contains(&idle.len()) && idle.iter().all(|blocks| *blocks == 64), "{idle:?}");
    assert_eq!(
        (0..100).map(|_| hasher.reserve()).filter(Result::is_ok).count(),
        100,
        "each seat is given back at once"
    );
}

#[tokio::test]
async fn the_budget_bounds_the_permits() {
    let of = |memory_kib, cores| {
        let settings = RegistrationLock { memory_kib, budget_mib: 1, waiting: 0, ..settings() };
        let hasher = LockHasher::with_cores(&settings, Chance::system(), cores);
        std::iter::from_fn(|| hasher.reserve().ok()).collect::<Vec<_>>().len()
    };
    assert_eq!([of(1024, 8), of(512, 8), of(341, 8), of(8, 8), of(8, 1)], [1, 2, 3, 8, 1]);
}

/// A hash of larger parameters than today's takes the place of as many as it is large.
#[tokio::test]
async fn a_large_old_hash_stays_within_the_budget() {
    let settings = RegistrationLock { budget_mib: 1, ..settings() };
    let today = hasher(&settings);
    let of = async |memory_kib| hashed(&hasher(&RegistrationLock { memory_kib, ..settings.clone() }), PIN).await;
    // Both shares are made, and lie idle.
    let _ = (today.0.memory.borrow(64).await, today.0.memory.borrow(64).await);
    assert_eq!(today.0.memory.idle_blocks(), [64, 64]);
    assert!(matches(&today, &of(100).await, PIN).await);
    assert_eq!(today.0.memory.idle_blocks(), [0; 0], "they made room");
    assert!(matches(&today, &of(1024).await, PIN).await, "all of the budget");
    let over = hasher(&RegistrationLock { memory_kib: 1032, budget_mib: 2, ..settings.clone() });
    assert!(!matches(&today, &hashed(&over, PIN).await, PIN).await, "more than the budget is never allocated");
}

#[tokio::test]
async fn whoever_leaves_the_queue_frees_the_seat() {
    let hasher = hasher(&RegistrationLock { waiting: 1, ..settings() });
    let stored = hashed(&hasher, PIN).await;
    let turns = (hasher.0.memory.borrow(1).await, hasher.0.memory.borrow(1).await);
    let (seats, lock) = ([hasher.reserve(), hasher.reserve()], lock(PIN));
    let waits = hasher.verify(hasher.reserve().expect("the last seat"), &stored, &lock);
    assert_eq!(hasher.reserve().map(drop), Err(HasherBusy));
    // Nobody's turn comes, so this one gives up.
    assert!(tokio::time::timeout(Duration::from_millis(5), waits).await.is_err());
    hasher.reserve().map(drop).expect("the seat is free again");
    drop((turns, seats));
    assert!(matches(&hasher, &stored, PIN).await);
}

#[cfg(feature = "test-util")]
#[test]
fn without_threads_everything_happens_at_once() {
    use std::task::{Context, Poll, Waker};
    fn at_once<T>(work: impl Future<Output = T>) -> T {
        let Poll::Ready(done) = std::pin::pin!(work).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits for something");
        };
        done
    }
    let hasher = LockHasher::inline(&settings(), Chance::seeded(7));
    let stored = at_once(hashed(&hasher, PIN));
    assert!(at_once(matches(&hasher, &stored, PIN)));
    let again = at_once(hashed(&LockHasher::inline(&settings(), Chance::seeded(7)), PIN));
    assert_eq!(stored, again, "the same seed, the same salt");
}
