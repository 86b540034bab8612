//! Push tokens (§9.2).

use serde_json::json;
use signet_storage::model::PushChannel::{self, Apn, Fcm, Fetches, Nothing};
use signet_tests::Table;

use super::{DAY, Home, Login, Via, WAYS};

async fn reached(h: &Home, who: &Login) -> (PushChannel, Option<String>) {
    let device = h.device(who).await;
    (device.channel, device.user_agent)
}

#[tokio::test]
async fn every_status() {
    let h = Home::open().await;
    let mut table = Table::default();
    for via in WAYS {
        for (path, field) in [("/v1/accounts/gcm", "gcmRegistrationId"), ("/v1/accounts/apn", "apnRegistrationId")] {
            for path in [path.to_owned(), format!("{path}/")] {
                for (body, status) in [
                    (json!({field: "a token"}).to_string(), 204),
                    (json!({field: "a token", "voip": true}).to_string(), 204),
                    (json!({field: ""}).to_string(), 422),
                    (json!({field: null}).to_string(), 422),
                    (json!({field: 5}).to_string(), 422),
                    (json!({"another": "a token"}).to_string(), 422),
                    ("[]".to_owned(), 422),
                    (String::new(), 422),
                    ("{".to_owned(), 400),
                ] {
                    let found = h.status(via, "PUT", &path, body.clone()).await;
                    table.row(format!("{via:?} PUT {path} {body}"), found, status);
                }
                for _ in 0..2 {
                    table.row(format!("{via:?} DELETE {path}"), h.status(via, "DELETE", &path, "").await, 204);
                }
                table.row(format!("{via:?} POST {path}"), h.status(via, "POST", &path, "").await, 405);
            }
            table.row("nobody", h.status_of_nobody("PUT", path).await, 401);
            table.row("nobody", h.status_of_nobody("DELETE", path).await, 401);
        }
    }
    table.close();
}

#[tokio::test]
async fn one_kind_takes_the_place_of_the_other() {
    let h = Home::open().await;
    let (me, linked) = (h.primary(), h.link().await);
    let put = async |who: &Login, kind: &str, token: &str| {
        let body = json!({format!("{kind}RegistrationId"): token}).to_string();
        h.ask(Via::Rest, who, "PUT", &format!("/v1/accounts/{kind}"), body).await.expect(204);
    };
    let delete = async |who: &Login, kind: &str| {
        h.ask(Via::Rest, who, "DELETE", &format!("/v1/accounts/{kind}"), "").await.expect(204);
    };
    let now = || h.t.registry.clock.now();
    let agent = |mark: &str| Some(mark.to_owned());
    let mut table = Table::default();
    let (begun, before) = (now(), reached(&h, &me).await);
    assert_eq!(before.0, Fetches);
    put(&me, "gcm", "f").await;
    let f = Fcm { token: "f".to_owned(), since: begun };
    table.row("FCM", reached(&h, &me).await, (f.clone(), before.1.clone()));
    h.t.advance(DAY);
    put(&me, "gcm", "f").await;
    table.row("the same again is no newer", reached(&h, &me).await.0, f.clone());
    put(&me, "apn", "a").await;
    let a = Apn { token: "a".to_owned(), since: now() };
    table.row("APN", reached(&h, &me).await.0, a);
    h.t.advance(DAY);
    put(&me, "apn", "a").await;
    let a = Apn { token: "a".to_owned(), since: now() };
    table.row("the same again is newer", reached(&h, &me).await.0, a.clone());
    delete(&me, "gcm").await;
    table.row("it had none of that kind", reached(&h, &me).await, (a, agent("OWA")));
    delete(&me, "apn").await;
    table.row("taken back", reached(&h, &me).await, (Nothing, agent("OWI")));
    put(&me, "gcm", "f").await;
    delete(&me, "gcm").await;
    table.row("taken back", reached(&h, &me).await, (Nothing, agent("OWA")));
    put(&linked, "apn", "of another").await;
    delete(&linked, "apn").await;
    table.row("a linked one", reached(&h, &linked).await, (Nothing, agent("OWP")));
    h.change(|account| account.devices[1].channel = Fetches).await;
    delete(&linked, "gcm").await;
    table.row("who fetched does not", reached(&h, &linked).await, (Nothing, agent("OWA")));
    table.row("and nobody else's is touched", reached(&h, &me).await.0, Nothing);
    table.close();
}
