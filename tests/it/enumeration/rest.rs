//! The routes, over plain HTTP, the entrance and a socket: each asked the same about a known and an unknown one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use signet::routes::{ROUTES, Route};
use signet_tests::client::basic;
use signet_tests::{Client, Socket, Table};

use super::answers::{Contract, Differs, Same, Seen};
use super::scene::{RECOVERY, Scene, Subject};

/// A question, and how the answers to it compare.
struct Question {
    what: &'static str,
    contract: Contract,
    /// By whom: a device with an account, or nobody.
    by_a_device: bool,
    ask: fn(&Scene, &Subject) -> Ask,
}

struct Ask {
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

fn ask(path: impl Into<String>, body: Value) -> Ask {
    Ask { path: path.into(), headers: Vec::new(), body }
}

impl Ask {
    fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

fn anybody(what: &'static str, contract: Contract, ask: fn(&Scene, &Subject) -> Ask) -> Question {
    Question { what, contract, by_a_device: false, ask }
}

fn device(what: &'static str, contract: Contract, ask: fn(&Scene, &Subject) -> Ask) -> Question {
    Question { what, contract, by_a_device: true, ask }
}

/// What each route can be asked about somebody. Of routes that name the caller's own things alone it can be asked nothing.
fn questions(route: &Route) -> Vec<Question> {
    let own = Vec::new;
    match (route.method.as_str(), route.template) {
        ("POST", "/v1/verification/session") => {
            vec![anybody("a number", Same, |_, who| ask("/v1/verification/session", json!({"number": who.number})))]
        }
        ("PATCH", "/v1/verification/session/{session}") => vec![
            anybody("a session about a number", Same, |_, who| ask(session(who), json!({"captcha": "a"}))),
            anybody("ids of sessions that are not there", Same, |_, who| ask(no_session(who), json!({}))),
        ],
        ("GET", "/v1/verification/session/{session}") => vec![
            anybody("a session about a number", Same, |_, who| ask(session(who), Value::Null)),
            anybody("ids of sessions that are not there", Same, |_, who| ask(no_session(who), Value::Null)),
            anybody("whether there is a session", Differs("§4.4: whoever has an id began it"), |s, who| {
                ask(if who.number == s.known.number { session(who) } else { no_session(who) }, Value::Null)
            }),
        ],
        ("POST", "/v1/verification/session/{session}/code") => vec![anybody("a number", Same, |_, who| {
            ask(format!("{}/code", session(who)), json!({"transport": "sms", "client": "ios"}))
        })],
        ("PUT", "/v1/verification/session/{session}/code") => {
            vec![anybody("a number", Same, |_, who| ask(format!("{}/code", session(who)), json!({"code": "wrong"})))]
        }
        ("POST", "/v1/registration") => registration(),
        ("HEAD", "/v1/accounts/account/{identifier}") => vec![
            anybody("an ACI", Differs("§9.6"), |_, who| ask(format!("/v1/accounts/account/{}", who.aci), Value::Null)),
            anybody("a PNI", Differs("§9.6"), |_, who| {
                ask(format!("/v1/accounts/account/PNI:{}", who.pni), Value::Null)
            }),
            device("by one who is known", Same, |_, who| ask(format!("/v1/accounts/account/{}", who.aci), Value::Null)),
        ],
        ("GET", "/v1/accounts/username_hash/{hash}") => vec![
            anybody("a username", Differs("§9.4"), |_, who| ask(username(who), Value::Null)),
            device("by one who is known", Same, |_, who| ask(username(who), Value::Null)),
        ],
        // Handles are random: of one that was not given to somebody nothing can be asked.
        ("GET", "/v1/accounts/username_link/{handle}") => vec![anybody("a handle that is none", Same, |_, who| {
            ask(format!("/v1/accounts/username_link/{}", who.aci), Value::Null)
        })],
        ("PUT", "/v1/accounts/username_hash/reserve") => vec![device("a name", Differs("§9.4: 409"), |_, who| {
            let body = json!({"usernameHashes": [URL_SAFE_NO_PAD.encode(who.username)]});
            ask("/v1/accounts/username_hash/reserve", body)
        })],
        ("PUT", "/v1/accounts/username_hash/confirm") => {
            vec![device("a name not reserved, without a proof", Same, |_, who| {
                let hash = URL_SAFE_NO_PAD.encode(who.username);
                let body = json!({"usernameHash": hash, "zkProof": URL_SAFE_NO_PAD.encode([7; 128])});
                ask("/v1/accounts/username_hash/confirm", body)
            })]
        }
        ("PUT", "/v1/devices/link") => vec![anybody("an account, by a token of one's own making", Same, |_, who| {
            ask("/v1/devices/link", who.me.linking(&who.link_token)).with("authorization", basic("nobody", "password"))
        })],
        ("PUT", "/v1/devices/restore_account/{token}") => vec![anybody("a token", Same, |_, who| {
            ask(format!("/v1/devices/restore_account/{}", who.aci), json!({"method": "DECLINE"}))
        })],
        ("GET", "/v1/devices/restore_account/{token}") => vec![anybody("a token that nobody uses", Same, |_, who| {
            ask(format!("/v1/devices/restore_account/{}?timeout=1", who.pni), Value::Null)
        })],
        ("PUT", "/v1/provisioning/{destination}") => vec![device("an address where nobody listens", Same, |_, who| {
            ask(format!("/v1/provisioning/{}", who.aci), json!({"body": STANDARD.encode([7; 50])}))
        })],
        ("POST", path @ ("/v2/svr/auth/check" | "/v2/backup/auth/check")) => svr(path),
        ("GET", "/v2/keys/{identifier}/{device}") => keys(),
        ("POST", "/v1/profile/identity_check/batch") => vec![
            anybody("an identity, by its fingerprint", Same, |_, who| identity(who, &who.aci, who.fingerprint)),
            anybody("an identity, by another", Differs("keys-devices §1.7"), |_, who| identity(who, &who.aci, [1; 4])),
        ],
        ("PUT", "/v2/accounts/number") => vec![device("a number, without its code", Same, |s, who| {
            let mut body = s.asking.me.registration(&who.session);
            for (name, value) in
                [("number", json!(who.number)), ("deviceMessages", json!([])), ("registrationLock", Value::Null)]
            {
                body[name] = value;
            }
            for (name, value) in [
                ("devicePniSignedPrekeys", body["pniSignedPreKey"].clone()),
                ("devicePniPqLastResortPrekeys", body["pniPqLastResortPreKey"].clone()),
                ("pniRegistrationIds", json!(5)),
            ] {
                body[name] = json!({"1": value});
            }
            ask("/v2/accounts/number", body)
        })],
        (
            "GET",
            "/v1/accounts/whoami"
            | "/v1/devices"
            | "/v1/devices/provisioning/code"
            | "/v2/svr/auth"
            | "/v2/backup/auth",
        ) => own(),
        (
            "GET",
            "/v2/keys" | "/v1/devices/transfer_archive" | "/v1/devices/wait_for_linked_device/{tokenIdentifier}",
        ) => own(),
        ("PUT", "/v2/keys" | "/v1/devices/transfer_archive" | "/v1/devices/capabilities" | "/v1/accounts/name") => {
            own()
        }
        ("PUT", "/v2/accounts/phone_number_discoverability" | "/v1/accounts/attributes") => own(),
        ("POST", "/v2/keys/check") | ("DELETE", "/v1/accounts/me" | "/v1/devices/{device}") => own(),
        ("PUT" | "DELETE", "/v1/accounts/gcm" | "/v1/accounts/apn" | "/v1/accounts/registration_lock") => own(),
        ("PUT" | "DELETE", "/v1/accounts/username_link" | "/v1/accounts/totp/{key}") => own(),
        ("DELETE", "/v1/accounts/username_hash") | ("GET", "/v2/accounts/data_report") => own(),
        ("GET" | "POST", "/v1/accounts/totp") | ("PUT", "/v1/accounts/totp/confirm") => own(),
        (method, template) => panic!("{method} {template}: say what it can be asked about somebody, and what it tells"),
    }
}

fn registration() -> Vec<Question> {
    vec![
        anybody("a number, by a session without a code", Same, |_, who| {
            ask("/v1/registration", who.registration(&who.session, None))
                .with("authorization", basic(who.number, "password"))
        }),
        anybody("a number, by no session", Same, |_, who| {
            let body = who.registration("AAAAAAAAAAAAAAAAAAAAAA==", None);
            ask("/v1/registration", body).with("authorization", basic(who.number, "password"))
        }),
        anybody("a number, by a wrong recovery password", Same, |_, who| {
            ask("/v1/registration", who.registration("", Some(&[1; 32])))
                .with("authorization", basic(who.number, "password"))
        }),
        anybody("an account, by a wrong recovery password", Same, |_, who| {
            ask("/v1/registration", who.registration("", Some(&[1; 32])))
                .with("authorization", basic(&who.aci, "password"))
        }),
        // Last: it registers the known one anew.
        anybody("a number, proven", Differs("§3.5: whoever has proved it may know"), |_, who| {
            ask("/v1/registration", who.registration("", Some(&RECOVERY)))
                .with("authorization", basic(who.number, &who.password))
        }),
    ]
}

fn svr(path: &'static str) -> Vec<Question> {
    if path.starts_with("/v2/backup") {
        return vec![anybody("a number, by credentials of one's own making", Same, |_, who| {
            ask("/v2/backup/auth/check", json!({"number": who.number, "tokens": ["a:b", "00:1783944000:00"]}))
        })];
    }
    vec![anybody("a number, by credentials of one's own making", Same, |_, who| {
        ask("/v2/svr/auth/check", json!({"number": who.number, "tokens": ["a:b", "00:1783944000:00"]}))
    })]
}

fn keys() -> Vec<Question> {
    vec![
        anybody("an account, with a wrong access key", Same, |_, who| {
            let key = STANDARD.encode([1; 16]);
            ask(format!("/v2/keys/{}/*", who.aci), Value::Null).with("unidentified-access-key", key)
        }),
        anybody("a device, with a wrong access key", Same, |_, who| {
            let key = STANDARD.encode([1; 16]);
            ask(format!("/v2/keys/{}/77", who.aci), Value::Null).with("unidentified-access-key", key)
        }),
        anybody("a number's identity, with any", Same, |_, who| {
            let key = STANDARD.encode([7; 16]);
            ask(format!("/v2/keys/PNI:{}/1", who.pni), Value::Null).with("unidentified-access-key", key)
        }),
        anybody("an account, with nothing", Same, |_, who| ask(format!("/v2/keys/{}/1", who.aci), Value::Null)),
        anybody("an account, with its key", Differs("keys-devices §1.5"), |_, who| {
            let key = STANDARD.encode([7; 16]);
            ask(format!("/v2/keys/{}/1", who.aci), Value::Null).with("unidentified-access-key", key)
        }),
        device("an account", Differs("keys-devices §1.5"), |_, who| {
            ask(format!("/v2/keys/{}/1", who.aci), Value::Null)
        }),
    ]
}

fn session(who: &Subject) -> String {
    format!("/v1/verification/session/{}", who.session)
}

/// An id like those that there are, for each its own.
fn no_session(who: &Subject) -> String {
    format!("/v1/verification/session/{}AAAA", &URL_SAFE_NO_PAD.encode(who.username)[..18])
}

fn username(who: &Subject) -> String {
    format!("/v1/accounts/username_hash/{}", URL_SAFE_NO_PAD.encode(who.username))
}

fn identity(_: &Subject, id: &str, fingerprint: [u8; 4]) -> Ask {
    let element = json!({"uuid": id, "fingerprint": STANDARD.encode(fingerprint)});
    ask("/v1/profile/identity_check/batch", json!({"elements": [element]}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_and_unknown_are_answered_alike_but_where_the_contract_says() {
    let mut table = Table::default();
    for route in ROUTES {
        for question in questions(route) {
            // Each has a registry of its own: what one question changes does not show in another.
            let scene = Scene::set().await;
            let name = format!("{} {}, {}", route.method.as_str(), route.template, question.what);
            for (way, [known, unknown]) in by_all_ways(&scene, route, &question).await {
                match question.contract {
                    Same => table.row(format!("{name}, {way}"), known, unknown),
                    Differs(why) => table.row(format!("{name}, {way}, differs by {why}"), known != unknown, true),
                }
            }
        }
    }
    table.close();
}

async fn by_all_ways(scene: &Scene, route: &Route, question: &Question) -> Vec<(&'static str, [Seen; 2])> {
    let t = &scene.t;
    let entrance = Client::new(t.plain, t.management);
    let mut socket = match question.by_a_device {
        true => Socket::of_device(t.plain, &scene.asking.aci, &scene.asking.password).await,
        false => Socket::anonymous(t.plain).await,
    };
    let mut seen: [Vec<Seen>; 3] = Default::default();
    let credentials = scene.asking.credentials();
    // What may be done once is done once, so by one way.
    let once = matches!(question.contract, Differs(_)) && route.template == "/v1/registration";
    for who in [&scene.known, &scene.unknown] {
        let Ask { path, headers, body } = (question.ask)(scene, who);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("content-type", "application/json"));
        if question.by_a_device {
            headers.push(("authorization", credentials.as_str()));
        }
        let (method, names) = (route.method.as_str(), scene.names());
        seen[0].push(Seen::of(&t.client.send(method, &path, &headers, body.clone()).await, &names));
        if !once {
            seen[1].push(Seen::of(&entrance.send(method, &path, &headers, body.clone()).await, &names));
            seen[2].push(Seen::of(&socket.send(method, &path, &headers, body).await, &names));
        }
    }
    let ways = ["over REST", "over the entrance", "through a socket"];
    ways.into_iter().zip(seen).filter_map(|(way, seen)| Some((way, seen.try_into().ok()?))).collect()
}
