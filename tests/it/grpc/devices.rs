//! `device.Devices` (§8.3).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signet::grpc::proto::org::signal::chat::device::set_device_name_response::Response;
use signet::grpc::proto::org::signal::chat::device::set_push_token_request::{
    ApnsTokenRequest, FcmTokenRequest, TokenRequest,
};
use signet::grpc::proto::org::signal::chat::device::{
    ClearPushTokenRequest, GetDevicesRequest, RemoveDeviceRequest, SetCapabilitiesRequest, SetDeviceNameRequest,
    SetDeviceNameResponse, SetPushTokenRequest,
};
use signet::grpc::proto::org::signal::chat::errors::NotFound;
use signet_storage::ids::DeviceId;
use signet_storage::model::device::PushChannel;
use signet_tests::Table;
use signet_tests::grpc::{Said, outcome};
use tonic::Code;

use super::{Exchange, NUMBER, Person};

fn not_for_this_device() -> Option<Said> {
    Some(Said::because(Code::InvalidArgument, "BAD_AUTHENTICATION"))
}

fn unknown() -> Option<Said> {
    Some(Said::because(Code::Unauthenticated, "INVALID_CREDENTIALS"))
}

async fn remove(x: &Exchange, who: &Person, id: u32) -> Option<Said> {
    outcome(x.devices().remove_device(who.says(RemoveDeviceRequest { id })).await).err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_list_is_the_one_that_rest_gives() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let linked = x.link(&me).await;
    x.change(&me, |account| account.devices[1].name = Some(vec![1, 2, 3].into())).await;
    let mut table = Table::default();
    for who in [&me, &linked] {
        let found = outcome(x.devices().get_devices(who.says(GetDevicesRequest {})).await).unwrap().devices;
        let rest = x.rest(who, "GET", "/v1/devices", "").await.expect(200);
        table.row("how many", found.len(), 2);
        for (n, device) in found.iter().enumerate() {
            let rest = &rest["devices"][n];
            table.row("id", Some(device.id.into()), rest["id"].as_u64());
            table.row("seen", Some(device.last_seen), rest["lastSeen"].as_u64());
            table.row("registration id", Some(device.registration_id.into()), rest["registrationId"].as_u64());
            table.row("name", STANDARD.encode(&device.name), rest["name"].as_str().unwrap_or_default().to_owned());
            let (id, registration) = (u8::try_from(device.id).unwrap(), i64::from(device.registration_id));
            let (id, registration) = (DeviceId::try_from(id).unwrap(), registration.try_into().unwrap());
            let created = me.me.aci.open_created_at(id, registration, &device.created_at_ciphertext);
            let stored = x.account(&me).await.devices[n].created;
            table.row("created", created, Some(stored));
        }
    }
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_primary_removes_others_and_a_linked_one_itself() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let (second, third) = (x.link(&me).await, x.link(&me).await);
    let mut table = Table::default();
    for (what, who, id, said) in [
        ("linked, another", &second, 3, not_for_this_device()),
        ("linked, the primary", &second, 1, not_for_this_device()),
        ("the primary, itself", &me, 1, Some(Said::constraint())),
        ("no device's id", &me, 0, Some(Said::constraint())),
        ("no device's id", &me, 128, Some(Said::constraint())),
        ("one that there is not", &me, 9, None),
        ("linked, itself", &third, 3, None),
        ("linked, once more", &third, 3, unknown()),
        ("the primary, a linked one", &me, 2, None),
        ("who is gone", &second, 2, unknown()),
    ] {
        table.row(format!("{what}: {id}"), remove(&x, who, id).await, said);
    }
    table.close();
    assert_eq!(x.account(&me).await.devices.len(), 1);
    assert_eq!(x.rest(&second, "GET", "/v1/devices", "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_name_is_set_by_either_way() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let (second, _) = (x.link(&me).await, x.link(&me).await);
    let set = async |who: &Person, id: u32, name: &[u8]| {
        let request = who.says(SetDeviceNameRequest { name: name.to_vec(), id });
        outcome(x.devices().set_device_name(request).await)
    };
    let done = || Ok(SetDeviceNameResponse { response: Some(Response::Success(())) });
    let nobody = || Ok(SetDeviceNameResponse { response: Some(Response::TargetDeviceNotFound(NotFound {})) });
    let mut table = Table::default();
    for (what, who, id, name, answer) in [
        ("the primary, itself", &me, 1, &b"one"[..], done()),
        ("the primary, another", &me, 2, b"two", done()),
        ("linked, itself", &second, 2, &[9; 225], done()),
        ("linked, another", &second, 3, b"three", Err(not_for_this_device().unwrap())),
        ("linked, the primary", &second, 1, b"three", Err(not_for_this_device().unwrap())),
        ("linked, one that there is not", &second, 9, b"three", nobody()),
        ("the primary, one that there is not", &me, 9, b"three", nobody()),
        ("no name", &me, 3, b"", Err(Said::constraint())),
        ("too long", &me, 3, &[9; 226], Err(Said::constraint())),
        ("no device's id", &me, 0, b"x", Err(Said::constraint())),
        ("no device's id", &me, 128, b"x", Err(Said::constraint())),
    ] {
        table.row(what, set(who, id, name).await, answer);
    }
    let names = async || {
        let devices = x.account(&me).await.devices;
        let name = |name: signet_storage::model::Opaque| name.as_bytes().to_vec();
        devices.into_iter().map(|device| device.name.map(name)).collect::<Vec<_>>()
    };
    table.row("stored", names().await, vec![Some(b"one".to_vec()), Some(vec![9; 225]), None]);

    let body = |name: &[u8]| format!(r#"{{"deviceName":"{}"}}"#, STANDARD.encode(name));
    let good = body(b"rest");
    for (who, path, body, status) in [
        (&me, "/v1/accounts/name", good.as_str(), 204),
        (&me, "/v1/accounts/name?deviceId=3", &good, 204),
        (&second, "/v1/accounts/name", &body(&[8; 225]), 204),
        (&second, "/v1/accounts/name?deviceId=2", &body(&[8; 225]), 204),
        (&second, "/v1/accounts/name?deviceId=3", &body(b"no"), 403),
        (&second, "/v1/accounts/name?deviceId=9", &body(b"no"), 404),
        (&me, "/v1/accounts/name?deviceId=9", &body(b"no"), 404),
        (&me, "/v1/accounts/name?deviceId=0", &body(b"no"), 404),
        (&me, "/v1/accounts/name?deviceId=x", &body(b"no"), 400),
        (&me, "/v1/accounts/name", &body(b""), 422),
        (&me, "/v1/accounts/name", &body(&[8; 226]), 422),
        (&me, "/v1/accounts/name", "{}", 422),
        (&me, "/v1/accounts/name", "{", 400),
    ] {
        let answer = x.rest(who, "PUT", path, body).await;
        table.row(format!("{path} {}", body.len()), answer.status, status);
    }
    table.row("stored", names().await, vec![Some(b"rest".to_vec()), Some(vec![8; 225]), Some(b"rest".to_vec())]);
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn messages_reach_a_device_in_one_way() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let linked = x.link(&me).await;
    let set = async |who: &Person, token_request: Option<TokenRequest>| {
        let answer = x.devices().set_push_token(who.says(SetPushTokenRequest { token_request })).await;
        outcome(answer).err()
    };
    let clear =
        async |who: &Person| outcome(x.devices().clear_push_token(who.says(ClearPushTokenRequest {})).await).err();
    let apns = |token: &str| Some(TokenRequest::ApnsTokenRequest(ApnsTokenRequest { apns_token: token.to_owned() }));
    let fcm = |token: &str| Some(TokenRequest::FcmTokenRequest(FcmTokenRequest { fcm_token: token.to_owned() }));
    let of = async |n: usize| {
        let device = x.account(&me).await.devices[n].clone();
        (device.channel, device.user_agent.unwrap_or_default())
    };
    let mut table = Table::default();
    for nothing in [None, apns(""), fcm("")] {
        table.row("nothing", set(&me, nothing).await, Some(Said::constraint()));
    }
    let begun = x.t.registry.clock.now();
    let later = begun.plus(Duration::from_secs(1));
    table.row("fetched", of(0).await.0, PushChannel::Fetches);
    let agent = of(0).await.1;
    table.row("cleared though there is none", clear(&me).await, None);
    table.row("stays", of(0).await, (PushChannel::Fetches, agent.clone()));
    for (what, request) in [("FCM", fcm("f")), ("APNs", apns("a"))] {
        table.row(what, set(&me, request).await, None);
    }
    table.row("the last", of(0).await, (PushChannel::Apn { token: "a".to_owned(), since: begun }, agent));
    x.t.advance(Duration::from_secs(1));
    table.row("again", set(&me, apns("a")).await, None);
    table.row("is newer", of(0).await.0, PushChannel::Apn { token: "a".to_owned(), since: later });
    table.row("clear", clear(&me).await, None);
    table.row("marked", of(0).await, (PushChannel::Fetches, "OWI".to_owned()));

    table.row("FCM, linked", set(&linked, fcm("f")).await, None);
    let version = x.account(&me).await.version;
    x.t.advance(Duration::from_secs(1));
    table.row("again", set(&linked, fcm("f")).await, None);
    table.row("is as it was", of(1).await.0, PushChannel::Fcm { token: "f".to_owned(), since: later });
    table.row("and not written", x.account(&me).await.version, version);
    table.row("clear", clear(&linked).await, None);
    table.row("marked", of(1).await, (PushChannel::Fetches, "OWA".to_owned()));
    table.row("APNs, linked", set(&linked, apns("a")).await, None);
    table.row("clear", clear(&linked).await, None);
    table.row("marked", of(1).await, (PushChannel::Fetches, "OWP".to_owned()));
    table.row("the other's", of(0).await.1.as_str(), "OWI");
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn capabilities_are_those_of_rest_by_number() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let linked = x.link(&me).await;
    let set = async |who: &Person, capabilities: &[i32]| {
        let request = SetCapabilitiesRequest { capabilities: capabilities.to_vec() };
        outcome(x.devices().set_capabilities(who.says(request)).await).err()
    };
    let held =
        async |n: usize| x.account(&me).await.devices[n].capabilities.iter().cloned().collect::<Vec<_>>().join(" ");
    let mut table = Table::default();
    table.row("some", set(&linked, &[1, 7, 7, 8]).await, None);
    table.row("are", held(1).await.as_str(), "profiles_v2 spqr storage");
    table.row("all", set(&linked, &[1, 2, 6, 7, 8, 9, 10]).await, None);
    let all = "attachmentBackfill optionalPhoneNumber profiles_v2 spqr storage transfer usernameChangeSyncMessage";
    table.row("are", held(1).await.as_str(), all);
    for unknown in [0, 3, 4, 5, 11, -1] {
        table.row(unknown, set(&linked, &[7, unknown]).await, Some(Said::constraint()));
    }
    table.row("and stay", held(1).await.as_str(), all);
    table.row("none", set(&linked, &[]).await, None);
    table.row("are", held(1).await.as_str(), "");
    table.row("the primary's stayed", held(0).await.as_str(), "spqr storage");
    table.close();
}
