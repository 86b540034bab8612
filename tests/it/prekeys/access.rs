//! Who may take keys: the decision table of §1.5, row by row, each at every kind of target.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_config::{Limit, LimitId, OnFailure};
use signet_tests::client::basic;
use signet_tests::{Answer, SignalClient, Table, TestRegistry};

use super::{Person, UAK, start, start_with, uak};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// Somebody who asks, and three who are asked for.
struct Street {
    t: TestRegistry,
    bob: Person,
    /// Has an access key.
    alice: Person,
    /// Is open to all.
    carol: Person,
    /// Has neither.
    dave: Person,
}

impl Street {
    async fn open() -> Self {
        let t = start();
        let bob = Person::register(&t, "+12025550120").await;
        let alice = Person::register(&t, "+12025550121").await;
        let open = [
            ("/accountAttributes/unrestrictedUnidentifiedAccess", Some(json!(true))),
            ("/accountAttributes/unidentifiedAccessKey", None::<Value>),
        ];
        let carol = Person::register_as(&t, "+12025550122", SignalClient::generate(), &open).await;
        let dave = Person::register(&t, "+12025550123").await;
        dave.change(&t, |account| account.unidentified_access_key = None).await;
        Self { t, bob, alice, carol, dave }
    }

    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.t.client.send("GET", &format!("/v2/keys/{path}"), headers, "").await
    }
}

/// A token of a group, as far as anybody without the secret can tell.
fn token() -> String {
    STANDARD.encode([3; 33])
}

#[tokio::test]
async fn the_decision_table() {
    let s = Street::open().await;
    let mine = s.bob.credentials(1);
    let account = ("authorization", mine.as_str());
    let (right, wrong, zero) = (uak(&UAK), uak(&[8; 16]), uak(&[0; 16]));
    let (right, wrong, zero) = (
        ("unidentified-access-key", right.as_str()),
        ("unidentified-access-key", wrong.as_str()),
        ("unidentified-access-key", zero.as_str()),
    );
    let token = token();
    let group = ("group-send-token", token.as_str());
    let stranger = basic(NOBODY, "password");
    let unknown = ("authorization", stranger.as_str());
    let (alice, carol, dave) = (s.alice.aci.as_str(), s.carol.aci.as_str(), s.dave.aci.as_str());
    let (pni, open_pni) = (format!("PNI:{}", s.alice.pni), format!("PNI:{}", s.carol.pni));
    let (pni, open_pni) = (pni.as_str(), open_pni.as_str());
    let no_pni = format!("PNI:{NOBODY}");
    // The PNI's UUID is nobody's ACI, and the other way round.
    let swapped = format!("PNI:{alice}");
    let mut table = Table::default();
    for (n, (target, device, headers, status)) in [
        // Nobody, and what is not said well.
        (alice, "1", vec![], 401),
        (NOBODY, "1", vec![], 401),
        (alice, "1", vec![unknown], 401),
        (alice, "1", vec![("unidentified-access-key", "!")], 401),
        (alice, "1", vec![("unidentified-access-key", "")], 401),
        (alice, "1", vec![("unidentified-access-key", "BwcHBwcHBwcHBwcHBwcH")], 401),
        (alice, "1", vec![account, ("unidentified-access-key", "BwcH")], 401),
        (alice, "1", vec![("group-send-token", "!")], 401),
        (alice, "1", vec![("group-send-token", "")], 401),
        (alice, "1", vec![account, ("group-send-token", "!")], 401),
        (alice, "1", vec![right, ("group-send-token", "!")], 401),
        ("rubbish", "1", vec![account, ("group-send-token", "!")], 401),
        // Ids that are none.
        ("rubbish", "1", vec![account], 404),
        ("rubbish", "1", vec![right], 404),
        (&format!("ACI:{alice}"), "1", vec![account], 404),
        (&format!("pni:{}", s.alice.pni), "1", vec![account], 404),
        // Tokens of groups.
        (alice, "1", vec![account, group], 400),
        (alice, "1", vec![right, group], 400),
        (alice, "1", vec![account, right, group], 400),
        (NOBODY, "1", vec![account, group], 400),
        (alice, "1", vec![group], 401),
        (carol, "*", vec![group], 401),
        (NOBODY, "1", vec![group], 401),
        // By account.
        (alice, "1", vec![account], 200),
        (alice, "+1", vec![account], 200),
        (alice, "*", vec![account], 200),
        (alice, "1", vec![account, wrong], 200),
        (dave, "1", vec![account], 200),
        (pni, "1", vec![account], 200),
        (pni, "*", vec![account], 200),
        (&s.bob.aci, "1", vec![account], 200),
        (NOBODY, "1", vec![account], 404),
        (NOBODY, "x", vec![account], 404),
        (&no_pni, "1", vec![account], 404),
        (&s.alice.pni, "1", vec![account], 404),
        (&swapped, "1", vec![account], 404),
        (NOBODY, "1", vec![account, right], 404),
        (alice, "x", vec![account], 422),
        (alice, "**", vec![account], 422),
        (alice, "128", vec![account], 422),
        (alice, "1.0", vec![account], 422),
        (alice, "2", vec![account], 404),
        (alice, "0", vec![account], 404),
        (alice, "-1", vec![account], 404),
        (alice, "127", vec![account], 404),
        // By access key.
        (alice, "1", vec![right], 200),
        (alice, "*", vec![right], 200),
        (alice, "1", vec![unknown, right], 200),
        (alice, "1", vec![wrong], 401),
        (alice, "1", vec![zero], 401),
        (alice, "x", vec![wrong], 401),
        (alice, "2", vec![wrong], 401),
        (carol, "1", vec![zero], 200),
        (carol, "*", vec![wrong], 200),
        (carol, "x", vec![zero], 422),
        (carol, "2", vec![zero], 401),
        (dave, "1", vec![zero], 401),
        (dave, "1", vec![right], 401),
        (NOBODY, "1", vec![right], 401),
        (NOBODY, "x", vec![right], 401),
        (pni, "1", vec![right], 401),
        (open_pni, "1", vec![zero], 401),
        (&no_pni, "1", vec![right], 401),
        (alice, "x", vec![right], 422),
        (alice, "128", vec![right], 422),
        (alice, "2", vec![right], 401),
        (alice, "-1", vec![right], 401),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = s.ask(&format!("{target}/{device}"), &headers).await;
        let names: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        table.row(format!("{n}: {target}/{device} by {names:?}"), answer.status, status);
        if status != 200 {
            table.row(format!("{n}: says nothing"), answer.text.as_str(), "");
        }
    }
    table.close();
}

#[tokio::test]
async fn an_account_that_has_gone_takes_nothing() {
    let s = Street::open().await;
    let mine = s.bob.credentials(1);
    s.bob.ask(&s.t, "DELETE", "/v1/accounts/me", "").await.expect(204);
    let mut table = Table::default();
    let right = uak(&UAK);
    let path = format!("{}/1", s.alice.aci);
    table.row("by account", s.ask(&path, &[("authorization", &mine)]).await.status, 401);
    let both = [("authorization", mine.as_str()), ("unidentified-access-key", right.as_str())];
    table.row("with an access key", s.ask(&path, &both).await.status, 200);
    table.row(
        "a target that has gone",
        s.ask(&format!("{}/1", s.bob.aci), &[("unidentified-access-key", &right)]).await.status,
        401,
    );
    let pni = format!("PNI:{}/1", s.bob.pni);
    table.row("its PNI", s.ask(&pni, &[("authorization", &s.alice.credentials(1))]).await.status, 404);
    table.close();
}

/// Only wrong credentials count as refused, not that somebody has none.
#[tokio::test]
async fn to_come_without_an_account_is_no_failed_attempt() {
    let s = Street::open().await;
    let mut events = s.t.registry.events.subscribe("test", 10);
    let right = uak(&UAK);
    s.ask(&format!("{}/1", s.alice.aci), &[("unidentified-access-key", &right)]).await.expect(200);
    s.t.registry.events.publish_sums();
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn takes_of_one_pair_of_devices_are_limited() {
    let t = start_with(|config| {
        let limit = Limit::bucket(2, std::time::Duration::from_secs(600), OnFailure::Refuse);
        config.limits.set(LimitId::Prekeys, limit);
    });
    let (alice, bob) = (Person::register(&t, "+12025550121").await, Person::register(&t, "+12025550122").await);
    alice.link(&t, 2).await;
    bob.link(&t, 2).await;
    let pni = format!("PNI:{}", alice.pni);
    let mut table = Table::default();
    let ask = async |who: &Person, as_device: u8, target: &str, device: &str| {
        who.ask_as(as_device, &t, "GET", &format!("/v2/keys/{target}/{device}"), "").await
    };
    // What is refused before it comes to taking costs nothing.
    for device in ["x", "9", "x", "9"] {
        ask(&bob, 1, &alice.aci, device).await;
    }
    for (from, target, device) in
        [(1, &alice.aci, "1"), (1, &alice.aci, "2"), (1, &alice.aci, "*"), (1, &pni, "1"), (2, &alice.aci, "1")]
    {
        for (n, expected) in [200, 200, 429].into_iter().enumerate() {
            let answer = ask(&bob, from, target, device).await;
            let told = (answer.status, answer.header("retry-after").map(str::to_owned));
            let wait = (expected == 429).then(|| "600".to_owned());
            table.row(format!("{from} {target}/{device} {n}"), told, (expected, wait));
        }
    }
    let overview = t.client.manage(&format!("/limits/{}", bob.aci)).await.expect(200);
    let keys: Vec<_> =
        overview["limiters"].as_array().unwrap().iter().filter(|row| row["limiter"] == "prekeys").collect();
    let has = |key: String| keys.iter().any(|row| row["key"] == key.as_str());
    table.row("keys", keys.len(), 5);
    table.row("of a device", has(format!("{}.1__{}.1.1234", bob.aci, alice.aci)), true);
    table.row("of all", has(format!("{}.1__{}.*.*", bob.aci, alice.aci)), true);
    table.row("of a PNI", has(format!("{}.1__{}.1.5678", bob.aci, alice.pni)), true);
    table.row("of another device", has(format!("{}.2__{}.1.1234", bob.aci, alice.aci)), true);
    let right = uak(&UAK);
    for n in 0..4 {
        let path = format!("/v2/keys/{}/1", alice.aci);
        let answer = t.client.send("GET", &path, &[("unidentified-access-key", &right)], "").await;
        table.row(format!("without an account {n}"), answer.status, 200);
    }
    let again = SignalClient::generate();
    let changed = [("/accountAttributes/registrationId", Some(json!(4321)))];
    Person::register_as(&t, &alice.number, again, &changed).await;
    table.row("a new installation", ask(&bob, 1, &alice.aci, "1").await.status, 200);
    table.close();
}
