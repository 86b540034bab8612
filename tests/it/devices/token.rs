//! Link tokens over HTTP: how long they hold, for whom, and how often (§3.3).

use std::time::Duration;

use base64::Engine as _;
use serde_json::json;
use signet_storage::dynamo::items::text_of;
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::model::LinkKey;
use signet_tests::registry::{NOON, contents};
use signet_tests::{SignalClient, Table, TestRegistry};

use super::{Home, NUMBER, limit};

const LIFETIME: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_token_holds_for_ten_minutes_to_the_millisecond() {
    let h = Home::open().await;
    let (first, second) = (h.token().await, h.token().await);
    h.t.advance(LIFETIME);
    assert_eq!(h.status(&first, &[]).await, 403, "a millisecond too old");
    assert_eq!(h.status(&second, &[]).await, 200);
    assert_eq!(h.ids().await, [1, 2]);
}

#[tokio::test]
async fn whatever_is_changed_is_refused_alike() {
    let h = Home::open().await;
    let token = h.token().await;
    let (claims, signature) = token.split_once(':').unwrap();
    let (aci, millis) = claims.split_once('.').unwrap();
    let other = SignalClient::generate();
    let session = h.t.verified_session("+12025550124").await;
    let registered = h.t.client.register("+12025550124", &other.password, &other.registration(&session)).await;
    let stranger = registered.expect(201)["uuid"].as_str().unwrap().to_owned();
    let later = (millis.parse::<i64>().unwrap() + 1).to_string();
    let by_another_key = LinkKey::new(&[1; 32]).issue(h.aci, NOON);
    let mut changed = signature.to_owned().into_bytes();
    changed[5] = if changed[5] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    let mut table = Table::default();
    for (what, forged) in [
        ("another account", format!("{stranger}.{millis}:{signature}")),
        ("a later time", format!("{aci}.{later}:{signature}")),
        ("another signature", format!("{claims}:{changed}")),
        ("no signature", format!("{claims}:")),
        ("no claims", format!(":{signature}")),
        ("claims alone", claims.to_owned()),
        ("signature alone", signature.to_owned()),
        ("something after", format!("{token}x")),
        ("a third part", format!("{token}:{signature}")),
        ("another registry", by_another_key.reveal().to_owned()),
    ] {
        let answer = h.try_link(&forged, &[]).await;
        table.row(what, (answer.status, answer.text.as_str()), (403, ""));
    }
    table.row("as it was issued", h.status(&token, &[]).await, 200);
    table.close();
}

/// Padding may be left out, and the token is the same one.
#[tokio::test]
async fn another_spelling_does_not_let_a_second_device_in() {
    let h = Home::open().await;
    let token = h.token().await;
    assert_eq!(h.status(token.trim_end_matches('='), &[]).await, 200);
    assert_eq!(h.status(&token, &[]).await, 403);
    assert_eq!(h.ids().await, [1, 2]);
}

#[tokio::test]
async fn a_used_token_stays_used_whatever_becomes_of_its_device() {
    let h = Home::open().await;
    let token = h.token().await;
    assert_eq!(h.status(&token, &[]).await, 200);
    h.unlink(&h.primary(), 2).await.expect(204);
    assert_eq!(h.status(&token, &[]).await, 403);
    let rows = h.t.rows(Rows::LinkTokens).await;
    let hash = rows.iter().filter_map(|row| text_of(row, "token")).collect::<Vec<_>>();
    assert_eq!(hash.len(), 1);
    let expires: i64 = rows[0]["expires"].as_n().unwrap().parse().unwrap();
    assert_eq!(expires, NOON.plus(LIFETIME).seconds() + 86_400, "longer than the token could hold");
    let (kept, signature) = (contents(&rows[0]), token.split_once(':').unwrap().1);
    let shown = |part: &[u8]| kept.windows(part.len()).any(|window| window == part);
    let raw = base64::engine::general_purpose::URL_SAFE.decode(signature).unwrap();
    assert!(!shown(signature.as_bytes()) && !shown(&raw), "the token itself is not kept");
}

#[tokio::test]
async fn a_token_of_an_account_that_went_or_registered_again() {
    let h = Home::open().await;
    let token = h.token().await;
    let newcomer = SignalClient::generate();
    let session = h.t.verified_session(NUMBER).await;
    let answer = h.t.client.register(NUMBER, &newcomer.password, &newcomer.registration(&session)).await.expect(200);
    assert_eq!(answer["uuid"], json!(h.aci));
    assert_eq!(h.status(&token, &[]).await, 422, "the keys are not signed by whom the account now is");
    h.t.client.send_as("DELETE", "/v1/accounts/me", &h.aci.to_string(), &newcomer.password).await.expect(204);
    assert_eq!(h.status(&token, &[]).await, 403);
}

/// After a failed lock nobody uses the account, so nobody is let in either.
#[tokio::test]
async fn nobody_is_let_into_a_frozen_account() {
    let h = Home::open().await;
    let token = h.token().await;
    h.change(|account| account.devices[0].auth.freeze()).await;
    assert_eq!(h.status(&token, &[]).await, 403);
    assert_eq!(h.account().await.devices.len(), 1);
}

/// Which secret signs is decided by the configuration, or else made once and kept.
#[tokio::test]
async fn a_secret_of_its_own_when_none_is_configured() {
    let t = TestRegistry::start_with(|config| {
        config.devices.link_secret = None;
        limit(config, signet_config::LimitId::VerifyDevice, 10_000);
    });
    let h = Home::at(t).await;
    let configured = signet_config::Config::for_testing().devices.link_secret.unwrap();
    let token = LinkKey::new(configured.expose()).issue(h.aci, NOON);
    assert_eq!(h.status(token.reveal(), &[]).await, 403);
    assert_eq!(h.status(&h.token().await, &[]).await, 200);
    let h = Home::open().await;
    let token = LinkKey::new(configured.expose()).issue(h.aci, NOON);
    assert_eq!(h.status(token.reveal(), &[]).await, 200);
}
