//! Where two things are wrong with a link, the one that is judged first answers (§3.4).

use serde_json::{Value, json};
use signet_config::LimitId;
use signet_tests::client::basic;
use signet_tests::{Answer, Table};

use super::{Change, Home, limit};

const FORGED: &str = "c139cb3e-f70c-4460-b221-815e8bdf778f.1700000000000:jRxavqvfDsXEb-gVDsObqeDywFFAV4sYOGaEhmJQZ_k=";

fn bad_field() -> Change<'static> {
    ("/accountAttributes/registrationId", Some(json!(0)))
}

fn bad_signature(h: &Home) -> Change<'static> {
    ("/aciSignedPreKey/signature", Some(json!(h.owner.pni_keys.signed.signature)))
}

fn no_capabilities() -> Change<'static> {
    ("/accountAttributes/capabilities", None)
}

fn downgrade() -> Change<'static> {
    ("/accountAttributes/capabilities", Some(json!({"storage": true})))
}

async fn send(h: &Home, authorization: Option<&str>, body: String) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(authorization.map(|value| ("authorization", value)));
    h.t.client.send("PUT", "/v1/devices/link", &headers, body).await
}

#[tokio::test]
async fn header_then_syntax_then_fields_then_token() {
    let h = Home::open().await;
    let token = h.token().await;
    let body = |token: &str, changes: &[Change<'_>]| h.body(token, changes).to_string();
    let good = basic("anything", "password");
    let mut table = Table::default();
    for (what, authorization, body, status) in [
        ("no header, no JSON", None, "{".to_owned(), 400),
        ("no header, a bad field", None, body(&token, &[bad_field()]), 400),
        ("no header", None, body(&token, &[]), 400),
        ("a malformed header, no JSON", Some("Basic !"), "{".to_owned(), 401),
        ("a malformed header, a bad field", Some("Basic !"), body(&token, &[bad_field()]), 401),
        ("another scheme", Some(&*good.replace("Basic", "Bearer")), body(&token, &[]), 401),
        ("the scheme in small letters", Some(&*good.replace("Basic", "basic")), body(&token, &[]), 401),
        ("a blank password", Some(&*basic("x", " ")), body(&token, &[]), 401),
        ("a blank user", Some(&*basic(" ", "x")), body(&token, &[]), 401),
        ("no JSON", Some(&*good), "{".to_owned(), 400),
        ("no body", Some(&*good), String::new(), 422),
        ("a bad field, a forged token", Some(&*good), body(FORGED, &[bad_field()]), 422),
        ("a forged token, a bad signature", Some(&*good), body(FORGED, &[bad_signature(&h)]), 403),
        ("a forged token, no capabilities", Some(&*good), body(FORGED, &[no_capabilities()]), 403),
        ("a forged token, a downgrade", Some(&*good), body(FORGED, &[downgrade()]), 403),
    ] {
        table.row(what, send(&h, authorization, body).await.status, status);
    }
    table.row("nobody was added", h.ids().await, vec![1]);
    table.row("and the token still lets somebody in", h.status(&token, &[]).await, 200);
    table.close();
}

#[tokio::test]
async fn token_then_limit_then_signatures() {
    let h = Home::open_with(|config| limit(config, LimitId::VerifyDevice, 2)).await;
    let (token, spare) = (h.token().await, h.token().await);
    let mut table = Table::default();
    for _ in 0..3 {
        table.row("a bad field takes no permit", h.status(&token, &[bad_field()]).await, 422);
        table.row("nor does a forged token", h.status(FORGED, &[]).await, 403);
    }
    table.row("a bad signature takes one", h.status(&token, &[bad_signature(&h)]).await, 422);
    table.row("and so does who comes in", h.status(&token, &[]).await, 200);
    for (what, changes) in [
        ("none is left", vec![]),
        ("none is left, a bad signature", vec![bad_signature(&h)]),
        ("none is left, no capabilities", vec![no_capabilities()]),
    ] {
        let answer = h.try_link(&spare, &changes).await;
        let seen = (answer.status, answer.header("x-ratelimit-limiter"), answer.header("retry-after"));
        table.row(what, seen, (429, Some("verifyDevice"), Some("120")));
    }
    table.row("none is left, a used token", h.status(&token, &[]).await, 429);
    table.row("none is left, a forged token", h.status(FORGED, &[]).await, 403);
    table.row("none is left, a bad field", h.status(&spare, &[bad_field()]).await, 422);
    table.close();
}

#[tokio::test]
async fn signatures_then_number_of_devices_then_capabilities_then_whether_the_token_was_used() {
    let h = Home::open().await;
    let (used, unused) = (h.token().await, h.token().await);
    let mut table = Table::default();
    table.row("the first", h.status(&used, &[]).await, 200);
    table.row("used", h.status(&used, &[]).await, 403);
    table.row("used, a bad signature", h.status(&used, &[bad_signature(&h)]).await, 422);
    table.row("used, no capabilities", h.status(&used, &[no_capabilities()]).await, 422);
    table.row("used, a downgrade", h.status(&used, &[downgrade()]).await, 409);
    table.row(
        "a bad signature, no capabilities",
        h.status(&unused, &[bad_signature(&h), no_capabilities()]).await,
        422,
    );
    table.row("a bad signature, a downgrade", h.status(&unused, &[bad_signature(&h), downgrade()]).await, 422);
    h.fill().await;
    let full: (u16, Value) = (411, json!({"current": 6, "max": 6}));
    for (what, token, changes) in [
        ("full", &unused, vec![]),
        ("full, used", &used, vec![]),
        ("full, no capabilities", &unused, vec![no_capabilities()]),
        ("full, a downgrade", &unused, vec![downgrade()]),
    ] {
        let answer = h.try_link(token, &changes).await;
        table.row(what, (answer.status, answer.json()), full.clone());
    }
    table.row("full, a bad signature", h.status(&unused, &[bad_signature(&h)]).await, 422);
    table.row("full, forged", h.status(FORGED, &[]).await, 403);
    // Whatever it was refused for, the token is as good as before.
    h.unlink(&h.primary(), 4).await.expect(204);
    table.row("after all", h.status(&unused, &[]).await, 200);
    table.close();
}
