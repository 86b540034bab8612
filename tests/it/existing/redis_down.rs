//! Guesses are counted in Redis, one at a time however many come. Where they cannot be counted nobody guesses, and nothing
//! happens to the account.

use std::time::Duration;

use futures::future::join_all;
use signet_config::{CacheKind, Limit, LimitId, OnFailure, Secret};
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::Table;
use signet_tests::redis::RedisServer;

use super::{By, House, NUMBER, PIN, WRONG, heard};

/// Everything but the lock does without Redis.
async fn with_redis(redis: &RedisServer) -> House {
    let h = House::open_with(|config| {
        config.cache.kind = CacheKind::Redis;
        config.cache.url = Some(Secret::new(redis.url()));
        for id in [
            LimitId::RegistrationPerAddress,
            LimitId::Registration,
            LimitId::CheckTotp,
            LimitId::CodePerNumber,
            LimitId::VerificationSession,
        ] {
            let usual = config.limits.get(id);
            let generous = Limit { size: 1000, per: Duration::from_secs(1), on_failure: OnFailure::Allow, ..usual };
            config.limits.set(id, generous);
        }
    });
    becomes(&h, true).await;
    h
}

async fn becomes(h: &House, healthy: bool) {
    for _ in 0..1000 {
        if h.t.registry.storage.cache.healthy() == healthy {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("healthy stays {}", !healthy);
}

#[tokio::test]
async fn a_wrong_guess_is_counted_in_redis_for_five_minutes() {
    let redis = RedisServer::start();
    let h = with_redis(&redis).await;
    let home = h.settle(NUMBER, Some(PIN)).await;
    let key = format!("reglock:{}", home.aci);
    assert_eq!(h.come(&home, By::Session, None).await.status, 423);
    assert_eq!(redis.ask(&["EXISTS", &key]), "0", "asking is no guess");
    assert_eq!(h.come(&home, By::Session, Some(WRONG)).await.status, 423);
    assert_eq!(redis.ask(&["EXISTS", &key]), "1");
    let left: i64 = redis.ask(&["PTTL", &key]).parse().unwrap();
    assert!((200_000..=300_000).contains(&left), "{left}");
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 429);
    assert!(redis.ask(&["PTTL", &key]).parse::<i64>().unwrap() <= left, "a refused one does not make it last longer");

    // The operator's way out.
    redis.ask(&["DEL", &key]);
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
    assert_eq!(redis.ask(&["EXISTS", &key]), "0", "success leaves nothing");
    assert_eq!(redis.ask(&["KEYS", "reglock*"]), "*0", "nor a judge who is gone");
}

/// Between any two questions to Redis there is room for others.
#[tokio::test]
async fn of_a_hundred_guesses_at_once_one_is_judged() {
    let redis = RedisServer::start();
    let h = with_redis(&redis).await;
    let home = h.settle(NUMBER, Some(PIN)).await;
    for left in [9, 8] {
        let body = h.body(&home, By::Session, Some(WRONG));
        let answers = join_all((0..100).map(|_| h.send(&home, By::Session, &body))).await;
        let having = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((having(423), having(429)), (1, 99));
        let asked = h.come(&home, By::Session, None).await;
        assert_eq!(asked.json()["attemptsLeft"], left);
        redis.ask(&["DEL", &format!("reglock:{}", home.aci)]);
    }
    let body = h.body(&home, By::Session, Some(PIN));
    let answers = join_all((0..100).map(|_| h.send(&home, By::Session, &body))).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| [200, 429].contains(&answer.status)));
}

#[tokio::test]
async fn without_redis_nobody_guesses_and_nothing_is_frozen() {
    let mut redis = RedisServer::start();
    let h = with_redis(&redis).await;
    let home = h.settle(NUMBER, Some(PIN)).await;
    let unlocked = h.settle("+12025550124", None).await;
    let (account, recovery) = (h.account(&home).await, h.t.rows(Rows::Recovery).await);
    let mut events = h.listen();

    redis.stop();
    becomes(&h, false).await;
    let mut table = Table::default();
    for by in [By::Session, By::Number, By::Aci] {
        for lock in [None, Some(""), Some(WRONG), Some(PIN)] {
            table.row(format!("{by:?} {lock:?}"), h.come(&home, by, lock).await.status, 503);
        }
    }
    table.row("account", h.account(&home).await == account, true);
    table.row("recovery passwords", h.t.rows(Rows::Recovery).await == recovery, true);
    table.row("events", heard(&mut events), vec![]);
    table.row("the owner", h.whoami(&home, &h.owner).await.status, 200);
    table.row("an account without a lock", h.come(&unlocked, By::Session, None).await.status, 200);

    redis.start_again();
    becomes(&h, true).await;
    let asked = h.come(&home, By::Session, None).await;
    table.row("nothing was counted", asked.json()["attemptsLeft"].as_u64(), Some(10));
    table.row("the right lock", h.come(&home, By::Session, Some(PIN)).await.status, 200);
    table.close();
}

/// Redis goes while somebody is being judged, or before: an expired lock needs no counting.
#[tokio::test]
async fn without_redis_an_expired_lock_is_no_lock() {
    let mut redis = RedisServer::start();
    let h = with_redis(&redis).await;
    let mut home = h.settle(NUMBER, Some(PIN)).await;
    h.t.advance(7 * super::DAY);
    h.renew_session(&mut home).await;
    redis.stop();
    becomes(&h, false).await;
    assert_eq!(h.come(&home, By::Session, Some(WRONG)).await.status, 200);
}
