//! Usernames and their links (contract registration §9.4, §9.5, §11.5, §11.10; username-proof): how an account gets a name, for how
//! long one is kept for it, and that nobody else has it meanwhile.

#![allow(clippy::unwrap_used, reason = "tests")]

mod again;
mod holds;
mod links;
mod lost_replies;
mod proofs;
mod races;
mod reservations;
mod statuses;

use std::time::Duration;

use serde_json::{Value, json};
use signet_config::{Config, LimitId};
use signet_storage::accounts::{LinkClaim, UsernameClaim, link_key, username_key};
use signet_storage::dynamo::Item;
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::ids::AccountId;
use signet_storage::model::Username;
use signet_tests::client::basic;
use signet_tests::names::{self, Name, name, url};
use signet_tests::{Answer, Audit, SignalClient, TestRegistry};
use uuid::Uuid;

const MS: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(86_400);
/// A name is reserved for so long.
const RESERVED: Duration = Duration::from_secs(300);
/// A name that was given up is kept for so long.
const HELD: Duration = Duration::from_secs(7 * 86_400);
/// An encrypted name.
const SEALED: &[u8] = b"a name that only some can read";

const RESERVE: &str = "/v1/accounts/username_hash/reserve";
const CONFIRM: &str = "/v1/accounts/username_hash/confirm";
const USERNAME: &str = "/v1/accounts/username_hash";
const LINK: &str = "/v1/accounts/username_link";

/// A registry where nobody asks too often, unless a test wants that.
struct Town {
    t: TestRegistry,
}

/// Somebody who has registered.
#[derive(Clone)]
struct Person {
    number: String,
    aci: AccountId,
    password: String,
}

impl Town {
    fn open() -> Self {
        Self::open_with(|_| {})
    }

    fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let generous = |config: &mut Config| {
            for id in [LimitId::UsernameReserve, LimitId::UsernameSet, LimitId::UsernameLinkOperation] {
                limit(config, id, 10_000);
            }
            change(config);
        };
        Self { t: TestRegistry::start_with(generous) }
    }

    /// Registers a number, also one that has an account.
    async fn register(&self, number: &str) -> Person {
        let (me, session) = (SignalClient::generate(), self.t.verified_session(number).await);
        let answer = self.t.client.register(number, &me.password, &me.registration(&session)).await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        let aci = answer.json()["uuid"].as_str().unwrap().parse().unwrap();
        Person { number: number.to_owned(), aci, password: me.password }
    }

    async fn people<const N: usize>(&self) -> [Person; N] {
        let mut people = Vec::new();
        for n in 0..N {
            people.push(self.register(&format!("+12025550{:03}", 100 + n)).await);
        }
        people.try_into().unwrap_or_else(|_| unreachable!())
    }

    async fn send(&self, who: &Person, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.t.client.send(method, path, &[("authorization", &who.credentials())], body).await
    }

    /// The name that was reserved, by its number, or the status.
    async fn reserve(&self, who: &Person, wanted: &[&Name]) -> Result<String, u16> {
        let answer = self.send(who, "PUT", RESERVE, &names::reservation(wanted)).await;
        if answer.status != 200 {
            return Err(answer.status);
        }
        Ok(answer.json()["usernameHash"].as_str().unwrap().to_owned())
    }

    /// The handle of the link, if there is one, or the status.
    async fn confirm(&self, who: &Person, name: &Name, encrypted: Option<&[u8]>) -> Result<Option<Uuid>, u16> {
        let answer = self.send(who, "PUT", CONFIRM, &name.confirmation(encrypted)).await;
        if answer.status != 200 {
            return Err(answer.status);
        }
        let body = answer.json();
        assert_eq!(body["usernameHash"], name.encoded());
        Ok(serde_json::from_value(body["usernameLinkHandle"].clone()).unwrap())
    }

    /// Reserves and confirms, with a link.
    async fn take(&self, who: &Person, name: &Name) -> Uuid {
        self.reserve(who, &[name]).await.unwrap();
        self.confirm(who, name, Some(SEALED)).await.unwrap().unwrap()
    }

    async fn clear(&self, who: &Person) -> u16 {
        self.send(who, "DELETE", USERNAME, &Value::Null).await.status
    }

    async fn set_link(&self, who: &Person, encrypted: &[u8], keep: bool) -> Result<Uuid, u16> {
        let body = json!({"usernameLinkEncryptedValue": url(encrypted), "keepLinkHandle": keep});
        let answer = self.send(who, "PUT", LINK, &body).await;
        if answer.status != 200 {
            return Err(answer.status);
        }
        Ok(answer.json()["usernameLinkHandle"].as_str().unwrap().parse().unwrap())
    }

    async fn remove_link(&self, who: &Person) -> u16 {
        self.send(who, "DELETE", LINK, &Value::Null).await.status
    }

    /// Whose name it is.
    async fn look_up(&self, name: &Name) -> Option<AccountId> {
        let answer = self.t.client.send("GET", &format!("{USERNAME}/{}", name.encoded()), &[], "").await;
        (answer.status != 404).then(|| answer.expect(200)["uuid"].as_str().unwrap().parse().unwrap())
    }

    /// The encrypted name behind a link, as it goes over the wire.
    async fn follow(&self, handle: Uuid) -> Option<String> {
        let answer = self.t.client.send("GET", &format!("{LINK}/{handle}"), &[], "").await;
        (answer.status != 404).then(|| answer.expect(200)["usernameLinkEncryptedValue"].as_str().unwrap().to_owned())
    }

    /// What the account keeps of its name.
    async fn username(&self, who: &Person) -> Username {
        self.t.registry.accounts.get(who.aci).await.unwrap().expect("the account is there").username
    }

    async fn claim(&self, name: &Name) -> Option<UsernameClaim> {
        self.row(username_key(&name.opaque())).await.map(|row| UsernameClaim::read(row).unwrap())
    }

    async fn link_claim(&self, handle: Uuid) -> Option<LinkClaim> {
        self.row(link_key(handle)).await.map(|row| LinkClaim::read(row).unwrap())
    }

    async fn row(&self, key: Item) -> Option<Item> {
        self.t.registry.storage.dynamo.get(Rows::Claims, key).await.unwrap()
    }

    async fn audit(&self) {
        Audit::of(&self.t.registry.storage).await.expect_clean();
    }
}

impl Person {
    fn credentials(&self) -> String {
        basic(&self.aci.to_string(), &self.password)
    }
}

fn limit(config: &mut Config, id: LimitId, size: u64) {
    let mut limit = config.limits.get(id);
    limit.size = size;
    config.limits.set(id, limit);
}
