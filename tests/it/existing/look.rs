//! Whether a number has an account is not to be seen by those who have not proved it.

use serde_json::Value;
use signet_storage::ids::DeviceId;
use signet_tests::{Answer, SignalClient};

use super::{By, Home, House, NUMBER, PIN};

const NOBODYS: &str = "+12025550199";

/// An answer without what differs between any two: the date, the session's id, where the time went.
fn look(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let changing = ["date", "x-signal-timestamp", "server-timing"];
    let fields = answer.headers.iter().filter(|(name, _)| !changing.contains(&name.as_str()));
    let mut fields: Vec<_> = fields.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    fields.sort();
    let mut body = answer.json();
    if let Some(body) = body.as_object_mut() {
        body.remove("id");
    }
    (answer.status, fields, body)
}

fn names(answer: &Answer) -> Vec<&str> {
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_session_looks_the_same_for_anybodys_number_and_nobodys() {
    let h = House::open();
    let c = &h.t.client;
    let home = h.settle(NUMBER, Some(PIN)).await;
    h.link(&home, DeviceId::try_from(2).unwrap()).await;
    let frozen = h.settle("+12025550124", Some(PIN)).await;
    assert_eq!(h.come(&frozen, By::Session, None).await.status, 423);
    let removed = h.settle("+12025550125", None).await;
    assert_eq!(h.remove(&removed, &h.owner).await.status, 204);

    let mut looks = Vec::new();
    for number in [NOBODYS, NUMBER, frozen.number.as_str(), removed.number.as_str()] {
        let begun = c.begin_session(number).await;
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        let rest = [
            c.session(&id).await,
            c.update_session(&id, &serde_json::json!({})).await,
            c.request_code(&id, "sms").await,
            c.submit_code(&id, "x").await,
            c.session(&id).await,
        ];
        let all: Vec<_> = std::iter::once(&begun).chain(&rest).map(look).collect();
        looks.push((begun.json()["id"].as_str().unwrap().len(), names(&begun).join(" "), all));
    }
    assert_eq!(looks[0].2[0].0, 200);
    for look in &looks[1..] {
        assert_eq!(look, &looks[0]);
    }
}

/// Nor does the time it takes: as much is asked of the store for a number that has an account as for one that has none.
#[tokio::test]
async fn as_much_is_asked_of_the_store_for_anybody_as_for_nobody() {
    let h = House::open();
    let c = &h.t.client;
    let home = h.settle(NUMBER, Some(PIN)).await;
    let removed = h.settle("+12025550125", None).await;
    assert_eq!(h.remove(&removed, &h.owner).await.status, 204);
    let stranger = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let nobody = Home { number: NOBODYS.to_owned(), aci: stranger, session: String::new() };
    let wrong = [("/recoveryPassword", Some(serde_json::json!("AAAA")))];
    let mut asked = Vec::new();
    for home in [&nobody, &home, &removed] {
        let mut costs = Vec::new();
        let mut cost = |what| costs.push((what, h.t.faults.take_seen()));
        cost("before");
        let id = c.begin_session(&home.number).await.expect(200)["id"].as_str().unwrap().to_owned();
        cost("a session");
        c.request_code(&id, "sms").await.expect(200);
        cost("a code");
        c.submit_code(&id, "x").await;
        cost("a guess");
        assert_eq!(h.come_with(home, By::Number, &wrong).await.status, 403);
        cost("a recovery password of the number");
        assert_eq!(h.come_with(home, By::Aci, &wrong).await.status, 403);
        cost("a recovery password of the account");
        assert_eq!(h.whoami(home, &h.newcomer).await.status, 401);
        cost("a password");
        costs.remove(0);
        asked.push(costs);
    }
    assert!(asked[0].iter().all(|(_, requests)| !requests.is_empty()), "{asked:?}");
    assert_eq!(asked[1], asked[0]);
    assert_eq!(asked[2], asked[0]);
}

/// Nor do refusals tell: a recovery password that is wrong, and one for a number or an ACI that nobody has.
#[tokio::test]
async fn a_wrong_recovery_password_looks_as_one_of_nobody() {
    let h = House::open();
    let home = h.settle(NUMBER, Some(PIN)).await;
    let stranger = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let nobody = Home { number: NOBODYS.to_owned(), aci: stranger, session: String::new() };
    for by in [By::Number, By::Aci] {
        let wrong = [("/recoveryPassword", Some(serde_json::json!("AAAA")))];
        let (theirs, nobodys) = (h.come_with(&home, by, &wrong).await, h.come_with(&nobody, by, &wrong).await);
        assert_eq!((theirs.status, look(&theirs)), (403, look(&nobodys)), "{by:?}");
    }
    // Nor does a device's name.
    let stranger = SignalClient::generate();
    let (theirs, nobodys) = (h.whoami(&home, &stranger).await, h.whoami(&nobody, &stranger).await);
    assert_eq!((theirs.status, look(&theirs)), (401, look(&nobodys)));
}
