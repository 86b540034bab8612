//! In which order a registration of a number that has an account is judged: §3.4 for kinds A and B, §3.5 for kind C.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_config::LimitId;
use signet_storage::dynamo::faults::Fault;
use signet_storage::model::Opaque;
use signet_storage::model::totp::{self, TotpKey};
use signet_tests::Table;
use signet_tests::registry::NOON;
use uuid::Uuid;

use super::{By, Home, House, LOCK, NEW_PASSWORD, NUMBER, PAUSE, PIN, WRONG, limit, refused_by};

const STAY: (&str, Option<Value>) = ("/skipDeviceTransfer", None);
const KEY: [u8; 32] = [5; 32];

fn lock(lock: &str) -> (&'static str, Option<Value>) {
    (LOCK, Some(json!(lock)))
}

fn code(at: signet_storage::Timestamp) -> (&'static str, Option<Value>) {
    ("/totp", Some(json!(totp::code(&KEY, at))))
}

/// An account with everything that can stand in the way: a device that can transfer, a lock, a one-time password.
async fn fortress(h: &House, number: &str) -> Home {
    let transfer = ("/accountAttributes/capabilities", Some(json!({"spqr": true, "transfer": true})));
    let home = h.settle_with(number, &[transfer, lock(PIN)]).await;
    guard(h, &home).await;
    home
}

async fn guard(h: &House, home: &Home) {
    let key = TotpKey { id: 0, key: KEY[..].into(), label: Opaque::from(Vec::new()) };
    h.change(home, |account| account.totp = vec![key.clone()]).await;
}

#[tokio::test]
async fn transfer_then_lock_then_one_time_password() {
    let h = House::open();
    let mut table = Table::default();
    for (number, by) in [("+12025550101", By::Session), ("+12025550102", By::Number)] {
        let home = fortress(&h, number).await;
        let untouched = h.account(&home).await;
        let now = h.t.registry.clock.now();
        for (what, changes) in [
            ("nothing", vec![STAY]),
            ("a wrong lock", vec![STAY, lock(WRONG)]),
            ("the right lock", vec![STAY, lock(PIN)]),
            ("a code alone", vec![STAY, code(now)]),
            ("all but leave to skip", vec![STAY, lock(PIN), code(now)]),
        ] {
            table.row(format!("{by:?}, {what}"), h.come_with(&home, by, &changes).await.status, 409);
        }
        table.row(format!("{by:?}: 409 did nothing"), h.account(&home).await == untouched, true);
        for (what, changes, status) in [
            ("no lock, no code", vec![], 423),
            ("no lock, but the code", vec![code(now)], 423),
            ("the lock, no code", vec![lock(PIN)], 441),
            ("the lock, a wrong code", vec![lock(PIN), ("/totp", Some(json!(1_000_000)))], 441),
            ("still not skipped", vec![STAY, lock(PIN), code(now)], 409),
            ("both", vec![lock(PIN), code(now)], 200),
        ] {
            table.row(format!("{by:?}, {what}"), h.come_with(&home, by, &changes).await.status, status);
        }
    }
    let mut home = fortress(&h, NUMBER).await;
    let now = h.t.registry.clock.now();
    table.row("a wrong lock, the code", h.come_with(&home, By::Session, &[lock(WRONG), code(now)]).await.status, 423);
    table.row("a pause", h.come_with(&home, By::Session, &[lock(PIN)]).await.status, 429);
    table.row("a pause, not skipped", h.come_with(&home, By::Session, &[STAY, lock(PIN)]).await.status, 409);
    h.t.advance(PAUSE);
    h.renew_session(&mut home).await;
    table.row("no pause", h.come_with(&home, By::Session, &[lock(PIN)]).await.status, 441);
    table.close();
}

/// Kind C: the one-time password first. A failed lock uses the account's recovery password up, so it is tried last.
#[tokio::test]
async fn by_aci_one_time_password_then_transfer_then_lock() {
    let h = House::open();
    let home = fortress(&h, NUMBER).await;
    let untouched = h.account(&home).await;
    let now = NOON;
    let mut table = Table::default();
    for (what, changes, status) in [
        ("nothing", vec![STAY], 441),
        ("the lock", vec![STAY, lock(PIN)], 441),
        ("the lock, skipped", vec![lock(PIN)], 441),
        ("a wrong lock", vec![lock(WRONG)], 441),
        ("the code, a wrong lock, not skipped", vec![STAY, code(now), lock(WRONG)], 409),
        ("the code, no lock, not skipped", vec![STAY, code(now)], 409),
        ("the code and the lock, not skipped", vec![STAY, code(now), lock(PIN)], 409),
        ("a wrong password before all", vec![STAY, ("/recoveryPassword", Some(json!("AAAA")))], 403),
    ] {
        table.row(what, h.come_with(&home, By::Aci, &changes).await.status, status);
        table.row(format!("{what}: nothing done"), h.account(&home).await == untouched, true);
    }
    table.row("the code, no lock", h.come_with(&home, By::Aci, &[code(now)]).await.status, 423);
    table.row("used up", h.come_with(&home, By::Aci, &[code(now), lock(PIN)]).await.status, 403);
    let home = fortress(&h, "+12025550124").await;
    table.row("everything", h.come_with(&home, By::Aci, &[code(now), lock(PIN)]).await.status, 200);
    table.close();
}

/// `checkTotp` counts for every existing account, whether it has keys or not, and once for each registration.
#[tokio::test]
async fn one_time_passwords_are_limited_by_account() {
    let per = Duration::from_secs(6);
    let h = House::open_with(|config| limit(config, LimitId::CheckTotp, 2, per));
    let refused = (429, Some("checkTotp"), Some("6"));
    for (number, by) in [("+12025550101", By::Session), ("+12025550102", By::Number), ("+12025550103", By::Aci)] {
        let home = h.settle(number, None).await;
        guard(&h, &home).await;
        for _ in 0..2 {
            assert_eq!(h.come_with(&home, by, &[]).await.status, 441, "{by:?}");
        }
        let now = h.t.registry.clock.now();
        assert_eq!(refused_by(&h.come_with(&home, by, &[code(now)]).await), refused, "{by:?}: the right one as well");
        h.t.advance(per);
        let now = h.t.registry.clock.now();
        assert_eq!(h.come_with(&home, by, &[code(now)]).await.status, 200, "{by:?}");
        assert_eq!(refused_by(&h.come(&home, by, None).await), refused, "{by:?}: without keys too");
    }
    // What is refused before it takes no permit.
    let home = h.settle(NUMBER, Some(PIN)).await;
    for _ in 0..5 {
        assert_eq!(h.come(&home, By::Session, None).await.status, 423);
    }
    assert_eq!(h.come(&home, By::Session, Some(PIN)).await.status, 200);
}

/// The limiter `registration` is for numbers, and who comes by ACI names none.
#[tokio::test]
async fn by_aci_the_limit_of_the_number_does_not_count() {
    let h = House::open_with(|config| limit(config, LimitId::Registration, 2, Duration::from_secs(30)));
    let home = h.settle(NUMBER, None).await;
    for _ in 0..3 {
        assert_eq!(h.come(&home, By::Aci, None).await.status, 200);
    }
    assert_eq!(h.come(&home, By::Number, None).await.status, 200);
    for by in [By::Number, By::Session] {
        assert_eq!(refused_by(&h.come(&home, by, None).await), (429, Some("registration"), Some("30")));
    }
    assert_eq!(h.come(&home, By::Aci, None).await.status, 200);
}

/// Kind C: who has a wrong password takes no permit of the owner's.
#[tokio::test]
async fn a_wrong_password_takes_no_permit() {
    let h = House::open_with(|config| limit(config, LimitId::CheckTotp, 1, Duration::from_secs(6)));
    let home = h.settle(NUMBER, None).await;
    let wrong = [("/recoveryPassword", Some(json!("AAAA")))];
    for _ in 0..5 {
        assert_eq!(h.come_with(&home, By::Aci, &wrong).await.status, 403);
    }
    assert_eq!(h.come(&home, By::Aci, None).await.status, 200);
    let of_nobody = Home { aci: Uuid::nil().to_string().parse().unwrap(), ..home };
    for _ in 0..5 {
        assert_eq!(h.come(&of_nobody, By::Aci, None).await.status, 403);
    }
}

/// §3.4 for a recovery password, row by row (those of a session are in `registration/proofs.rs`).
#[tokio::test]
async fn every_row_of_kind_b() {
    let h = House::open();
    let home = h.settle(NUMBER, None).await;
    let mut table = Table::default();
    let no_pni =
        ["/pniIdentityKey", "/pniSignedPreKey", "/pniPqLastResortPreKey", "/accountAttributes/pniRegistrationId"];
    let no_pni: Vec<_> = no_pni.map(|pointer| (pointer, None)).to_vec();
    let proof = |value: &str| ("/recoveryPassword", Some(json!(value)));
    for (what, changes, status) in [
        ("no PNI", no_pni, 422),
        ("a wrong password", vec![proof("AAAA")], 403),
        ("another of 32 bytes", vec![proof(&STANDARD.encode([8; 32]))], 403),
        ("none", vec![proof("")], 422),
        ("null", vec![("/recoveryPassword", Some(Value::Null))], 422),
        ("both proofs", vec![("/sessionId", Some(json!(home.session)))], 422),
        ("an empty session besides", vec![("/sessionId", Some(json!("")))], 200),
        ("the right one, and no new one", vec![(NEW_PASSWORD, None)], 200),
        ("the same one again", vec![], 200),
    ] {
        table.row(what, h.come_with(&home, By::Number, &changes).await.status, status);
    }
    for (number, status) in [("+12025550199", 403), ("12025550123", 422), ("rubbish", 422), ("+1", 422)] {
        let other = Home { number: number.to_owned(), session: String::new(), ..home };
        table.row(number, h.come(&other, By::Number, None).await.status, status);
    }
    h.t.faults.always("GetItem", Fault::LoseRequest);
    table.row("no store", h.come(&home, By::Number, None).await.status, 503);
    h.t.faults.heal();
    table.row("and again", h.come(&home, By::Number, None).await.status, 200);
    table.close();
}
