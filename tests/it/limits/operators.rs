//! What operators see of the limits, and reset, on the management port.

use std::time::Duration;

use serde_json::Value;
use signet_config::{CacheKind, LimitId, Secret};
use signet_tests::redis::RedisServer;
use signet_tests::{SignalClient, TestRegistry};

use super::NUMBER;

const WAIT: Duration = Duration::from_secs(300);

/// `limiter key left/size`, one for each that is not full.
fn in_use(overview: &Value) -> Vec<String> {
    let rows = overview["limiters"].as_array().expect("a list").iter();
    let used = rows.filter(|row| row["left"] != row["size"]).map(|row| {
        let text = |name: &str| row[name].as_str().expect("a text").to_owned();
        assert!(row["nextInMillis"].as_u64() > Some(0) && row["fullInMillis"].as_u64() >= row["nextInMillis"].as_u64());
        format!("{} {} {}/{}", text("limiter"), text("key"), row["left"], row["size"])
    });
    used.collect()
}

fn limiters(overview: &Value) -> Vec<&str> {
    let rows = overview["limiters"].as_array().expect("a list").iter();
    rows.map(|row| row["limiter"].as_str().expect("a text")).collect()
}

/// Something taken of everything; returns the ACI.
async fn use_all(t: &TestRegistry) -> String {
    let (me, session) = (SignalClient::generate(), t.verified_session(NUMBER).await);
    let body = me.registration(&session);
    let aci =
        t.client.register(NUMBER, &me.password, &body).await.expect(201)["uuid"].as_str().expect("one").to_owned();
    t.registry.storage.cache.count(&format!("reglock:{aci}"), 1, WAIT).await.expect("a cache");
    for (id, key) in [(LimitId::Pin, NUMBER), (LimitId::CheckTotp, aci.as_str())] {
        t.registry.limits.take(id, key).await.expect("a permit");
    }
    aci
}

async fn check(t: &TestRegistry) {
    let aci = use_all(t).await;
    let show = async |key: &str| t.client.manage(&format!("/limits/{key}")).await.expect(200);
    let of_number = [
        format!("registration {NUMBER} 9999/10000"),
        format!("pin {NUMBER} 9/10"),
        format!("verificationSession {NUMBER}:127.0.0.1 999/1000"),
        format!("codePerNumber {NUMBER} 9999/10000"),
        format!("checkTotp {aci} 9999/10000"),
        format!("registrationLock {aci} 0/1"),
    ];
    for key in [NUMBER, NUMBER.trim_start_matches('+'), &aci, &aci.to_uppercase()] {
        assert_eq!(in_use(&show(key).await), of_number, "{key}");
    }
    let of_address = [
        "registrationPerAddress 127.0.0.1 999999/1000000",
        &format!("verificationSession {NUMBER}:127.0.0.1 999/1000"),
    ];
    assert_eq!(in_use(&show("127.0.0.1").await), of_address);
    assert_eq!(limiters(&show("+12025550199").await), ["registration", "pin", "codePerNumber"]);
    let of_address = [
        "registrationPerAddress",
        "backupAuthCheck",
        "batchIdentityCheck",
        "usernameLookup",
        "usernameLinkLookupPerIp",
        "checkAccountExistence",
        "recordDeviceTransferRequest",
        "waitForDeviceTransferRequest",
    ];
    assert_eq!(limiters(&show("192.0.2.1").await), of_address);
    let of_account = [
        "checkTotp",
        "setRegistrationLock",
        "allocateDevice",
        "verifyDevice",
        "waitForLinkedDevice",
        "uploadTransferArchive",
        "messages",
        "usernameReserve",
        "usernameSet",
        "usernameLinkOperation",
        "registrationLock",
    ];
    assert_eq!(limiters(&show("00000000-0000-4000-8000-000000000000").await), of_account);

    // Whoever is not meant keeps what he has.
    t.client.begin_session("+12025550199").await.expect(200);
    let reset = t.client.manage_by("DELETE", &format!("/limits/{aci}")).await.expect(200);
    assert_eq!(in_use(&reset), Vec::<String>::new());
    assert_eq!(t.registry.storage.cache.counted(&format!("reglock:{aci}")).await, Ok(None));
    assert_eq!(in_use(&show(NUMBER).await), Vec::<String>::new());
    assert_eq!(in_use(&show("+12025550199").await), ["verificationSession +12025550199:127.0.0.1 999/1000"]);
    let reset = t.client.manage_by("DELETE", "/limits/127.0.0.1").await.expect(200);
    assert_eq!(in_use(&reset), Vec::<String>::new());
    assert_eq!(in_use(&show("+12025550199").await), Vec::<String>::new());
}

#[tokio::test]
async fn all_limiters_of_a_number_an_account_or_an_address() {
    check(&TestRegistry::start()).await;
    let redis = RedisServer::start();
    let t = TestRegistry::start_with(|config| {
        config.cache.kind = CacheKind::Redis;
        config.cache.url = Some(Secret::new(redis.url()));
    });
    super::until_cache_is(&t.client, "up").await;
    check(&t).await;
}

#[tokio::test]
async fn both_forms_of_a_number_are_one() {
    let t = TestRegistry::start();
    let (old, new) = ("+22990011234", "+2290190011234");
    for form in [old, new] {
        t.registry.limits.take(LimitId::Registration, form).await.expect("a permit");
    }
    for form in [old, new] {
        let shown = in_use(&t.client.manage(&format!("/limits/{form}")).await.expect(200));
        assert_eq!(shown.len(), 2, "{shown:?}");
    }
    t.client.manage_by("DELETE", &format!("/limits/{old}")).await.expect(200);
    assert_eq!(in_use(&t.client.manage(&format!("/limits/{new}")).await.expect(200)), Vec::<String>::new());
}

#[tokio::test]
async fn peeking_takes_nothing_and_clearing_gives_all_back() {
    let t = TestRegistry::start();
    let limits = &t.registry.limits;
    for id in [LimitId::Pin, LimitId::CodePerNumber] {
        let size = limits.setting(id).size;
        limits.take(id, "key").await.expect("a permit");
        for _ in 0..3 {
            assert_eq!(limits.peek(id, "key").await, Ok(size - 1));
        }
        limits.clear(id, "key").await.expect("a cache");
        assert_eq!(limits.peek(id, "key").await, Ok(size));
    }
}

#[tokio::test]
async fn what_is_no_subject_is_refused_and_clients_may_not_ask() {
    let t = TestRegistry::start();
    for (method, path, status) in [
        ("GET", "/limits/rubbish", 400),
        ("DELETE", "/limits/rubbish", 400),
        ("POST", "/limits/127.0.0.1", 404),
        ("GET", "/reload", 404),
        ("POST", "/reload", 404),
    ] {
        assert_eq!(t.client.manage_by(method, path).await.status, status, "{method} {path}");
    }
    for (method, path) in [("GET", "/limits/127.0.0.1"), ("DELETE", "/limits/127.0.0.1"), ("POST", "/reload")] {
        assert_eq!(t.client.send(method, path, &[], "").await.status, 404, "{method} {path}");
    }
}
