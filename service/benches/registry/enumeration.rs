//! Does the time of an answer tell whether there is somebody? Each question is asked about a known and an unknown one, in one run, in
//! random order, on one connection; what the answers themselves tell is compared by `tests/it/enumeration`.
//!
//! Printed are both medians, their ratio, and the p value of a Mann-Whitney test: how often two samples of the same distribution would
//! differ as much. The target is medians within 5 % (service/docs/enumeration.md).

use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_storage::chance::Chance;
use signet_storage::ids::AccountId;

use super::load::{Connection, Measured, Request, credentials};
use super::people::People;
use super::server::Server;

const TARGET: f64 = 0.05;
/// Of each kind, so that no cache holds one side only.
const PEOPLE: usize = 192;

/// Limits of what is asked here again and again.
const MORE: [&str; 6] = [
    "recovery.by_aci=true",
    "limits.backup_auth_check.size=4000000000",
    "limits.backup_auth_check.per=1us",
    "limits.verification_session.size=4000000000",
    "limits.verification_session.per=1us",
    "limits.code_per_number.size=1000000",
];

/// Those whom the registry knows, or those whom it does not.
struct Side {
    acis: Vec<String>,
    numbers: Vec<String>,
    /// Of the session that was begun last.
    session: String,
}

struct Setting {
    sides: [Side; 2],
    /// Good credentials of somebody who is not asked about.
    svr: String,
    registration: String,
}

struct Question {
    name: &'static str,
    ask: fn(&Setting, &Side, usize) -> Request,
    millis: [Vec<f64>; 2],
}

pub async fn run(directory: &Path, count: usize) {
    let server = Server::start_with(&directory.join("enumeration"), &MORE).await;
    let mut setting = Setting::of(&server).await;
    let mut questions = questions();
    let mut connection = Connection::open(server.http).await;
    let chance = Chance::system();
    for n in 0..count + count / 20 {
        // A session is begun before its code is asked for; all else comes in any order.
        let mut order: Vec<(usize, usize)> = (1..questions.len()).flat_map(|q| [(q, 0), (q, 1)]).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, chance.below(u32::try_from(i + 1).expect("few")) as usize);
        }
        let first = chance.below(2) as usize;
        for (question, side) in [(0, first), (0, 1 - first)].into_iter().chain(order) {
            let millis = once(&mut connection, &mut setting, &questions[question], side, n).await;
            // The first ones warm both sides up.
            if n >= count / 20 {
                questions[question].millis[side].push(millis);
            }
        }
    }
    println!("\nanswers about known and unknown ones, {count} of each, interleaved: medians in ms");
    println!("{:<44} {:>8} {:>8} {:>7} {:>9}", "", "known", "unknown", "ratio", "p");
    questions.into_iter().for_each(report);
}

#[allow(clippy::disallowed_methods, reason = "a bench measures")]
async fn once(connection: &mut Connection, setting: &mut Setting, question: &Question, side: usize, n: usize) -> f64 {
    let Request { method, path, header, body, expected } = (question.ask)(setting, &setting.sides[side], n);
    let asked = Instant::now();
    let (status, told) = connection.send(method, &path, &header, &body).await;
    let millis = asked.elapsed().as_secs_f64() * 1000.0;
    assert_eq!(status, expected, "{}: {told}", question.name);
    if question.name == questions()[0].name {
        let told: Value = serde_json::from_str(&told).expect("a session");
        told["id"].as_str().expect("an id").clone_into(&mut setting.sides[side].session);
    }
    millis
}

fn report(question: Question) {
    let Question { name, millis, .. } = question;
    let p = mann_whitney(&millis);
    let [known, unknown] = millis.map(|millis| Measured { millis, ..Measured::default() }.quantile(0.5));
    let met = if (known / unknown - 1.0).abs() <= TARGET { "met" } else { "MISSED" };
    println!("{name:<44} {known:>8.3} {unknown:>8.3} {:>7.3} {p:>9.4}  target: {met}", known / unknown);
}

impl Setting {
    async fn of(server: &Server) -> Self {
        let mut people = People::register(server, PEOPLE + 32).await;
        let chance = Chance::system();
        let mut connection = Connection::open(server.http).await;
        let (_, issued) = connection.send("GET", "/v2/svr/auth", &people.authorization(PEOPLE), "").await;
        let issued: Value = serde_json::from_str(&issued).expect("credentials");
        let text = |name: &str| issued[name].as_str().expect("text").to_owned();
        let svr = format!("{}:{}", text("username"), text("password"));
        let known = Side {
            acis: people.acis.drain(..PEOPLE).collect(),
            numbers: people.numbers.drain(..PEOPLE).collect(),
            session: String::new(),
        };
        let unknown = Side {
            acis: (0..PEOPLE).map(|_| AccountId::draw(&chance).to_string()).collect(),
            numbers: (0..PEOPLE).map(|n| format!("+1202{}", 7_000_000 + n)).collect(),
            session: String::new(),
        };
        Self { sides: [known, unknown], svr, registration: by_password() }
    }
}

/// A registration by a recovery password that is nobody's.
fn by_password() -> String {
    let mut body: Value = serde_json::from_str(&super::load::body(None)).expect("a body");
    body["sessionId"] = Value::Null;
    body["recoveryPassword"] = json!(STANDARD.encode([1; 32]));
    body["accountAttributes"]["recoveryPassword"] = json!(STANDARD.encode([2; 32]));
    body.to_string()
}

fn questions() -> Vec<Question> {
    let question = |name, ask| Question { name, ask, millis: Default::default() };
    vec![
        question("create session", |_, who, n| {
            let body = json!({"number": who.number(n)}).to_string();
            post("/v1/verification/session", String::new(), body, 200)
        }),
        question("request a code", |_, who, _| {
            let body = json!({"transport": "sms", "client": "ios"}).to_string();
            post(format!("/v1/verification/session/{}/code", who.session), String::new(), body, 200)
        }),
        question("authentication, account and wrong password", |_, who, n| whoami(&who.aci(n), "1:wrong")),
        question("authentication, device of a known account", |setting, who, n| {
            // Both are of the known: one device is there, the other is not.
            let there = std::ptr::eq(who, &setting.sides[0]);
            whoami(&setting.sides[0].aci(n), if there { "1:wrong" } else { "7:wrong" })
        }),
        question("recovery credentials, made up", |_, who, n| svr(&who.number(n), "a:1783944000:b")),
        question("recovery credentials, somebody else's", |setting, who, n| svr(&who.number(n), &setting.svr)),
        question("keys, wrong access key", |_, who, n| {
            let header = format!("unidentified-access-key: {}", STANDARD.encode([1; 16]));
            let path = format!("/v2/keys/{}/*", who.aci(n));
            Request { method: "GET", path, header, body: "".into(), expected: 401 }
        }),
        question("registration, wrong recovery password", |setting, who, n| {
            post("/v1/registration", credentials(&who.number(n)), setting.registration.clone(), 403)
        }),
        question("registration by ACI, wrong recovery password", |setting, who, n| {
            post("/v1/registration", credentials(&who.aci(n)), setting.registration.clone(), 403)
        }),
    ]
}

impl Side {
    fn aci(&self, n: usize) -> String {
        self.acis[n % self.acis.len()].clone()
    }

    fn number(&self, n: usize) -> String {
        self.numbers[n % self.numbers.len()].clone()
    }
}

fn post(path: impl Into<String>, header: String, body: String, expected: u16) -> Request {
    let header = if header.is_empty() { "x-nothing: 1".to_owned() } else { header };
    Request { method: "POST", path: path.into(), header, body: body.into(), expected }
}

fn whoami(aci: &str, device: &str) -> Request {
    let header = format!("authorization: Basic {}", STANDARD.encode(format!("{aci}.{device}")));
    Request { method: "GET", path: "/v1/accounts/whoami".to_owned(), header, body: "".into(), expected: 401 }
}

fn svr(number: &str, token: &str) -> Request {
    let body = json!({"number": number, "tokens": [token]}).to_string();
    post("/v2/svr/auth/check", String::new(), body, 200)
}

/// The two-sided p value by the normal approximation, which is good from some dozens on. Ties are as good as none: times are fine-grained.
fn mann_whitney([one, other]: &[Vec<f64>; 2]) -> f64 {
    let mut all: Vec<(f64, bool)> = one.iter().map(|x| (*x, true)).chain(other.iter().map(|x| (*x, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranks = all.iter().enumerate().filter(|(_, (_, mine))| *mine).map(|(rank, _)| rank as f64 + 1.0);
    let (n, m) = (one.len() as f64, other.len() as f64);
    let u = ranks.sum::<f64>() - n * (n + 1.0) / 2.0;
    let z = (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt();
    complementary_error(z.abs() / std::f64::consts::SQRT_2)
}

/// erfc of what is not negative, to seven digits (Abramowitz and Stegun 7.1.26).
fn complementary_error(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    series.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t) * (-x * x).exp()
}
