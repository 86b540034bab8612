//! Whatever way in a request takes, the answer is the same: plain HTTP, the entrance's HTTP/1.1, and a socket.

use std::collections::BTreeMap;

use signet::call::Method;
use signet::routes::{ROUTES, Route};
use signet_config::{Config, LimitId};
use signet_tests::client::basic;
use signet_tests::{Answer, Client, Socket, Table, TestRegistry};

use super::Person;

/// All ways in, for one who is asking.
struct Ways {
    rest: Client,
    entrance: Client,
    socket: Socket,
    authorization: Option<String>,
}

impl Ways {
    async fn open(t: &TestRegistry, who: Option<&Person>) -> Self {
        let socket = match who {
            Some(who) => who.open(t).await,
            None => Socket::anonymous(t.plain).await,
        };
        let authorization = who.map(|who| basic(&who.aci, &who.password));
        Self { rest: t.client.clone(), entrance: Client::new(t.plain, t.management), socket, authorization }
    }

    async fn ask(&mut self, route: &Route, path: &str, body: &[u8]) -> [Seen; 3] {
        let method = route.method.as_str();
        let mut headers =
            vec![("content-type", "application/json"), ("unidentified-access-key", "BwcHBwcHBwcHBwcHBwcHBw==")];
        headers.extend(self.authorization.iter().map(|value| ("authorization", value.as_str())));
        let plain = self.rest.send(method, path, &headers, body).await;
        let entrance = self.entrance.send(method, path, &headers, body).await;
        // Routes that read the header themselves see it in both; who asks is settled by the socket.
        let tunnelled = self.socket.send(method, path, &headers, body).await;
        [plain, entrance, tunnelled].map(seen)
    }
}

/// An answer without what belongs to its wire alone, or to the moment.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

fn seen(answer: Answer) -> Seen {
    const OF_THE_WIRE: [&str; 5] = ["date", "connection", "transfer-encoding", "content-length", "server-timing"];
    let headers = answer.headers.iter().filter(|(name, _)| !OF_THE_WIRE.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    Seen { status: answer.status, headers, body: answer.text }
}

fn unlimited(config: &mut Config) {
    for id in LimitId::ALL {
        let mut limit = config.limits.get(*id);
        limit.size = limit.size.max(100_000);
        config.limits.set(*id, limit);
    }
}

/// Paths with something of ours behind them, and with nothing.
fn paths(route: &Route, alice: &Person, session: &str) -> Vec<String> {
    let fill = |session: &str, identifier: &str, device: &str, token: &str| {
        let mut path = route.template.to_owned();
        for (name, value) in [
            ("{session}", session),
            ("{identifier}", identifier),
            ("{device}", device),
            ("{tokenIdentifier}", token),
            ("{token}", token),
            ("{destination}", token),
            ("{hash}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            ("{handle}", "00000000-0000-4000-8000-000000000000"),
            ("{key}", "7"),
        ] {
            path = path.replace(name, value);
        }
        assert!(!path.contains('{'), "teach this test what {} stands for", route.template);
        if route.waits { format!("{path}?timeout=0") } else { path }
    };
    let mut paths = vec![
        fill(session, &alice.aci, "*", "0123456789abcdef"),
        fill("rubbish", "rubbish", "rubbish", "rubbish"),
        fill("%00%ff", "PNI:%41", "%2A", "%2F"),
    ];
    paths.dedup();
    paths
}

#[tokio::test]
async fn every_route_answers_alike_by_every_way_in() {
    let t = TestRegistry::start_with(unlimited);
    let alice = Person::register(&t, "+12025550101").await;
    let session = t.verified_session("+12025550102").await;
    let bodies: [&[u8]; 6] = [b"", b"{}", b"{", b"null", b"[1]", b"{\"number\":5,\"preKeys\":{}}"];
    let mut table = Table::default();
    for who in [None, Some(&alice)] {
        let mut ways = Ways::open(&t, who).await;
        for route in ROUTES {
            for path in paths(route, &alice, &session) {
                for body in bodies {
                    let does_something = who.is_some() && route.template == "/v1/accounts/me";
                    if does_something || route.method == Method::Head && !body.is_empty() {
                        continue;
                    }
                    let [plain, entrance, tunnelled] = ways.ask(route, &path, body).await;
                    let name = format!("{} {path} as {:?}", route.method.as_str(), who.map(|_| "a device"));
                    // What is drawn or dated anew each time is compared by its shape alone.
                    let fresh = [
                        "/v1/devices/provisioning/code",
                        "/v2/svr/auth",
                        "/v2/backup/auth",
                        "/v2/keys/{identifier}/{device}",
                        "/v1/accounts/totp",
                        "/v2/accounts/data_report",
                    ];
                    if plain.status == 200 && fresh.contains(&route.template) || route.template == "/v1/devices" {
                        table.row(format!("{name}: entrance"), shape(&entrance), shape(&plain));
                        table.row(format!("{name}: socket"), shape(&tunnelled), shape(&plain));
                    } else {
                        table.row(format!("{name}: entrance"), &entrance, &plain);
                        table.row(format!("{name}: socket"), &tunnelled, &plain);
                    }
                }
            }
        }
    }
    table.close();
}

fn shape(seen: &Seen) -> (u16, Vec<String>, Vec<String>) {
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap_or_default();
    let names = body.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default();
    (seen.status, seen.headers.keys().cloned().collect(), names)
}
