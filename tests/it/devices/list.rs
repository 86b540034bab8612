//! `GET /v1/devices` (§3.2, §3.10).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::json;
use signet_storage::dynamo::items::key;
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::ids::RegistrationId;
use signet_tests::Table;
use signet_tests::registry::NOON;

use super::{Home, MS, device};

#[tokio::test]
async fn every_device_sees_all_of_them() {
    let h = Home::open().await;
    h.t.advance(MS * 3_600_122);
    let linked = h.link_with(&[("/accountAttributes/name", Some(json!("bmFtZTE")))]).await;
    let mut table = Table::default();
    for who in [h.primary(), linked] {
        let mut list = h.ask("GET", "/v1/devices", &who).await.expect(200);
        let devices = list["devices"].as_array_mut().unwrap();
        let sealed: Vec<_> = devices.iter_mut().map(|info| info["createdAtCiphertext"].take()).collect();
        let midnight = NOON.midnight().millis();
        let expected = json!({"devices": [
            {"id": 1, "name": null, "lastSeen": midnight, "registrationId": 1234, "createdAtCiphertext": null},
            {"id": 2, "name": "bmFtZTE=", "lastSeen": midnight, "registrationId": 4321, "createdAtCiphertext": null},
        ]});
        table.row(format!("device {}", who.id), &list, &expected);
        for (n, (sealed, registration)) in sealed.iter().zip([1234, 4321]).enumerate() {
            let sealed = STANDARD_NO_PAD.decode(sealed.as_str().unwrap()).expect("base64 without padding");
            let id = u8::try_from(n + 1).unwrap();
            let registration = RegistrationId::try_from(registration).unwrap();
            let created = h.owner.aci.open_created_at(device(id), registration, &sealed);
            let expected = if id == 1 { NOON } else { NOON.plus(MS * 3_600_123) };
            table.row(format!("device {} on {id}", who.id), (sealed.len(), created), (57, Some(expected)));
            table.row("not for the PNI", h.owner.pni.open_created_at(device(id), registration, &sealed), None);
        }
    }
    table.close();
}

#[tokio::test]
async fn only_devices_of_an_account_that_is_there() {
    let h = Home::open().await;
    let mut wrong = h.primary();
    wrong.password.push('x');
    let mut table = Table::default();
    table.row("nobody", h.t.client.send("GET", "/v1/devices", &[], "").await.status, 401);
    table.row("a wrong password", h.ask("GET", "/v1/devices", &wrong).await.status, 401);
    // What a cache that was not told leaves: the credentials are good, and the account is not there.
    h.t.registry.storage.dynamo.remove(Rows::Accounts, key("aci", h.aci.to_string())).await.unwrap();
    table.row("vanished", h.ask("GET", "/v1/devices", &h.primary()).await.status, 403);
    let code = h.ask("GET", "/v1/devices/provisioning/code", &h.primary()).await;
    table.row("vanished: a code", code.status, 401);
    table.row("vanished: removal", h.unlink(&h.primary(), 2).await.status, 401);
    table.close();
}
