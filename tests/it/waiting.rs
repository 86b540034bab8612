//! Long polls and hand-overs between devices (contract keys-devices §3.1, §3.5, §3.7, §3.8, §4.2).

#![allow(clippy::unwrap_used, reason = "tests")]

mod ends;
mod linked_device;
mod nodes;
mod provisioning;
mod restore_account;
mod transfer_archive;

use std::time::Duration;

use serde_json::Value;
use signet_config::{Config, Limit, LimitId};
use signet_storage::ids::{AccountId, DeviceId, RegistrationId};
use signet_tests::client::basic;
use signet_tests::{Answer, Client, SignalClient, TestRegistry};
use tokio::task::JoinHandle;

const HOUR: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_secs(5);
const RESTORE: &str = "/v1/devices/restore_account/token";

const PRIMARY: u8 = 1;
const LINKED: u8 = 2;
/// What the linked device's installation is known by.
const REGISTRATION_ID: i64 = 4321;

/// The limiters of these routes.
const LIMITERS: [LimitId; 6] = [
    LimitId::WaitForLinkedDevice,
    LimitId::UploadTransferArchive,
    LimitId::WaitForTransferArchive,
    LimitId::RecordDeviceTransferRequest,
    LimitId::WaitForDeviceTransferRequest,
    LimitId::Messages,
];

/// A registry with an account that has two devices.
struct Home {
    t: TestRegistry,
    aci: AccountId,
    password: String,
}

impl Home {
    /// The limiters of these routes let everything through.
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let t = TestRegistry::start_with(|config| {
            LIMITERS.into_iter().for_each(|id| limit(config, id, 10_000));
            change(config);
        });
        let me = SignalClient::generate();
        let number = "+12025550123";
        let session = t.verified_session(number).await;
        let registered = t.client.register(number, &me.password, &me.registration(&session)).await.expect(201);
        let aci = registered["uuid"].as_str().unwrap().parse().unwrap();
        // What linking does to the keys is of no account here.
        let link = |account: &mut signet_storage::model::Account, _| {
            let mut device = account.devices[0].clone();
            device.id = DeviceId::try_from(LINKED).unwrap();
            device.registration_id = RegistrationId::try_from(REGISTRATION_ID).unwrap();
            account.devices.push(device);
            ((), Vec::new())
        };
        t.registry.accounts.update("test", aci, link).await.unwrap().expect("the account is there");
        Self { t, aci, password: me.password }
    }

    fn authorization(&self, device: u8) -> String {
        basic(&format!("{}.{device}", self.aci), &self.password)
    }

    async fn get(&self, device: u8, path: &str) -> Answer {
        self.send("GET", device, path, Vec::new()).await
    }

    async fn put(&self, device: u8, path: &str, body: &Value) -> Answer {
        self.send("PUT", device, path, body.to_string()).await
    }

    async fn send(&self, method: &str, device: u8, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let authorization = self.authorization(device);
        self.t.client.send(method, path, &[("authorization", &authorization)], body).await
    }

    /// A wait that has begun: so many are under way then.
    async fn begin(&self, device: u8, path: &str, waits: usize) -> JoinHandle<Answer> {
        let (client, authorization, path) = (self.t.client.clone(), self.authorization(device), path.to_owned());
        let wait =
            tokio::spawn(async move { client.send("GET", &path, &[("authorization", &authorization)], "").await });
        under_way(&self.t, waits).await;
        wait
    }
}

fn limit(config: &mut Config, id: LimitId, size: u64) {
    let limit = Limit { size, ..config.limits.get(id) };
    config.limits.set(id, limit);
}

/// Until so many wait.
async fn under_way(t: &TestRegistry, waits: usize) {
    for _ in 0..1_000 {
        if t.registry.storage.cache.subscriptions() == waits {
            // The last one may still be about to say that it waits.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} wait instead of {waits}", t.registry.storage.cache.subscriptions());
}

/// The answer to a wait that is over.
async fn over(wait: JoinHandle<Answer>) -> (u16, String) {
    let answer = tokio::time::timeout(SOON, wait).await.expect("the wait is over").unwrap();
    (answer.status, answer.text)
}

/// Waits for a restoration, until the answer comes.
fn wait_for_restore(client: &Client, timeout: u32) -> JoinHandle<Answer> {
    let client = client.clone();
    tokio::spawn(async move { client.send("GET", &format!("{RESTORE}?timeout={timeout}"), &[], "").await })
}

/// Which limiter refused.
#[track_caller]
fn refused_by(answer: &Answer) -> (u16, Option<&str>) {
    assert!(answer.status != 429 || answer.header("retry-after").is_some());
    (answer.status, answer.header("x-ratelimit-limiter"))
}
