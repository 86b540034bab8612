//! One-time passwords at registration (§14). How an owner sets keys is in `own/totp.rs`; here tests put them into the account.

use std::time::Duration;

use serde_json::{Value, json};
use signet::events::Event;
use signet_storage::Timestamp;
use signet_storage::model::Opaque;
use signet_storage::model::totp::{self, TotpKey};
use signet_tests::Table;
use signet_tests::registry::NOON;

use super::{By, Home, House, MS, NUMBER, heard};

const ONE: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

async fn set_keys(h: &House, home: &Home, keys: &[[u8; 32]]) {
    let key = |key: &[u8; 32]| TotpKey { id: 0, key: key[..].into(), label: Opaque::from(vec![7; 160]) };
    h.change(home, |account| account.totp = keys.iter().map(key).collect()).await;
}

fn with(code: Option<u32>) -> [(&'static str, Option<Value>); 1] {
    [("/totp", code.map(|code| json!(code)))]
}

/// Noon is the beginning of a step of 30 seconds. Each row: whose code of when, asked how long after noon.
#[tokio::test]
async fn a_code_of_now_or_of_fifteen_seconds_ago() {
    let h = House::open();
    let mut home = h.settle(NUMBER, None).await;
    assert_eq!(NOON.millis() % 30_000, 0);
    let before = Timestamp::from_millis(NOON.millis() - 1);
    let secs = Duration::from_secs;
    let none = Duration::ZERO;
    let mut table = Table::default();
    for (what, keys, code, after, status) in [
        ("now", vec![ONE], Some(totp::code(&ONE, NOON)), none, 200),
        ("now, the second key", vec![ONE, OTHER], Some(totp::code(&OTHER, NOON)), none, 200),
        ("the step before", vec![ONE], Some(totp::code(&ONE, before)), none, 200),
        ("two steps before", vec![ONE], Some(totp::code(&ONE, before.minus(secs(30)))), none, 441),
        ("the step to come", vec![ONE], Some(totp::code(&ONE, NOON.plus(secs(30)))), none, 441),
        ("another's key", vec![ONE], Some(totp::code(&OTHER, NOON)), none, 441),
        ("none", vec![ONE], None, none, 441),
        ("too long a number", vec![ONE], Some(totp::code(&ONE, NOON) + 1_000_000), none, 441),
        ("superfluous", vec![], Some(totp::code(&ONE, NOON)), none, 441),
        ("neither keys nor code", vec![], None, none, 200),
        ("the step before, just in time", vec![ONE], Some(totp::code(&ONE, before)), secs(15) - MS, 200),
        ("the step before, too late", vec![ONE], Some(totp::code(&ONE, before)), secs(15), 441),
        ("its own step, still", vec![ONE], Some(totp::code(&ONE, NOON)), secs(45) - MS, 200),
        ("its own step, too late", vec![ONE], Some(totp::code(&ONE, NOON)), secs(45), 441),
    ] {
        let to = NOON.plus(after);
        h.t.advance(to.remaining(h.t.registry.clock.now()));
        set_keys(&h, &home, &keys).await;
        table.row(what, h.come_with(&home, By::Session, &with(code)).await.status, status);
    }
    h.renew_session(&mut home).await;
    for (what, value, status) in [
        ("below zero", json!(-1), 422),
        ("text", json!("123456"), 422),
        ("not whole", json!(1.5), 422),
        ("beyond all", json!(4_294_967_296_u64), 422),
        ("null", Value::Null, 200),
    ] {
        set_keys(&h, &home, &[]).await;
        table.row(what, h.come_with(&home, By::Session, &[("/totp", Some(value))]).await.status, status);
    }
    table.close();
}

#[tokio::test]
async fn keys_are_lost_by_registering_again_whoever_does() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    for by in [By::Session, By::Number, By::Aci] {
        set_keys(&h, &home, &[ONE, OTHER]).await;
        assert_eq!(h.come(&home, by, None).await.status, 441, "{by:?}");
        assert_eq!(h.account(&home).await.totp.len(), 2);
        let mut body = h.body(&home, by, None);
        body["totp"] = json!(totp::code(&OTHER, NOON));
        assert_eq!(h.send(&home, by, &body).await.status, 200, "{by:?}");
        assert!(h.account(&home).await.totp.is_empty(), "{by:?}");
        assert_eq!(h.come(&home, by, None).await.status, 200, "{by:?}");
    }
}

#[tokio::test]
async fn a_failure_changes_nothing_and_is_told() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    set_keys(&h, &home, &[ONE]).await;
    let before = h.account(&home).await;
    let mut events = h.listen();
    let answer = h.come(&home, By::Session, None).await;
    assert_eq!((answer.status, answer.text.as_str()), (441, ""));
    assert_eq!(heard(&mut events), [Event::TotpFailed { aci: home.aci }]);
    assert_eq!(h.account(&home).await, before);
    h.whoami(&home, &h.owner).await.expect(200);
}
