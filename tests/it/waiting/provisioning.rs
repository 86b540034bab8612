//! `PUT /v1/provisioning/{destination}` (contract keys-devices §4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signet::provisioning::channel;
use signet_config::LimitId;
use signet_storage::cache::{Heard, Subscription};
use signet_tests::Table;

use super::{Home, LINKED, PRIMARY, SOON, limit, refused_by};

const ADDRESS: &str = "AAECAwQFBgcICQoLDA0ODw==";
const PATH: &str = "/v1/provisioning/AAECAwQFBgcICQoLDA0ODw==";

async fn listen(h: &Home) -> Subscription {
    h.t.registry.storage.cache.subscribe(&channel(ADDRESS)).await.unwrap()
}

async fn heard(listening: &mut Subscription) -> Vec<u8> {
    match tokio::time::timeout(SOON, listening.next()).await.expect("something is heard") {
        Heard::Message(message) => message.to_vec(),
        Heard::Missed => panic!("nothing was missed"),
    }
}

#[tokio::test]
async fn statuses() {
    let h = Home::open().await;
    let mut listening = listen(&h).await;
    let mut table = Table::default();
    let hello = json!({"body": STANDARD.encode("hello")});
    table.row("nobody", h.t.client.send("PUT", PATH, &[], hello.to_string()).await.status, 401);
    for (name, text, status) in [
        ("nothing", "", 422),
        ("no JSON", "{", 400),
        ("no body", "{}", 422),
        ("null", "{\"body\":null}", 422),
        ("empty", "{\"body\":\"\"}", 422),
        ("a number", "{\"body\":5}", 422),
        ("half a byte", "{\"body\":\"A\"}", 422),
    ] {
        table.row(name, h.send("PUT", PRIMARY, PATH, text).await.status, status);
    }
    let longest = "A".repeat(256 * 1024);
    table.row("too long", h.put(PRIMARY, PATH, &json!({"body": format!("{longest}A")})).await.status, 400);
    table.row("longest", h.put(PRIMARY, PATH, &json!({"body": longest})).await.status, 204);
    table.row("longest", heard(&mut listening).await.len(), 192 * 1024);
    for (name, text) in [("padded", "aGVsbG8="), ("unpadded", "aGVsbG8"), ("as in mail", "aGVs\r\nbG8=\r\n")] {
        table.row(name, h.put(PRIMARY, PATH, &json!({"body": text})).await.status, 204);
        table.row(name, heard(&mut listening).await, b"hello".to_vec());
    }
    let encoded = PATH.replace('=', "%3D");
    table.row("an encoded address", h.put(LINKED, &encoded, &hello).await.status, 204);
    table.row("by a linked device", heard(&mut listening).await, b"hello".to_vec());
    for other in ["AAECAwQFBgcICQoLDA0OAA==", "AAECAwQFBgcICQoLDA0ODw", "*", "rubbish"] {
        table.row(other, h.put(PRIMARY, &format!("/v1/provisioning/{other}"), &hello).await.status, 404);
    }
    drop(listening);
    table.row("who has gone", h.put(PRIMARY, PATH, &hello).await.status, 404);
    table.row("who comes too late", h.t.registry.storage.cache.subscriptions(), 0);
    table.close();
}

#[tokio::test]
async fn an_account_hands_over_so_often() {
    let h = Home::open_with(|config| limit(config, LimitId::Messages, 1)).await;
    let too_long = json!({"body": "A".repeat(256 * 1024 + 1)});
    let hello = json!({"body": "aGVsbG8="});
    assert_eq!(h.put(PRIMARY, PATH, &too_long).await.status, 400);
    assert_eq!(h.put(PRIMARY, PATH, &hello).await.status, 404, "what was refused took no permit");
    assert_eq!(refused_by(&h.put(LINKED, PATH, &hello).await), (429, Some("messages")));
    assert_eq!(h.put(PRIMARY, PATH, &too_long).await.status, 400, "which comes first");
}
