//! `account.Accounts` and `account.AccountsAnonymous` (§8.4).

use std::time::Duration;

use signet::grpc::proto::org::signal::chat::account::get_entitlements_response::BadgeEntitlement;
use signet::grpc::proto::org::signal::chat::account::{
    CheckAccountExistenceRequest, DeleteAccountRequest, GetAccountIdentityRequest, GetEntitlementsRequest,
    LookupUsernameHashRequest, LookupUsernameLinkRequest, lookup_username_hash_response, lookup_username_link_response,
};
use signet::grpc::proto::org::signal::chat::common::{AccountIdentifiers, ServiceIdentifier};
use signet::grpc::proto::org::signal::chat::errors::NotFound;
use signet_config::LimitId;
use signet_storage::dynamo::items::{key, text};
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::dynamo::{Value, Write};
use signet_storage::model::account::Badge;
use signet_tests::Table;
use signet_tests::grpc::{Said, outcome};
use tonic::Code;
use uuid::Uuid;

use super::{Exchange, NOBODY, NUMBER, OTHER, aci, limit, pni};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_device_asks_who_it_is() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let linked = x.link(&me).await;
    let identifiers = |username_hash: &[u8], handle: &[u8]| AccountIdentifiers {
        service_identifiers: [aci(me.aci), pni(me.pni)].into_iter().flatten().collect(),
        e164: NUMBER.to_owned(),
        username_hash: username_hash.to_vec(),
        username_link_handle: handle.to_vec(),
    };
    let ask = async || {
        let answer = x.accounts().get_account_identity(linked.says(GetAccountIdentityRequest {})).await;
        outcome(answer).unwrap().account_identifiers.unwrap()
    };
    assert_eq!(ask().await, identifiers(&[], &[]));
    let handle = Uuid::from_u128(77);
    x.change(&me, |account| {
        account.username.hash = Some(vec![5; 32].into());
        account.username.link_handle = Some(handle);
    })
    .await;
    assert_eq!(ask().await, identifiers(&[5; 32], handle.as_bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn badges_that_have_not_run_out() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let now = x.t.registry.clock.now();
    let badge = |id: &str, for_seconds: u64| Badge {
        id: id.to_owned(),
        expires: now.plus(Duration::from_secs(for_seconds)),
        visible: id == "kept",
    };
    x.change(&me, |account| account.badges = vec![badge("gone", 0), badge("kept", 60), badge("hidden", 90)]).await;
    let answer = outcome(x.accounts().get_entitlements(me.says(GetEntitlementsRequest {})).await).unwrap();
    let told = |id: &str, seconds: u64| BadgeEntitlement {
        badge_id: id.to_owned(),
        expiration_epoch_seconds: u64::try_from(now.seconds()).unwrap() + seconds,
        visible: id == "kept",
    };
    assert_eq!((answer.badges, answer.backup), (vec![told("kept", 60), told("hidden", 90)], None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_account_ends_for_all_its_devices() {
    let x = Exchange::open();
    let (me, other) = (x.register(NUMBER).await, x.register(OTHER).await);
    let linked = x.link(&me).await;
    outcome(x.accounts().delete_account(linked.says(DeleteAccountRequest {})).await).unwrap();
    let again = outcome(x.accounts().delete_account(linked.says(DeleteAccountRequest {})).await).err();
    assert_eq!(again, Some(Said::because(Code::Unauthenticated, "INVALID_CREDENTIALS")));
    assert_eq!(x.rest(&me, "GET", "/v1/accounts/whoami", "").await.status, 401);
    assert_eq!(x.rest(&other, "GET", "/v1/accounts/whoami", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whether_there_is_an_account() {
    let x = Exchange::open_with(|config| limit(config, LimitId::CheckAccountExistence, 8));
    let me = x.register(NUMBER).await;
    let ask = async |id: Option<ServiceIdentifier>| {
        let request = CheckAccountExistenceRequest { service_identifier: id };
        outcome(x.accounts_anonymous().check_account_existence(request).await).map(|answer| answer.account_exists)
    };
    let mut half = aci(me.aci).unwrap();
    half.uuid.pop();
    let mut table = Table::default();
    for (what, id, known) in [
        ("an ACI", aci(me.aci), Ok(true)),
        ("a PNI", pni(me.pni), Ok(true)),
        ("nobody", aci(NOBODY), Ok(false)),
        ("nobody's PNI", pni(NOBODY), Ok(false)),
        ("one for the other", pni(me.aci), Ok(false)),
        ("nothing", None, Err(Said::constraint())),
        ("half of it", Some(half), Err(Said::constraint())),
    ] {
        table.row(what, ask(id).await, known);
    }
    // What could not be asked took no permit; REST takes the same ones.
    let path = format!("/v1/accounts/account/{}", me.aci);
    for status in [200, 200, 200, 429] {
        table.row("REST", x.t.client.send("HEAD", &path, &[], "").await.status, status);
    }
    let limited = Said { retry: Some(4), ..Said::because(Code::ResourceExhausted, "RESOURCE_EXHAUSTED") };
    table.row("too often", ask(aci(me.aci)).await, Err(limited));
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whose_a_username_is() {
    let x = Exchange::open_with(|config| {
        limit(config, LimitId::UsernameLookup, 4);
        limit(config, LimitId::UsernameLinkLookup, 2);
    });
    let me = x.register(NUMBER).await;
    let hash = async |hash: &[u8]| {
        let request = LookupUsernameHashRequest { username_hash: hash.to_vec() };
        outcome(x.accounts_anonymous().lookup_username_hash(request).await).map(|answer| answer.response.unwrap())
    };
    let link = async |handle: &[u8]| {
        let request = LookupUsernameLinkRequest { username_link_handle: handle.to_vec() };
        outcome(x.accounts_anonymous().lookup_username_link(request).await).map(|answer| answer.response.unwrap())
    };
    use lookup_username_hash_response::Response::{NotFound as NoName, ServiceIdentifier};
    use lookup_username_link_response::Response::NotFound as NoLink;
    let limited =
        |seconds| Said { retry: Some(seconds), ..Said::because(Code::ResourceExhausted, "RESOURCE_EXHAUSTED") };
    let mut table = Table::default();
    for bad in [&[][..], &[5; 31], &[5; 33]] {
        table.row("no hash", hash(bad).await, Err(Said::constraint()));
        table.row("no handle", link(bad).await, Err(Said::constraint()));
    }
    table.row("nobody's", hash(&[5; 32]).await, Ok(NoName(NotFound {})));
    // Put by hand: nobody knows the name behind it.
    for (confirmed, found) in [(false, NoName(NotFound {})), (true, ServiceIdentifier(aci(me.aci).unwrap()))] {
        let mut row = key("claim", format!("username#{}", hex::encode([5; 32])));
        row.insert("aci".to_owned(), text(me.aci.to_string()));
        row.insert("confirmed".to_owned(), Value::Bool(confirmed));
        row.insert("reclaimable".to_owned(), Value::Bool(false));
        let put = |_: &mut _, _| ((), vec![Write::put("username", Rows::Claims, row.clone())]);
        x.t.registry.accounts.update("test", me.aci(), put).await.unwrap();
        table.row(confirmed, hash(&[5; 32]).await, Ok(found));
    }
    table.row("somebody else's", hash(&[6; 32]).await, Ok(NoName(NotFound {})));
    table.row("too often", hash(&[5; 32]).await, Err(limited(900)));
    for answer in [Ok(NoLink(NotFound {})), Ok(NoLink(NotFound {})), Err(limited(15))] {
        table.row("a link", link(&[5; 16]).await, answer);
    }
    table.close();
}
