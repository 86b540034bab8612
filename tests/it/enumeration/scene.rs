//! A registry, somebody whom it knows, somebody whom it does not, and one who asks about both.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use signet_config::{Config, LimitId};
use signet_storage::dynamo::items::{key, text};
use signet_storage::dynamo::tables::Table as Rows;
use signet_storage::dynamo::{Value as Attribute, Write};
use signet_storage::ids::AccountId;
use signet_tests::client::basic;
use signet_tests::table::put;
use signet_tests::{SignalClient, TestRegistry};

pub const NUMBER: &str = "+12025550178";
pub const NO_NUMBER: &str = "+12025550179";
const ASKING: &str = "+12025550180";
pub const RECOVERY: [u8; 32] = [9; 32];

pub struct Scene {
    pub t: TestRegistry,
    pub known: Subject,
    pub unknown: Subject,
    /// Somebody with an account, who asks.
    pub asking: Subject,
}

/// Somebody, whether there is an account or not.
pub struct Subject {
    pub number: &'static str,
    pub aci: String,
    pub pni: String,
    pub password: String,
    /// An open session about the number.
    pub session: String,
    /// The hash of a username.
    pub username: [u8; 32],
    /// As it is let in to link a device, but with a signature of its own making.
    pub link_token: String,
    pub fingerprint: [u8; 4],
    pub me: SignalClient,
}

impl Scene {
    pub async fn set() -> Self {
        let t = TestRegistry::start_with(unlimited);
        let (mut known, asking) = (register(&t, NUMBER).await, register(&t, ASKING).await);
        give_username(&t, &known).await;
        let mut unknown = Subject {
            number: NO_NUMBER,
            aci: "3e0bb3a0-75a6-4d3a-a1d0-9a9d2c7a1c11".to_owned(),
            pni: "5d2e6a53-2b1e-4f5a-8a52-0c3d7f6b9e22".to_owned(),
            password: "a password of nobody".to_owned(),
            session: String::new(),
            username: [0x44; 32],
            link_token: String::new(),
            fingerprint: known.fingerprint,
            me: SignalClient::generate(),
        };
        for subject in [&mut known, &mut unknown] {
            let begun = t.client.begin_session(subject.number).await.expect(200);
            begun["id"].as_str().unwrap().clone_into(&mut subject.session);
            let signature = URL_SAFE.encode([7; 32]);
            subject.link_token = format!("{}.{}:{signature}", subject.aci, t.registry.clock.now().millis());
        }
        Self { t, known, unknown, asking }
    }

    /// What may stand in answers only because it stood in the questions.
    pub fn names(&self) -> Vec<String> {
        let of = |who: &Subject| {
            let binary = [&who.aci, &who.pni].map(|id| id.replace('-', ""));
            [who.number.to_owned(), who.aci.clone(), who.pni.clone(), who.session.clone()].into_iter().chain(binary)
        };
        of(&self.known).chain(of(&self.unknown)).collect()
    }
}

impl Subject {
    pub fn credentials(&self) -> String {
        basic(&self.aci, &self.password)
    }

    /// The body of a registration of this number, by this recovery password or by a session.
    pub fn registration(&self, session: &str, password: Option<&[u8]>) -> Value {
        let mut body = self.me.registration(session);
        if let Some(password) = password {
            put(&mut body, "/sessionId", None);
            put(&mut body, "/recoveryPassword", Some(json!(STANDARD.encode(password))));
            put(&mut body, "/accountAttributes/recoveryPassword", Some(json!(STANDARD.encode(RECOVERY))));
        }
        body
    }
}

pub fn unlimited(config: &mut Config) {
    config.recovery.by_aci = true;
    for id in LimitId::ALL {
        let mut limit = config.limits.get(*id);
        limit.size = limit.size.max(100_000);
        config.limits.set(*id, limit);
    }
}

async fn register(t: &TestRegistry, number: &'static str) -> Subject {
    let (me, session) = (SignalClient::generate(), t.verified_session(number).await);
    let mut body = me.registration(&session);
    put(&mut body, "/accountAttributes/recoveryPassword", Some(json!(STANDARD.encode(RECOVERY))));
    let made = t.client.register(number, &me.password, &body).await.expect(201);
    let id = |name: &str| made[name].as_str().unwrap().to_owned();
    Subject {
        number,
        aci: id("uuid"),
        pni: id("pni"),
        password: me.password.clone(),
        session,
        username: [0x33; 32],
        link_token: String::new(),
        fingerprint: me.aci.public().fingerprint(),
        me,
    }
}

/// Put by hand: what a confirmed one is in the store.
async fn give_username(t: &TestRegistry, who: &Subject) {
    let mut row = key("claim", format!("username#{}", hex::encode(who.username)));
    row.insert("aci".to_owned(), text(who.aci.clone()));
    row.insert("confirmed".to_owned(), Attribute::Bool(true));
    row.insert("reclaimable".to_owned(), Attribute::Bool(false));
    let aci: AccountId = who.aci.parse().unwrap();
    let change = |_: &mut _, _| ((), vec![Write::put("username", Rows::Claims, row.clone())]);
    t.registry.accounts.update("test", aci, change).await.unwrap();
}
