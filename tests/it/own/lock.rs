//! Setting and clearing the lock (§6.1), by REST, by a socket and by gRPC: it is one lock.

use serde_json::json;
use signet::grpc::proto::org::signal::chat::account::{ClearRegistrationLockRequest, SetRegistrationLockRequest};
use signet_config::LimitId;
use signet_tests::grpc::{Said, outcome};
use signet_tests::{SignalClient, Table};

use super::{Home, Login, Via, WAYS, limit};

const LOCK: &str = "/v1/accounts/registration_lock";

fn body(lock: &str) -> String {
    json!({"registrationLock": lock}).to_string()
}

#[tokio::test]
async fn every_status() {
    let h = Home::open().await;
    let mut table = Table::default();
    for via in WAYS {
        for (sent, status) in [
            (body(&"a".repeat(64)), 204),
            (body(&"é".repeat(64)), 204),
            (body(&"a".repeat(63)), 422),
            (body(&"a".repeat(65)), 422),
            (body("27182818"), 422),
            (body(""), 422),
            (json!({"registrationLock": null}).to_string(), 422),
            (json!({"registrationLock": 5}).to_string(), 422),
            ("{}".to_owned(), 422),
            (String::new(), 422),
            ("{".to_owned(), 400),
        ] {
            h.change(|account| account.registration_lock = None).await;
            table.row(format!("{via:?} {sent}"), h.status(via, "PUT", LOCK, sent.clone()).await, status);
            table.row(sent, h.account().await.registration_lock.is_some(), status == 204);
        }
        table.row("clear", h.status(via, "DELETE", LOCK, "").await, 204);
        table.row("cleared", h.account().await.registration_lock.is_none(), true);
        table.row("clear again", h.status(via, "DELETE", LOCK, "").await, 204);
        for path in [LOCK.to_owned(), format!("{LOCK}/")] {
            table.row("either way", h.status(via, "PUT", &path, body(&"a".repeat(64))).await, 204);
        }
    }
    table.row("nobody", h.status_of_nobody("PUT", LOCK).await, 401);
    table.row("nobody", h.status_of_nobody("DELETE", LOCK).await, 401);
    table.close();
}

/// Whoever set it, and however: the owner opens it by a registration, and only with that text.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whatever_set_it_a_registration_opens_it() {
    let h = Home::open_with(|config| {
        limit(config, LimitId::Pin, 1000);
        config.registration_lock.pause = std::time::Duration::from_millis(1);
    })
    .await;
    let text = "5b".repeat(32);
    let mut table = Table::default();
    let mut who = h.primary();
    for way in ["REST", "socket", "gRPC"] {
        match way {
            "REST" => drop(h.ask(Via::Rest, &who, "PUT", LOCK, body(&text)).await.expect(204)),
            "socket" => drop(h.ask(Via::Socket, &who, "PUT", LOCK, body(&text)).await.expect(204)),
            _ => {
                let request = SetRegistrationLockRequest { registration_lock: vec![0x5b; 32] };
                outcome(h.grpc().set_registration_lock(who.says(request)).await).unwrap();
            }
        }
        let lock = |lock: &str| [("/accountAttributes/registrationLock", Some(json!(lock)))];
        let next = SignalClient::generate();
        table.row(format!("{way}: without"), h.register_again(&next, &[]).await.status, 423);
        h.t.advance(std::time::Duration::from_secs(1));
        table.row(format!("{way}: wrong"), h.register_again(&next, &lock(&"5c".repeat(32))).await.status, 423);
        h.t.advance(std::time::Duration::from_secs(1));
        table.row(format!("{way}: right"), h.register_again(&next, &lock(&text)).await.status, 200);
        who = Login { password: next.password, ..who };
    }
    outcome(h.grpc().clear_registration_lock(who.says(ClearRegistrationLockRequest {})).await).unwrap();
    table.row("cleared by gRPC", h.register_again(&SignalClient::generate(), &[]).await.status, 200);
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn by_grpc_it_has_32_bytes() {
    let h = Home::open().await;
    let (me, linked) = (h.primary(), h.link().await);
    let set = async |who: &Login, lock: &[u8]| {
        let request = SetRegistrationLockRequest { registration_lock: lock.to_vec() };
        outcome(h.grpc().set_registration_lock(who.says(request)).await).map(drop)
    };
    let mut table = Table::default();
    for length in [0, 31, 33, 64] {
        table.row(length, set(&me, &vec![7; length]).await, Err(Said::constraint()));
    }
    table.row("a linked device", set(&linked, &[7; 32]).await, Ok(()));
    let before = h.account().await.registration_lock;
    table.row("is set", before.is_some(), true);
    table.row("the same again", set(&me, &[7; 32]).await, Ok(()));
    let nobody = Login { password: "wrong".to_owned(), ..me };
    let refused = Said::because(tonic::Code::Unauthenticated, "INVALID_CREDENTIALS");
    table.row("nobody", set(&nobody, &[7; 32]).await, Err(refused));
    table.close();
}

/// Where there is no room to hash, nothing is changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_full_queue_is_503() {
    let h = Home::open_with(|config| config.registration_lock.waiting = 0).await;
    let seats: Vec<_> = std::iter::from_fn(|| h.t.registry.account.hasher.reserve().ok()).collect();
    assert!(!seats.is_empty());
    let mut table = Table::default();
    for via in WAYS {
        let answer = h.ask(via, &h.primary(), "PUT", LOCK, body(&"a".repeat(64))).await;
        table.row(format!("{via:?}"), (answer.status, answer.header("retry-after")), (503, Some("1")));
        let mut attributes = h.owner.registration("")["accountAttributes"].clone();
        let path = "/v1/accounts/attributes";
        table.row("attributes", h.ask(via, &h.primary(), "PUT", path, attributes.to_string()).await.status, 204);
        attributes["registrationLock"] = json!("a".repeat(64));
        table.row("with a lock", h.ask(via, &h.primary(), "PUT", path, attributes.to_string()).await.status, 503);
    }
    let request = SetRegistrationLockRequest { registration_lock: vec![7; 32] };
    let said = outcome(h.grpc().set_registration_lock(h.primary().says(request)).await).err();
    table.row("gRPC", said.map(|said| said.code), Some(tonic::Code::Unavailable));
    table.row("nothing is set", h.account().await.registration_lock, None);
    drop(seats);
    table.row("then", h.status(Via::Rest, "PUT", LOCK, body(&"a".repeat(64))).await, 204);
    table.close();
}

/// Ten, and then one in thirty seconds: by whatever way, and of the account and not of a device.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_account_has_so_many_hashed() {
    let h = Home::open_with(|config| limit(config, LimitId::SetRegistrationLock, 3)).await;
    let (me, linked, sent) = (h.primary(), h.link().await, body(&"a".repeat(64)));
    let mut attributes = h.owner.registration("")["accountAttributes"].clone();
    let without = attributes.to_string();
    attributes["registrationLock"] = json!("a".repeat(64));
    let path = "/v1/accounts/attributes";
    let mut table = Table::default();
    table.row("REST", h.ask(Via::Rest, &me, "PUT", LOCK, sent.clone()).await.status, 204);
    table.row("no lock", h.ask(Via::Rest, &me, "PUT", LOCK, body("")).await.status, 422);
    table.row("attributes", h.ask(Via::Socket, &linked, "PUT", path, attributes.to_string()).await.status, 204);
    let request = SetRegistrationLockRequest { registration_lock: vec![7; 32] };
    table.row("gRPC", outcome(h.grpc().set_registration_lock(me.says(request.clone())).await).is_ok(), true);
    let lock = h.account().await.registration_lock;
    for via in WAYS {
        for (path, sent) in [(LOCK, sent.clone()), (path, attributes.to_string())] {
            let refused = h.ask(via, &linked, "PUT", path, sent).await;
            let seen = (refused.status, refused.header("x-ratelimit-limiter"), refused.header("retry-after"));
            table.row(path, seen, (429, Some("setRegistrationLock"), Some("30")));
        }
    }
    let said = outcome(h.grpc().set_registration_lock(me.says(request)).await).err();
    let limited = Said { retry: Some(30), ..Said::because(tonic::Code::ResourceExhausted, "RESOURCE_EXHAUSTED") };
    table.row("gRPC", said, Some(limited));
    table.row("the lock stays", h.account().await.registration_lock == lock, true);
    table.row("who sets none is not kept", h.ask(Via::Rest, &me, "PUT", path, without).await.status, 204);
    h.t.advance(std::time::Duration::from_secs(30));
    table.row("after a while", h.ask(Via::Rest, &me, "PUT", LOCK, sent).await.status, 204);
    table.close();
}
