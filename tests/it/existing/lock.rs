//! The registration lock over HTTP: when it is asked for, what a refusal says, what guesses cost, how it is kept (§6.2 to
//! §6.4; the pause of five minutes is the project's own rule).

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use signet_config::RegistrationLock;
use signet_storage::Chance;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::tables::{TABLES, Table as Rows};
use signet_storage::lock_hasher::{LockHasher, PresentedLock};
use signet_tests::registry::{NOON, contents};
use signet_tests::{Answer, Table};

use super::{By, DAY, Home, House, LOCK, MS, NUMBER, PAUSE, PIN, WRONG, refused_by};

const HALF_DAY: Duration = Duration::from_secs(43_200);

fn remaining(answer: &Answer) -> Option<u64> {
    answer.json()["timeRemaining"].as_u64()
}

fn attempts_left(answer: &Answer) -> Option<u64> {
    answer.json()["attemptsLeft"].as_u64()
}

#[tokio::test]
async fn it_is_asked_for_until_seven_days_after_the_last_midnight() {
    let h = House::open();
    let mut home = h.settle(NUMBER, Some(PIN)).await;
    // It is noon.
    h.t.advance(7 * DAY - HALF_DAY - MS);
    h.renew_session(&mut home).await;
    let locked = h.come(&home, By::Session, None).await;
    assert_eq!((locked.status, remaining(&locked)), (423, Some(1)));
    assert_eq!(locked.json()["idleDays"], 6);
    h.t.advance(MS);
    assert_eq!(h.come(&home, By::Session, None).await.status, 200);
    assert_eq!(h.account(&home).await.registration_lock, None, "the new account has no lock, for it named none");
    assert_eq!(h.come(&home, By::Session, None).await.status, 200);
}

#[tokio::test]
async fn what_is_sent_once_it_has_expired_is_no_guess_but_the_new_lock() {
    let h = House::open();
    let mut home = h.settle(NUMBER, Some(PIN)).await;
    h.t.advance(7 * DAY);
    h.renew_session(&mut home).await;
    assert_eq!(h.come(&home, By::Session, Some(WRONG)).await.status, 200);
    let locked = h.come(&home, By::Session, None).await;
    assert_eq!((locked.status, attempts_left(&locked)), (423, Some(10)), "the lock of the newcomer, seen today");
    assert_eq!(h.come(&home, By::Session, Some(WRONG)).await.status, 200);
}

#[tokio::test]
async fn whoever_uses_the_account_holds_it_for_seven_more_days() {
    let h = House::open();
    let mut home = h.settle(NUMBER, Some(PIN)).await;
    // Two days later the day is noted whatever second of it the ACI is given.
    h.t.advance(2 * DAY);
    h.whoami(&home, &h.owner).await.expect(200);
    let noted = h.account(&home).await;
    let today = Timestamp::from_millis(NOON.millis() + 2 * 86_400_000).midnight();
    assert_eq!((noted.devices[0].last_seen, noted.version), (today, 1));
    for _ in 0..3 {
        h.whoami(&home, &h.owner).await.expect(200);
    }
    assert_eq!(h.account(&home).await.version, 1, "once a day");

    h.renew_session(&mut home).await;
    let locked = h.come(&home, By::Session, None).await;
    assert_eq!((remaining(&locked), locked.json()["idleDays"].as_u64()), (Some(561_600_000), Some(0)));
    h.t.advance(7 * DAY - HALF_DAY - MS);
    h.renew_session(&mut home).await;
    let locked = h.come(&home, By::Session, None).await;
    assert_eq!((locked.status, remaining(&locked)), (423, Some(1)), "a failure is not use");
    h.t.advance(MS);
    assert_eq!(h.come(&home, By::Session, None).await.status, 200);
}

#[tokio::test]
async fn the_body_of_a_refusal_has_exactly_these_fields() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    for (lock, left) in [(None, 10), (Some(WRONG), 9)] {
        let locked = h.come(&home, By::Session, lock).await;
        assert_eq!((locked.status, locked.header("content-type")), (423, Some("application/json")));
        assert_eq!(locked.header("retry-after"), None);
        let credentials = locked.json()["svr2Credentials"].clone();
        let expected = json!({
            "timeRemaining": 561_600_000, "svr2Credentials": credentials, "registrationLock": true,
            "idleDays": 0, "attemptsLeft": left,
        });
        assert_eq!(locked.json(), expected);
        assert!(locked.text.contains(r#""timeRemaining":561600000,"#), "an integer: {}", locked.text);
        let fields: Vec<_> = credentials.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["password", "username"]);

        let token =
            format!("{}:{}", credentials["username"].as_str().unwrap(), credentials["password"].as_str().unwrap());
        let question = json!({"number": NUMBER, "tokens": [token]}).to_string();
        let checked = h.t.client.send("POST", "/v2/svr/auth/check", &[], question).await.expect(200);
        assert_eq!(checked["matches"][&token], "match");
    }
}

#[tokio::test]
async fn after_a_wrong_lock_nobody_guesses_for_five_minutes() {
    let h = House::open();
    let mut home = h.settle(NUMBER, Some(PIN)).await;
    let other = h.settle("+12025550124", Some(PIN)).await;
    assert_eq!(h.come(&home, By::Session, Some(WRONG)).await.status, 423);
    let refused = |seconds| (429, Some("registrationLock"), Some(seconds));
    assert_eq!(refused_by(&h.come(&home, By::Session, Some(WRONG)).await), refused("300"));
    assert_eq!(refused_by(&h.come(&home, By::Session, Some(PIN)).await), refused("300"), "the right one as well");
    let asked = h.come(&home, By::Session, None).await;
    assert_eq!((asked.status, attempts_left(&asked)), (423, Some(9)), "asking is no guess, and the refused were none");
    assert_eq!(h.come(&other, By::Session, Some(PIN)).await.status, 200, "another account is not concerned");

    h.t.advance(PAUSE - Duration::from_secs(1) - MS);
    assert_eq!(refused_by(&h.come(&home, By::Session, Some(PIN)).await), refused("2"));
    h.t.advance(Duration::from_secs(1));
    assert_eq!(refused_by(&h.come(&home, By::Session, Some(PIN)).await), refused("1"));
    h.t.advance(MS);
    let wrong = h.come(&home, By::Session, Some(WRONG)).await;
    assert_eq!((wrong.status, attempts_left(&wrong)), (423, Some(8)));
    assert_eq!(refused_by(&h.come(&home, By::Session, Some(PIN)).await), refused("300"));
    h.t.advance(PAUSE);
    h.renew_session(&mut home).await;
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
}

#[tokio::test]
async fn ten_guesses_and_then_one_a_day() {
    let h = House::open();
    let mut home = h.settle(NUMBER, Some(PIN)).await;
    for left in (0..10).rev() {
        let wrong = h.come(&home, By::Session, Some(WRONG)).await;
        assert_eq!((wrong.status, attempts_left(&wrong)), (423, Some(left)));
        h.t.advance(PAUSE);
        h.renew_session(&mut home).await;
    }
    let refused = |answer: &Answer| (answer.status, answer.header("x-ratelimit-limiter").map(str::to_owned));
    let by_pin = (429, Some("pin".to_owned()));
    let right = h.come(&home, By::Session, Some(PIN)).await;
    assert_eq!(refused(&right), by_pin);
    let wait: u64 = right.header("retry-after").unwrap().parse().unwrap();
    assert!((86_000..=86_400).contains(&wait), "{wait}");
    let asked = h.come(&home, By::Session, None).await;
    assert_eq!((asked.status, attempts_left(&asked)), (423, Some(0)));

    h.t.advance(DAY - PAUSE - MS);
    h.renew_session(&mut home).await;
    assert_eq!(refused(&h.come(&home, By::Session, Some(PIN)).await), by_pin);
    h.t.advance(MS);
    let wrong = h.come(&home, By::Session, Some(WRONG)).await;
    assert_eq!((wrong.status, attempts_left(&wrong)), (423, Some(0)));
    h.t.advance(DAY);
    h.renew_session(&mut home).await;
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
}

#[tokio::test]
async fn success_forgives_what_was_guessed_before() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    assert_eq!(attempts_left(&h.come(&home, By::Session, Some(WRONG)).await), Some(9));
    h.t.advance(PAUSE);
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
    // Neither the pause nor the guesses of before are left.
    let wrong = h.come(&home, By::Session, Some(WRONG)).await;
    assert_eq!((wrong.status, attempts_left(&wrong)), (423, Some(9)));
}

#[tokio::test]
async fn asking_costs_no_guess() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    for _ in 0..12 {
        let asked = h.come(&home, By::Session, None).await;
        assert_eq!((asked.status, attempts_left(&asked)), (423, Some(10)));
        let asked = h.come(&home, By::Session, Some("")).await;
        assert_eq!((asked.status, attempts_left(&asked)), (423, Some(10)));
    }
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
}

/// How many answers have which status.
fn tally(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn hundred(h: &House, home: &Home, lock: impl Fn(usize) -> String) -> Vec<Answer> {
    let bodies: Vec<_> = (0..100).map(|n| h.body(home, By::Session, Some(&lock(n)))).collect();
    join_all(bodies.iter().map(|body| h.send(home, By::Session, body))).await
}

#[tokio::test]
async fn of_a_hundred_guesses_at_once_one_is_judged() {
    let h = House::open();
    let mut home = h.settle(NUMBER, Some(PIN)).await;
    for left in [9, 8] {
        // One of them is right, but hardly ever the one.
        let answers = hundred(&h, &home, |n| format!("{:08}", 10_000_000 + n)).await;
        assert_eq!((tally(&answers, 423), tally(&answers, 429)), (1, 99));
        for refused in answers.iter().filter(|answer| answer.status == 429) {
            assert_eq!(refused.header("x-ratelimit-limiter"), Some("registrationLock"));
            assert!(refused.header("retry-after").is_some_and(|wait| wait != "0"));
        }
        let asked = h.come(&home, By::Session, None).await;
        assert_eq!(attempts_left(&asked), Some(left));
        h.t.advance(PAUSE);
        h.renew_session(&mut home).await;
    }
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
}

#[tokio::test]
async fn of_a_hundred_right_locks_at_once_one_opens_at_least() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    let answers = hundred(&h, &home, |_| PIN.to_owned()).await;
    let (through, refused) = (tally(&answers, 200), tally(&answers, 429));
    assert!(through >= 1 && through + refused == 100, "{through} through, {refused} refused");
    h.whoami(&home, &h.newcomer).await.expect(200);
    signet_tests::Audit::of(&h.t.registry.storage).await.expect_clean();
    // Whoever was refused may come at once: no wrong guess was among them.
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
}

#[tokio::test]
async fn a_pin_or_64_characters() {
    let h = House::open();
    let (hex, odd) = ("0f".repeat(32), "ü€".repeat(32));
    let mut table = Table::default();
    for (n, (right, wrong)) in [
        ("1234", "1235"),
        ("0000", "00000"),
        ("12345678901234567890", "1234567890123456789"),
        (hex.as_str(), "0F"),
        (odd.as_str(), "1234"),
    ]
    .into_iter()
    .enumerate()
    {
        let wrong = if right == hex { hex.to_uppercase() } else { wrong.to_owned() };
        let home = h.settle(&format!("+120255501{n:02}"), Some(right)).await;
        table.row(format!("{right}, wrong"), h.come(&home, By::Session, Some(&wrong)).await.status, 423);
        h.t.advance(PAUSE);
        let mut home = home;
        h.renew_session(&mut home).await;
        table.row(format!("{right}, right"), h.come(&home, By::Session, Some(right)).await.status, 200);
        table.row(format!("{right}, kept"), h.come(&home, By::Session, None).await.status, 423);
    }
    let home = h.settle("+12025550150", None).await;
    let short = "f".repeat(63);
    for lock in ["1", "123", "123456789012345678901", "12a4", "12 4", "١٢٣٤", &short, &format!("{short}ff")] {
        table.row(format!("{lock:?}"), h.come(&home, By::Session, Some(lock)).await.status, 422);
    }
    let number = h.come_with(&home, By::Session, &[(LOCK, Some(json!(1234)))]).await;
    table.row("a number", number.status, 422);
    table.close();
    assert_eq!(h.account(&home).await.registration_lock, None);
}

/// The PHC string in the account's row.
async fn stored_lock(h: &House) -> Option<String> {
    let rows = h.t.rows(Rows::Accounts).await;
    assert_eq!(rows.len(), 1);
    rows[0].get("registrationLock").and_then(|lock| lock.as_s().ok()).cloned()
}

#[tokio::test]
async fn it_is_kept_as_a_hash_and_nowhere_in_clear() {
    let h = House::open_with(|config| {
        config.registration_lock.memory_kib = 96;
        config.registration_lock.iterations = 3;
    });
    let (pin, hex) = ("27182818284590452353", "c0ffee00".repeat(8));
    let mut salts = Vec::new();
    for lock in [pin, hex.as_str()] {
        let home = h.settle_with(NUMBER, &[(LOCK, Some(json!(lock)))]).await;
        let phc = stored_lock(&h).await.expect("a lock");
        assert!(phc.starts_with("$argon2id$v=19$m=96,t=3,p=1$"), "{phc}");
        salts.push(phc.split('$').nth(4).expect("a salt").to_owned());
        for spec in &TABLES {
            for row in h.t.rows(spec.table).await {
                let contents = contents(&row);
                let there = |secret: &[u8]| contents.windows(secret.len()).any(|window| window == secret);
                assert!(!there(lock.as_bytes()), "{}", spec.name);
                assert!(!hex::decode(lock).is_ok_and(|bytes| there(&bytes)), "{}", spec.name);
            }
        }
        let taken_over = h.come(&home, By::Session, Some(lock)).await;
        assert_eq!(taken_over.status, 200);
        assert!(!taken_over.text.contains(lock) && !taken_over.text.contains("argon"));
        h.t.advance(8 * DAY);
    }
    assert_ne!(salts[0], salts[1], "every lock has a salt of its own");
}

#[tokio::test]
async fn a_hash_of_other_parameters_still_opens_and_is_made_anew() {
    let h = House::open();
    for (memory, iterations) in [(32, 2), (128, 1), (64, 1)] {
        let home = h.settle(NUMBER, None).await;
        let older = RegistrationLock { memory_kib: memory, iterations, ..RegistrationLock::for_testing() };
        let hasher = LockHasher::new(&older, Chance::system());
        let stored = hasher.hash(hasher.reserve().unwrap(), &PresentedLock::try_from(PIN).unwrap()).await;
        h.change(&home, |account| account.registration_lock = Some(stored.clone())).await;
        let phc = stored_lock(&h).await.unwrap();
        assert!(phc.contains(&format!("m={memory},t={iterations},")), "{phc}");

        assert_eq!(h.come(&home, By::Session, Some(WRONG)).await.status, 423);
        assert_eq!(stored_lock(&h).await.as_ref(), Some(&phc), "a wrong guess changes nothing of it");
        h.t.advance(PAUSE);
        assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
        let renewed = stored_lock(&h).await.unwrap();
        assert!(renewed.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{renewed}");
        assert_eq!(renewed == phc, memory == 64, "and only what was made otherwise is made anew");
        assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200, "it still is the same lock");
        h.t.advance(8 * DAY);
    }
}

#[tokio::test]
async fn a_hash_that_cannot_be_read_opens_to_nobody_and_expires() {
    let h = House::open();
    let mut home = h.settle(NUMBER, None).await;
    for rubbish in ["", "$argon2id$", "2.00", PIN] {
        let stored = signet_storage::lock_hasher::StoredLock::from(rubbish.to_owned());
        h.change(&home, |account| account.registration_lock = Some(stored.clone())).await;
        h.renew_session(&mut home).await;
        assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 423, "{rubbish:?}");
        h.t.advance(PAUSE);
    }
    h.t.advance(7 * DAY);
    h.renew_session(&mut home).await;
    let through: Value = h.come(&home, By::Session, Some(PIN)).await.expect(200);
    assert_eq!(through["uuid"], json!(home.aci));
}
