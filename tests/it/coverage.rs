//! Walks the route table: whatever nonsense a route is sent, it is neither let in nor brought down, and it is documented.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use signet::call::Method;
use signet::routes::{Access, LONGEST_BODY, ROUTES, Route};
use signet_tests::client::basic;
use signet_tests::{Answer, Table, TestRegistry};

/// The route's path with this for what it names: a session, say, or a device.
fn path(route: &Route, name: &str) -> String {
    let names = [
        "{session}",
        "{identifier}",
        "{device}",
        "{tokenIdentifier}",
        "{token}",
        "{destination}",
        "{hash}",
        "{handle}",
        "{key}",
    ];
    let mut path = names.iter().fold(route.template.to_owned(), |path, placeholder| path.replace(placeholder, name));
    if route.waits {
        // Nobody waits for nothing, and what is waited for no time at all is nonsense too.
        path.push_str("?timeout=0");
    }
    assert!(!path.contains('{'), "teach this test what {} stands for", route.template);
    path
}

/// Paths on which there is nothing of ours, and on which there is something.
async fn paths(t: &TestRegistry, route: &Route) -> Vec<String> {
    let known = t.client.begin_session("+12025550150").await.expect(200);
    let mut paths = vec![
        path(route, known["id"].as_str().expect("an id")),
        path(route, &URL_SAFE.encode([3; 16])),
        path(route, "rubbish"),
        path(route, "%00%ff"),
    ];
    paths.dedup();
    paths
}

fn is_refusal(answer: &Answer) -> bool {
    (400..500).contains(&answer.status)
}

fn name(route: &Route) -> String {
    format!("{} {}", route.method.as_str(), route.template)
}

/// `GET` of something that anybody may see is the only thing that needs neither credentials nor a body.
fn needs_nothing(route: &Route) -> bool {
    route.method == Method::Get && route.access == Access::Anyone
}

const CREDENTIALS: [Option<&str>; 5] =
    [None, Some(""), Some("Basic"), Some("Basic !!!!"), Some("Bearer bm90aGluZzpub3RoaW5n")];

#[tokio::test]
async fn nonsense_is_refused_by_every_route() {
    let t = TestRegistry::start();
    let unknown = basic("00000000-0000-4000-8000-000000000000", "password");
    let credentials: Vec<_> = CREDENTIALS.into_iter().chain([Some(unknown.as_str())]).collect();
    let bodies: [&[u8]; 9] =
        [b"", b"{", b"[]", b"null", b"\"text\"", b"\xff\xfe\x00", b"{\"a\":", b"{\"\\ud800\":1}", &[b'['; 10_000]];
    let mut table = Table::default();
    for route in ROUTES {
        for path in paths(&t, route).await {
            for credentials in &credentials {
                for body in bodies {
                    let mut headers = vec![("content-type", "application/json")];
                    headers.extend(credentials.map(|value| ("authorization", value)));
                    let answer = t.client.send(route.method.as_str(), &path, &headers, body).await;
                    let fine = is_refusal(&answer) || (needs_nothing(route) && answer.status == 200);
                    let shown = String::from_utf8_lossy(&body[..body.len().min(12)]).into_owned();
                    let what = format!("{} at {path} as {credentials:?} with {shown:?}", name(route));
                    table.row(what, (fine, answer.status), (true, answer.status));
                    assert!(answer.header("x-signal-timestamp").is_some());
                }
            }
        }
    }
    table.close();
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_by_every_route() {
    let t = TestRegistry::start();
    let mut table = Table::default();
    for route in ROUTES {
        let too_long = vec![b' '; LONGEST_BODY + 1];
        for path in paths(&t, route).await {
            let answer = t.client.send(route.method.as_str(), &path, &[], too_long.clone()).await;
            table.row(format!("{} at {path}", name(route)), answer.status, 413);
        }
    }
    table.close();
}

#[tokio::test]
async fn a_route_for_devices_wants_a_device() {
    let t = TestRegistry::start();
    let mut table = Table::default();
    for route in ROUTES.iter().filter(|route| route.access == Access::Device) {
        for path in paths(&t, route).await {
            table.row(name(route), t.client.send(route.method.as_str(), &path, &[], "{}").await.status, 401);
        }
    }
    table.close();
}

#[tokio::test]
async fn a_method_that_a_route_does_not_have_is_405() {
    let t = TestRegistry::start();
    let mut table = Table::default();
    for route in ROUTES {
        let has = |method: &str| ROUTES.iter().any(|r| r.template == route.template && r.method.as_str() == method);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(|method| !has(method)) {
            let answer = t.client.send(method, &path(route, "rubbish"), &[], "").await;
            table.row(format!("{method} {}", route.template), answer.status, 405);
        }
    }
    table.close();
}

#[test]
fn every_route_is_documented() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../service/docs");
    let files = std::fs::read_dir(&docs).expect("service/docs");
    let text: String = files
        .map(|file| file.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| std::fs::read_to_string(path).expect("text"))
        .collect();
    let mut table = Table::default();
    for route in ROUTES {
        let (method, template) = (route.method.as_str(), format!("`{}`", route.template));
        let documented = text.lines().any(|line| line.contains(method) && line.contains(&template));
        table.row(name(route), documented, true);
    }
    table.close();
}

#[test]
fn the_table_names_every_route_once() {
    for (n, route) in ROUTES.iter().enumerate() {
        let same = |other: &&Route| other.method == route.method && other.template == route.template;
        assert!(!ROUTES[..n].iter().any(|other| same(&other)), "{}", name(route));
    }
}
