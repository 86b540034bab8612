//! `GET /v1/devices/provisioning/code`: which of its refusals comes first (§3.3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use signet_config::LimitId;
use signet_tests::registry::NOON;
use signet_tests::{Answer, Table};

use super::{Device, Home, MOST, limit};

async fn code(h: &Home, who: &Device) -> Answer {
    h.ask("GET", "/v1/devices/provisioning/code", who).await
}

#[tokio::test]
async fn a_token_names_account_and_time_and_its_identifier_is_its_hash() {
    let h = Home::open().await;
    let answer = code(&h, &h.primary()).await.expect(200);
    let token = answer["verificationCode"].as_str().unwrap();
    let (claims, signature) = token.split_once(':').unwrap();
    assert_eq!((claims, signature.len()), (format!("{}.{}", h.aci, NOON.millis()).as_str(), 44));
    let identifier = URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()));
    assert_eq!(answer, json!({"verificationCode": token, "tokenIdentifier": identifier}));
}

#[tokio::test]
async fn who_is_not_a_device_then_the_limit_then_the_number_of_devices_then_who_is_not_the_primary() {
    let h = Home::open_with(|config| limit(config, LimitId::AllocateDevice, 2 * MOST as u64)).await;
    let linked = h.fill().await;
    let mut table = Table::default();
    table.row("nobody", h.t.client.send("GET", "/v1/devices/provisioning/code", &[], "").await.status, 401);
    let full = json!({"current": 6, "max": 6});
    for (what, who) in [("primary, full", &h.primary()), ("linked, full", &linked[0])] {
        let answer = code(&h, who).await;
        table.row(what, (answer.status, answer.json()), (411, full.clone()));
    }
    h.unlink(&h.primary(), linked[4].id).await.expect(204);
    table.row("linked", code(&h, &linked[0]).await.status, 401);
    // Five were taken to fill, and three were refused and taken all the same.
    for n in 0..4 {
        table.row(format!("primary, {n}"), code(&h, &h.primary()).await.status, 200);
    }
    for who in [&h.primary(), &linked[0]] {
        let answer = code(&h, who).await;
        let seen = (answer.status, answer.header("x-ratelimit-limiter"), answer.header("retry-after"));
        table.row(format!("{} too often", who.id), seen, (429, Some("allocateDevice"), Some("120")));
    }
    h.t.advance(std::time::Duration::from_secs(120));
    table.row("after two minutes", code(&h, &h.primary()).await.status, 200);
    table.close();
}
