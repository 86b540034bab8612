//! Who the account is, and access, discoverability, recovery and capabilities, most of them by gRPC (§10.3, keys-devices §8.4), seen
//! again by REST.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signet::grpc::proto::org::signal::chat::account::configure_unidentified_access_request::Configuration;
use signet::grpc::proto::org::signal::chat::account::get_capabilities_anonymous_request::Authorization;
use signet::grpc::proto::org::signal::chat::account::get_capabilities_anonymous_response::Response;
use signet::grpc::proto::org::signal::chat::account::{
    ConfigureUnidentifiedAccessRequest, GetCapabilitiesAnonymousRequest, GetCapabilitiesRequest,
    SetDiscoverableByPhoneNumberRequest, SetRegistrationRecoveryPasswordRequest,
};
use signet::grpc::proto::org::signal::chat::common::{DeviceCapability, IdentityType, ServiceIdentifier};
use signet::grpc::proto::org::signal::chat::errors::FailedUnidentifiedAuthorization;
use signet_storage::dynamo::tables::Table as Rows;
use signet_tests::grpc::{Said, outcome};
use signet_tests::table::put;
use signet_tests::{SignalClient, Table};
use tonic::Code;
use uuid::Uuid;

use super::{Home, Login, NUMBER, WAYS};

const REFUSED: fn() -> Said = || Said::because(Code::Unauthenticated, "INVALID_CREDENTIALS");

fn nobody(h: &Home) -> Login {
    Login { password: "wrong".to_owned(), ..h.primary() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_may_write_unseen() {
    let h = Home::open().await;
    let set = async |who: &Login, configuration: Option<Configuration>| {
        let request = ConfigureUnidentifiedAccessRequest { configuration };
        outcome(h.grpc().configure_unidentified_access(who.says(request)).await).map(drop)
    };
    // What an unidentified writer gets with this key.
    let fetch = async |key: [u8; 16]| {
        let key = STANDARD.encode(key);
        let path = format!("/v2/keys/{}/*", h.aci);
        h.t.client.send("GET", &path, &[("unidentified-access-key", &key)], "").await.status
    };
    let (key, me) = (Configuration::UnidentifiedAccessKey, h.primary());
    let mut table = Table::default();
    table.row("nothing", set(&me, None).await, Err(Said::constraint()));
    for length in [0, 15, 17] {
        table.row(length, set(&me, Some(key(vec![5; length]))).await, Err(Said::constraint()));
    }
    table.row("nobody", set(&nobody(&h), Some(key(vec![5; 16]))).await, Err(REFUSED()));
    table.row("the key of the registration", (fetch([7; 16]).await, fetch([5; 16]).await), (200, 401));
    table.row("another key", set(&h.link().await, Some(key(vec![5; 16]))).await, Ok(()));
    table.row("opens", (fetch([7; 16]).await, fetch([5; 16]).await), (401, 200));
    let anybody = Configuration::AllowUnrestrictedUnidentifiedAccess(());
    table.row("open to all", set(&me, Some(anybody)).await, Ok(()));
    table.row("opens", (fetch([7; 16]).await, fetch([5; 16]).await), (200, 200));
    table.row("no key is kept", h.account().await.unidentified_access_key, None);
    table.row("closed again", set(&me, Some(key(vec![5; 16]))).await, Ok(()));
    table.row("opens", (fetch([7; 16]).await, fetch([5; 16]).await), (401, 200));
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn found_by_number_or_not() {
    let h = Home::open().await;
    for discoverable in [false, false, true] {
        let request = SetDiscoverableByPhoneNumberRequest { discoverable_by_phone_number: discoverable };
        outcome(h.grpc().set_discoverable_by_phone_number(h.primary().says(request)).await).unwrap();
        assert_eq!(h.account().await.discoverable_by_phone_number, discoverable);
        let refused = outcome(h.grpc().set_discoverable_by_phone_number(nobody(&h).says(request)).await).err();
        assert_eq!(refused, Some(REFUSED()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_recovery_password_lets_the_owner_back_in() {
    let h = Home::open_with(|config| config.recovery.by_aci = true).await;
    let set = async |who: &Login, password: &[u8]| {
        let request = SetRegistrationRecoveryPasswordRequest { registration_recovery_password: password.to_vec() };
        outcome(h.grpc().set_registration_recovery_password(who.says(request)).await).map(drop)
    };
    let come = async |user: &str, password: &[u8]| {
        let next = SignalClient::generate();
        let mut body = next.registration("");
        put(&mut body, "/sessionId", None);
        put(&mut body, "/recoveryPassword", Some(json!(STANDARD.encode(password))));
        // It stays theirs.
        put(&mut body, "/accountAttributes/recoveryPassword", Some(json!(STANDARD.encode(password))));
        let answer = h.t.client.register(user, &next.password, &body).await;
        (answer.status, next.password)
    };
    let mut table = Table::default();
    for length in [0, 31, 33] {
        table.row(length, set(&h.primary(), &vec![9; length]).await, Err(Said::constraint()));
    }
    table.row("nobody", set(&nobody(&h), &[9; 32]).await, Err(REFUSED()));
    table.row("no row yet", h.t.rows(Rows::Recovery).await.len(), 0);
    table.row("set", set(&h.primary(), &[9; 32]).await, Ok(()));
    table.row("by the number, wrong", come(NUMBER, &[8; 32]).await.0, 403);
    let (status, password) = come(NUMBER, &[9; 32]).await;
    table.row("by the number", status, 200);
    let me = Login { password, ..h.primary() };
    table.row("set by the new device", set(&me, &[8; 32]).await, Ok(()));
    table.row("the old one no more", come(NUMBER, &[9; 32]).await.0, 403);
    table.row("by the ACI", come(&h.aci.to_string(), &[8; 32]).await.0, 200);
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_the_account_can_do() {
    let h = Home::open().await;
    let numbers = |capabilities: &[DeviceCapability]| capabilities.iter().map(|it| i32::from(*it)).collect::<Vec<_>>();
    let own = async |who: &Login| {
        let answer = outcome(h.grpc().get_capabilities(who.says(GetCapabilitiesRequest {})).await);
        answer.map(|answer| answer.capabilities.unwrap().capabilities)
    };
    let id = |kind: IdentityType, uuid: Uuid| {
        Some(ServiceIdentifier { identity_type: kind.into(), uuid: uuid.as_bytes().to_vec() })
    };
    let ask = async |account_identifier: Option<ServiceIdentifier>, authorization: Option<Authorization>| {
        let request = GetCapabilitiesAnonymousRequest { account_identifier, authorization };
        outcome(h.grpc_anonymous().get_capabilities(request).await).map(|answer| answer.response.unwrap())
    };
    let capabilities = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    h.change(|account| account.devices[0].capabilities = capabilities(&["spqr", "storage", "transfer"])).await;
    let (primary, linked) = (h.primary(), h.link().await);
    h.change(|account| account.devices[1].capabilities = capabilities(&["spqr"])).await;
    // One that can store is enough, all must have the other, and the primary alone transfers.
    let all = numbers(&[DeviceCapability::Storage, DeviceCapability::Transfer, DeviceCapability::Spqr]);
    let (key, token) = (Authorization::UnidentifiedAccessKey, Authorization::GroupSendToken);
    let me = id(IdentityType::Aci, h.aci.uuid());
    let nobody_there = id(IdentityType::Aci, Uuid::from_u128(0x4000_8000_0000_0000_0000));
    let denied = || Ok(Response::FailedUnidentifiedAuthorization(FailedUnidentifiedAuthorization::default()));
    let mut table = Table::default();
    table.row("own", own(&primary).await, Ok(all.clone()));
    table.row("own, linked", own(&linked).await, Ok(all.clone()));
    table.row("nobody's", own(&nobody(&h)).await, Err(REFUSED()));
    let found = ask(me.clone(), Some(key(vec![7; 16]))).await;
    table.row(
        "with the key",
        found.map(|found| matches!(found, Response::Capabilities(it) if it.capabilities == all)),
        Ok(true),
    );
    table.row("with another", ask(me.clone(), Some(key(vec![8; 16]))).await, denied());
    table.row("with a token", ask(me.clone(), Some(token(vec![8; 16]))).await, denied());
    table.row("of nobody", ask(nobody_there, Some(key(vec![7; 16]))).await, denied());
    table.row("half a key", ask(me.clone(), Some(key(vec![7; 15]))).await, Err(Said::constraint()));
    table.row("no key", ask(me, None).await, Err(Said::constraint()));
    table.row("of none", ask(None, Some(key(vec![7; 16]))).await, Err(Said::constraint()));
    let pni = id(IdentityType::Pni, h.account().await.pni.uuid());
    table.row("of a number", ask(pni, Some(key(vec![7; 16]))).await, Err(Said::constraint()));
    table.close();
}

#[tokio::test]
async fn found_by_number_or_not_by_rest() {
    const PATH: &str = "/v2/accounts/phone_number_discoverability";
    let h = Home::open().await;
    let mut table = Table::default();
    for via in WAYS {
        for (body, status) in [
            (json!({"discoverableByPhoneNumber": false}).to_string(), 204),
            (json!({"discoverableByPhoneNumber": true, "unknown": 1}).to_string(), 204),
            (json!({"discoverableByPhoneNumber": null}).to_string(), 422),
            (json!({"discoverableByPhoneNumber": "true"}).to_string(), 422),
            ("{}".to_owned(), 422),
            (String::new(), 422),
            ("{".to_owned(), 400),
        ] {
            table.row(format!("{via:?} {body}"), h.status(via, "PUT", PATH, body.clone()).await, status);
        }
        table.row("the last that was said", h.account().await.discoverable_by_phone_number, true);
    }
    table.row("nobody", h.status_of_nobody("PUT", PATH).await, 401);
    table.close();
}

/// Every field is there, and what there is not is null (§3.7).
#[tokio::test]
async fn who_am_i() {
    let h = Home::open().await;
    let (linked, handle) = (h.link().await, Uuid::from_u128(77));
    let pni = h.account().await.pni.to_string();
    let mut table = Table::default();
    for via in WAYS {
        h.change(|account| (account.username.hash, account.username.link_handle) = (None, None)).await;
        for path in ["/v1/accounts/whoami", "/v1/accounts/whoami/"] {
            let told = h.ask(via, &linked, "GET", path, "").await.expect(200);
            let expected = json!({
                "uuid": h.aci.to_string(), "number": NUMBER, "pni": pni, "usernameHash": null,
                "usernameLinkHandle": null, "storageCapable": true, "authCredentialSalt": null,
                "entitlements": {"badges": [], "backup": null},
            });
            table.row(format!("{via:?} {path}"), told, expected);
        }
        let set = |account: &mut signet_storage::model::Account| {
            (account.username.hash, account.username.link_handle) = (Some(vec![0xfb; 32].into()), Some(handle));
        };
        h.change(set).await;
        let told = h.ask(via, &linked, "GET", "/v1/accounts/whoami", "").await.expect(200);
        let hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode([0xfb; 32]);
        let expected = (json!(hash), json!(handle.hyphenated().to_string()));
        table.row("a username", (told["usernameHash"].clone(), told["usernameLinkHandle"].clone()), expected);
    }
    table.close();
}
