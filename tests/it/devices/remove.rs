//! `DELETE /v1/devices/{id}`: who may remove whom, and what is left (§3.1, §1A.6).

use serde_json::json;
use signet::events::Event;
use signet_keys::rows::key as key_row;
use signet_storage::dynamo::items::{binary, text};
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::ids::ServiceId;
use signet_tests::{Audit, Table};

use super::{Home, device, heard};

#[tokio::test]
async fn who_may_remove_whom() {
    let h = Home::open().await;
    let (primary, second, third) = (h.primary(), h.link().await, h.link().await);
    let mut table = Table::default();
    for (what, who, id, status) in [
        ("linked, another", &second, "3", 401),
        ("linked, the primary", &second, "1", 401),
        ("linked, one that is not there", &second, "9", 401),
        ("linked, no id at all", &second, "x", 404),
        ("primary, itself", &primary, "1", 403),
        ("primary, one that is not there", &primary, "9", 204),
        ("primary, no device's id", &primary, "0", 204),
        ("primary, no device's id", &primary, "128", 204),
        ("primary, no id at all", &primary, "x", 404),
        ("primary, too large", &primary, "256", 404),
        ("primary, negative", &primary, "-2", 404),
        ("linked, itself", &third, "3", 204),
        ("linked, itself once more", &third, "3", 401),
        ("primary, what is gone", &primary, "3", 204),
        ("primary, a linked one", &primary, "2", 204),
    ] {
        let answer = h.ask("DELETE", &format!("/v1/devices/{id}"), who).await;
        table.row(format!("{what}: {id}"), (answer.status, answer.text.as_str()), (status, ""));
    }
    table.row("nobody", h.t.client.send("DELETE", "/v1/devices/2", &[], "").await.status, 401);
    table.close();
    assert_eq!(h.ids().await, [1]);
}

#[tokio::test]
async fn nothing_is_left_of_a_device_and_its_credentials_fail_at_once() {
    let h = Home::open().await;
    let (second, third) = (h.link().await, h.link().await);
    assert_eq!(h.whoami(&second).await, 200, "and so it is cached");
    let (keys, account) = (&h.t.registry.keys, h.account().await);
    // A page of one-time keys that each of them left.
    for id in ["002", "003"] {
        let page = |(name, value): (&str, _)| (name.to_owned(), value);
        let page = [
            ("identity", text(h.aci.to_string())),
            ("page", text(format!("{id}#0123456789abcdef#ec-x#00"))),
            ("keys", binary(&[0; 37])),
        ]
        .map(page);
        h.t.registry.storage.dynamo.put_all(Rows::Prekeys, vec![page.into()]).await.unwrap();
    }
    let mut events = h.listen();
    let (_, _) = (h.t.faults.take_seen(), h.unlink(&h.primary(), second.id).await.expect(204));
    let commits = h.t.faults.take_seen().iter().filter(|operation| *operation == "TransactWriteItems").count();
    assert_eq!(commits, 1, "the account and its keys in one");
    let mut table = Table::default();
    table.row("its credentials", h.whoami(&second).await, 401);
    table.row("the other's", h.whoami(&third).await, 200);
    table.row("told", heard(&mut events), vec![Event::DeviceRemoved { aci: h.aci, device: device(2) }]);
    for identity in [ServiceId::Aci(account.aci), ServiceId::Pni(account.pni)] {
        table.row("its keys", keys.get(identity, device(2)).await.unwrap().is_none(), true);
        table.row("the other's keys", keys.get(identity, device(3)).await.unwrap().is_some(), true);
    }
    let pages = h.t.rows(Rows::Prekeys).await;
    table.row("one-time keys", pages.iter().all(|row| row["page"].as_s().unwrap().starts_with("003")), true);
    table.row("the other's one-time keys", pages.len(), 1);
    table.close();
    assert_eq!(h.unlink(&h.primary(), second.id).await.status, 204);
    assert_eq!(heard(&mut events), [], "nothing happened");
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

#[tokio::test]
async fn ids_come_again_the_smallest_first() {
    let h = Home::open().await;
    assert_eq!(h.fill().await.iter().map(|device| device.id).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
    let old = key_row(ServiceId::Aci(h.aci), device(3));
    let before = h.t.registry.storage.dynamo.get(Rows::Keys, old.clone()).await.unwrap();
    for id in [5, 3] {
        h.unlink(&h.primary(), id).await.expect(204);
    }
    let again = [h.link().await, h.link().await];
    assert_eq!(again.each_ref().map(|device| device.id), [3, 5]);
    assert_eq!(h.whoami(&again[0]).await, 200);
    let after = h.t.registry.storage.dynamo.get(Rows::Keys, old).await.unwrap();
    assert_ne!(before.unwrap()["installation"], after.unwrap()["installation"], "another device's keys");
    assert_eq!(h.try_link(&h.token_when_full().await, &[]).await.expect(411), json!({"current": 6, "max": 6}));
    Audit::of(&h.t.registry.storage).await.expect_clean();
}

impl Home {
    /// One that the registry no longer gives out.
    async fn token_when_full(&self) -> String {
        let secret = signet_config::Config::for_testing().devices.link_secret.unwrap();
        let now = self.t.registry.clock.now();
        signet_storage::model::LinkKey::new(secret.expose()).issue(self.aci, now).reveal().to_owned()
    }
}
