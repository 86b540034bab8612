//! The real binary at TRACE with all that it can stand on, and a person whose every value is marked.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_storage::chance::Chance;
use signet_tests::canary::{Hit, Kind, Search, record};
use signet_tests::client::basic;
use signet_tests::http_engine::HttpEngine;
use signet_tests::process::Serving;
use signet_tests::redis::RedisServer;
use signet_tests::table::put;
use signet_tests::{Answer, Reaction, Receiver, SignalClient};
use tempfile::TempDir;

/// A store behind HTTP, a Redis, a provider of SMS: so every library that a registry speaks through is there.
pub struct Town {
    pub serving: Serving,
    pub redis: RedisServer,
    pub store: Option<HttpEngine>,
    pub provider: Receiver,
    search: RefCell<Search>,
    refusals: RefCell<Vec<u8>>,
    folder: TempDir,
}

/// Somebody who registers; what they keep to themselves.
pub struct Person {
    pub me: SignalClient,
    pub number: String,
    pub lock: String,
    pub recovery: String,
    pub access_key: String,
    pub aci: String,
}

impl Town {
    pub async fn open() -> Self {
        let (redis, store) = (RedisServer::start(), HttpEngine::start().await);
        let provider = Receiver::start([Reaction::Answer(202, String::new())]).await;
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let settings = [
            "log.filter=trace,hyper=trace,aws_smithy_runtime=trace,fred=trace,rustls=trace,h2=trace,tungstenite=trace"
                .to_owned(),
            "server.plain=127.0.0.1:0".to_owned(),
            "storage.target=endpoint".to_owned(),
            format!("storage.endpoint={}", store.url()),
            "cache.kind=redis".to_owned(),
            format!("cache.url={}", redis.url()),
            "verification.sender=webhook".to_owned(),
            format!("webhook.url={}/codes?key={}", provider.url(), "a-key-of-the-provider"),
            "verification.challenge=stub".to_owned(),
            "recovery.by_aci=true".to_owned(),
            "registration_lock.memory_kib=64".to_owned(),
            format!("audit.path={}", folder.path().join("audit").display()),
        ];
        let more: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
        let serving = Serving::start_logging_to(log, &folder.path().join("data"), &more);
        Self {
            serving,
            redis,
            provider,
            store: Some(store),
            search: RefCell::default(),
            refusals: RefCell::default(),
            folder,
        }
    }

    /// From now on this value may be found nowhere.
    pub fn mark(&self, name: &str, kind: Kind, value: &str) {
        self.search.borrow_mut().mark(name, kind, value);
    }

    /// A value like no other, marked.
    pub fn draw(&self, name: &str) -> String {
        let drawn = STANDARD.encode(Chance::system().bytes::<30>());
        self.mark(name, Kind::Random, &drawn);
        drawn
    }

    /// A text in an answer, marked.
    pub fn told(&self, answer: &Value, field: &str) -> String {
        let told = answer[field].as_str().unwrap_or_else(|| panic!("{field}: {answer}")).to_owned();
        // Some begin with a time that everybody knows.
        let own = told.rsplit(':').next().unwrap_or_default();
        self.mark(field, Kind::Random, own);
        told
    }

    /// A request as a phone sends it: it says what it is, and where it is from.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let agent = self.draw("a user agent");
        let headers =
            [headers, &[("content-type", "application/json"), ("user-agent", &agent), ("accept-language", "fr")]]
                .concat();
        let answer = self.serving.client.send(method, path, &headers, body).await;
        self.answered(&answer);
        answer
    }

    pub async fn send_as(&self, user: &str, password: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, &[("authorization", &basic(user, password))], body).await
    }

    /// A refusal tells nothing but what its client has to know: its session's id, and a way to its lock.
    pub fn answered(&self, answer: &Answer) {
        if answer.status >= 400 {
            self.refused(&record::beyond_the_contract(answer.text.as_bytes()));
            answer.headers.values().for_each(|value| self.refused(value.as_bytes()));
        }
    }

    pub fn refused(&self, text: &[u8]) {
        self.refusals.borrow_mut().extend([text, b"\n"].concat());
    }

    /// A proven number.
    pub async fn session(&self, number: &str) -> String {
        let push = json!({"number": number, "pushToken": self.draw("a push token"), "pushTokenType": "fcm"});
        let begun = self.send("POST", "/v1/verification/session", &[], &push).await.expect(200);
        let path = format!("/v1/verification/session/{}", self.told(&begun, "id"));
        let codes = format!("{path}/code");
        for wrong in [
            json!({"captcha": format!("noop.noop.registration.{}", self.draw("a captcha"))}),
            json!({"pushChallenge": self.draw("a push challenge")}),
        ] {
            self.send("PATCH", &path, &[], &wrong).await.expect(403);
        }
        self.send("PATCH", &path, &[], &json!({"captcha": "noop.noop.registration.noop"})).await.expect(200);
        self.send("POST", &codes, &[], &json!({"transport": "sms", "client": self.draw("a client")})).await.expect(200);
        let code = self.provider.last().json()["code"].as_str().unwrap().to_owned();
        self.mark("a code", Kind::Code, &code);
        self.send("PUT", &codes, &[], &json!({"code": self.draw("a wrong code")})).await.expect(200);
        let done = self.send("PUT", &codes, &[], &json!({"code": code})).await.expect(200);
        assert_eq!(done["verified"], true);
        begun["id"].as_str().unwrap().to_owned()
    }

    /// Somebody whose number begins with these digits.
    pub fn person(&self, number: &str) -> Person {
        let me = SignalClient::generate();
        self.mark("a number", Kind::Number, number);
        self.mark("a password", Kind::Random, &me.password);
        let chance = Chance::system();
        let lock = hex::encode(chance.bytes::<32>());
        let (recovery, access_key) = (STANDARD.encode(chance.bytes::<32>()), STANDARD.encode(chance.bytes::<16>()));
        for (name, value) in [("a lock", &lock), ("a recovery password", &recovery), ("an access key", &access_key)] {
            self.mark(name, Kind::Random, value);
        }
        Person { me, number: number.to_owned(), lock, recovery, access_key, aci: String::new() }
    }

    /// Stops it, and looks through all that it wrote.
    pub fn close(self) -> Remains {
        let Self { mut serving, search, refusals, folder, .. } = self;
        serving.signal("TERM");
        let mut said = serving.introduction.join("\n");
        serving.output.read_to_string(&mut said).unwrap();
        assert_eq!(serving.wait(), Some(0));
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        let places = vec![
            ("the log", read("log")),
            ("the audit", read("audit")),
            ("standard output", said.into_bytes()),
            ("refusals", refusals.into_inner()),
        ];
        Remains { search: search.into_inner(), places }
    }
}

/// What is left of a town.
pub struct Remains {
    pub search: Search,
    pub places: Vec<(&'static str, Vec<u8>)>,
}

impl Remains {
    pub fn text(&self, place: &str) -> String {
        let (_, text) = self.places.iter().find(|(name, _)| *name == place).expect("a place");
        String::from_utf8_lossy(text).into_owned()
    }

    pub fn hits(&self) -> Vec<(&'static str, Hit)> {
        let hits = |(place, text): &(&'static str, Vec<u8>)| {
            self.search.hits(text).into_iter().map(|hit| (*place, hit)).collect::<Vec<_>>()
        };
        self.places.iter().flat_map(hits).collect()
    }
}

impl Person {
    /// The body of a registration in which everything is marked.
    pub fn registration(&self, town: &Town, session: Option<&str>) -> Value {
        let mut body = self.me.registration(session.unwrap_or_default());
        for (pointer, value) in [
            ("/accountAttributes/name", town.draw("a device name")),
            ("/accountAttributes/registrationLock", self.lock.clone()),
            ("/accountAttributes/recoveryPassword", self.recovery.clone()),
            ("/accountAttributes/unidentifiedAccessKey", self.access_key.clone()),
        ] {
            put(&mut body, pointer, Some(json!(value)));
        }
        put(&mut body, "/gcmToken", Some(json!({"gcmRegistrationId": town.draw("a push token")})));
        put(&mut body, "/accountAttributes/fetchesMessages", Some(json!(false)));
        if session.is_none() {
            put(&mut body, "/sessionId", None);
        }
        body
    }

    pub async fn register(&mut self, town: &Town, session: &str) {
        let body = self.registration(town, Some(session));
        let answer = town.send_as(&self.number, &self.me.password, "POST", "/v1/registration", &body).await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        self.aci = answer.json()["uuid"].as_str().unwrap().to_owned();
    }

    pub async fn ask(&self, town: &Town, method: &str, path: &str, body: &Value) -> Answer {
        town.send_as(&self.aci, &self.me.password, method, path, body).await
    }
}
