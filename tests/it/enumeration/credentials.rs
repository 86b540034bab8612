//! Credentials: whatever is wrong with them, whoever they are of, the refusal is the same; on every route, by every way in.

use signet::grpc::methods::METHODS;
use signet::routes::{Access, ROUTES};
use signet_tests::client::basic;
use signet_tests::grpc::Wire;
use signet_tests::socket::CHAT;
use signet_tests::table::put;
use signet_tests::{Client, Socket, Table};

use super::answers::Seen;
use super::scene::Scene;

/// All that lets nobody in. The first is of nobody at all: the others are compared with it.
async fn refused(scene: &Scene) -> Vec<(&'static str, String)> {
    let Scene { known, unknown, asking, .. } = scene;
    let gone = removed(scene).await;
    let frozen = frozen(scene).await;
    vec![
        ("an unknown account", basic(&unknown.aci, &unknown.password)),
        ("a wrong password", basic(&known.aci, "wrong")),
        ("an unknown device", basic(&format!("{}.77", known.aci), &known.password)),
        ("an unknown device of nobody", basic(&format!("{}.77", unknown.aci), &known.password)),
        ("somebody else's password", basic(&known.aci, &asking.password)),
        ("an account that was removed", gone),
        ("an account that is frozen", frozen),
        ("a number that is known", basic(known.number, &known.password)),
        ("a number that is not", basic(unknown.number, &known.password)),
        ("a PNI", basic(&known.pni, &known.password)),
        ("no credentials", "rubbish".to_owned()),
    ]
}

async fn removed(scene: &Scene) -> String {
    let (aci, password) = newcomer(scene, "+12025550181", None).await;
    scene.t.client.send_as("DELETE", "/v1/accounts/me", &aci, &password).await.expect(204);
    basic(&aci, &password)
}

/// Somebody proved its number and did not know its lock.
async fn frozen(scene: &Scene) -> String {
    let (aci, password) = newcomer(scene, "+12025550182", Some("27182818")).await;
    let session = scene.t.verified_session("+12025550182").await;
    let body = scene.unknown.me.registration(&session);
    scene.t.client.register("+12025550182", "another", &body).await.expect(423);
    basic(&aci, &password)
}

async fn newcomer(scene: &Scene, number: &str, lock: Option<&str>) -> (String, String) {
    let session = scene.t.verified_session(number).await;
    let me = &scene.asking.me;
    let mut body = me.registration(&session);
    put(&mut body, "/accountAttributes/registrationLock", lock.map(Into::into));
    let made = scene.t.client.register(number, &me.password, &body).await.expect(201);
    (made["uuid"].as_str().unwrap().to_owned(), me.password.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_with_credentials_looks_the_same() {
    let scene = Scene::set().await;
    let (refused, names, t) = (refused(&scene).await, scene.names(), &scene.t);
    let (entrance, wire) = (Client::new(t.plain, t.management), Wire::to(t.plain));
    let mut table = Table::default();
    for route in ROUTES.iter().filter(|route| route.access != Access::Anyone) {
        let path = route.template.replace("{identifier}", &scene.known.aci).replace(['{', '}'], "");
        for (way, client) in [("over REST", &t.client), ("over the entrance", &entrance)] {
            let mut seen = Vec::new();
            for (what, credentials) in &refused {
                let headers = [("authorization", credentials.as_str()), ("content-type", "application/json")];
                let answer = client.send(route.method.as_str(), &path, &headers, "{}").await;
                seen.push((what, Seen::of(&answer, &names)));
            }
            for (what, answer) in &seen {
                let name = format!("{} {}, {what}, {way}", route.method.as_str(), route.template);
                table.row(name, answer, &seen[0].1);
            }
        }
    }
    for method in METHODS {
        let mut first = None;
        for (what, credentials) in &refused {
            let raw = wire.raw(method.path, &[("authorization", credentials)], &[0; 5][..]).await;
            let seen = Seen::of_call(&raw, &names);
            table.row(format!("{}, {what}", method.path), &seen, &*first.get_or_insert_with(|| seen.clone()));
        }
    }
    table.close();
}

/// Where a socket is opened by them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_refused_the_same() {
    let scene = Scene::set().await;
    let (refused, names) = (refused(&scene).await, scene.names());
    let mut table = Table::default();
    let mut first = None;
    for (what, credentials) in &refused {
        let opened = Socket::open(scene.t.plain, CHAT, &[("authorization", credentials)]).await;
        let seen = Seen::of(&opened.err().expect("nobody is let in"), &names);
        table.row(what, &seen, &*first.get_or_insert_with(|| seen.clone()));
    }
    table.close();
}
