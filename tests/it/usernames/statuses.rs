//! Every status of §9.1, §9.4 and §9.5, over REST and through a socket; gRPC has a table of its own (`grpc/usernames.rs`).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use signet_config::LimitId;
use signet_tests::table::put;
use signet_tests::{Answer, Socket, Table};

use super::{CONFIRM, LINK, Person, RESERVE, Town, USERNAME, limit, name, names, url};

/// How a request gets there.
enum Way {
    Rest,
    Socket(Box<Socket>),
}

/// Somebody who asks, by one way.
struct Asker<'a> {
    town: &'a Town,
    who: Option<Person>,
    way: Way,
}

impl<'a> Asker<'a> {
    async fn new(town: &'a Town, who: Option<&Person>, socket: bool) -> Self {
        let way = match (socket, who) {
            (false, _) => Way::Rest,
            (true, None) => Way::Socket(Box::new(Socket::anonymous(town.t.plain).await)),
            (true, Some(who)) => {
                let user = who.aci.to_string();
                Way::Socket(Box::new(Socket::of_device(town.t.plain, &user, &who.password).await))
            }
        };
        Self { town, who: who.cloned(), way }
    }

    async fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let authorization = self.who.as_ref().map(Person::credentials);
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        match &mut self.way {
            Way::Rest => self.town.t.client.send(method, path, &headers, body).await,
            Way::Socket(socket) => socket.send(method, path, &[("content-type", "application/json")], body).await,
        }
    }

    async fn status(&mut self, method: &str, path: &str, body: &Value) -> u16 {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(method, path, &body).await.status
    }
}

const WAYS: [bool; 2] = [false, true];

#[tokio::test]
async fn reservations() {
    let mut table = Table::default();
    for socket in WAYS {
        let town = Town::open();
        let [me, other] = town.people().await;
        let mine: Vec<_> = names::all().take(25).collect();
        let (taken, reserved) = (&mine[20], &mine[21]);
        town.take(&other, taken).await;
        town.reserve(&other, &[reserved]).await.unwrap();
        let mut asker = Asker::new(&town, Some(&me), socket).await;
        for (what, body, status) in [
            ("nothing", "", 422),
            ("no JSON", "{", 400),
            ("no list", "{}", 422),
            ("null", r#"{"usernameHashes":null}"#, 422),
            ("an empty list", r#"{"usernameHashes":[]}"#, 422),
            ("a list of null", r#"{"usernameHashes":[null]}"#, 422),
            ("no base64", r#"{"usernameHashes":["!"]}"#, 422),
            ("a text", r#"{"usernameHashes":"A"}"#, 422),
        ] {
            table.row(what, asker.ask("PUT", RESERVE, body).await.status, status);
        }
        let hashes =
            |hashes: &[Vec<u8>]| json!({"usernameHashes": hashes.iter().map(|hash| url(hash)).collect::<Vec<_>>()});
        let list = |count: usize| hashes(&mine.iter().take(count).map(|name| name.hash.clone()).collect::<Vec<_>>());
        for (what, body, status) in [
            ("a short one", hashes(&[vec![7; 31]]), 422),
            ("a long one", hashes(&[vec![7; 33]]), 422),
            ("a short one after a good one", hashes(&[mine[0].hash.clone(), vec![]]), 422),
            ("the other alphabet", json!({"usernameHashes": [STANDARD.encode([0xfb; 32])]}), 422),
            ("twenty-one", list(21), 422),
            ("somebody's", names::reservation(&[taken]), 409),
            ("reserved by somebody", names::reservation(&[reserved, taken]), 409),
            ("twenty", list(20), 200),
            ("padded", json!({"usernameHashes": [URL_SAFE.encode(&mine[1].hash)]}), 200),
            ("a third one, that is free", names::reservation(&[taken, reserved, &mine[2]]), 200),
            ("the same again", names::reservation(&[&mine[2]]), 200),
        ] {
            table.row(what, asker.status("PUT", RESERVE, &body).await, status);
        }
        table.row("what is reserved", town.username(&me).await.reserved_hash, Some(mine[2].opaque()));
        let mut nobody = Asker::new(&town, None, socket).await;
        table.row("nobody", nobody.status("PUT", RESERVE, &list(1)).await, 401);
        town.audit().await;
    }
    table.close();
}

#[tokio::test]
async fn confirmations() {
    let mut table = Table::default();
    for socket in WAYS {
        let town = Town::open();
        let [me, other] = town.people().await;
        let (mine, late, second) = (name(0), name(1), name(2));
        let mut asker = Asker::new(&town, Some(&me), socket).await;
        table.row("no JSON", asker.ask("PUT", CONFIRM, "{").await.status, 400);
        table.row("nothing", asker.ask("PUT", CONFIRM, "").await.status, 422);
        table.row("before a reservation", asker.status("PUT", CONFIRM, &mine.confirmation(None)).await, 409);
        town.reserve(&me, &[&mine]).await.unwrap();
        for (what, field, value, status) in [
            ("no hash", "/usernameHash", None, 422),
            ("null for a hash", "/usernameHash", Some(Value::Null), 422),
            ("a short hash", "/usernameHash", Some(json!(url(&mine.hash[1..]))), 422),
            ("another hash", "/usernameHash", Some(json!(second.encoded())), 422),
            ("no proof", "/zkProof", None, 422),
            ("null for a proof", "/zkProof", Some(Value::Null), 422),
            ("an empty proof", "/zkProof", Some(json!("")), 422),
            ("another's proof", "/zkProof", Some(json!(url(&second.proof))), 422),
            ("a proof in the other alphabet", "/zkProof", Some(json!(STANDARD.encode([0xfb; 128]))), 422),
            ("an empty name", "/encryptedUsername", Some(json!("")), 422),
            ("too long a name", "/encryptedUsername", Some(json!(url(&[7; 129]))), 422),
            ("a name that is no base64", "/encryptedUsername", Some(json!("!")), 422),
            ("the longest name", "/encryptedUsername", Some(json!(url(&[7; 128]))), 200),
            ("once more, without a name", "/encryptedUsername", None, 200),
        ] {
            let mut body = mine.confirmation(Some(b"a name"));
            put(&mut body, field, value);
            table.row(what, asker.status("PUT", CONFIRM, &body).await, status);
        }
        table.row("not reserved", asker.status("PUT", CONFIRM, &second.confirmation(None)).await, 409);
        town.reserve(&me, &[&late]).await.unwrap();
        table.row("another is reserved", asker.status("PUT", CONFIRM, &second.confirmation(None)).await, 409);
        town.t.advance(super::RESERVED);
        town.take(&other, &late).await;
        table.row("somebody was faster", asker.status("PUT", CONFIRM, &late.confirmation(None)).await, 410);
        table.row("the name stays", town.look_up(&mine).await, Some(me.aci));
        let mut nobody = Asker::new(&town, None, socket).await;
        table.row("nobody", nobody.status("PUT", CONFIRM, &mine.confirmation(None)).await, 401);
        town.audit().await;
    }
    table.close();
}

#[tokio::test]
async fn links_and_the_end_of_a_name() {
    let mut table = Table::default();
    for socket in WAYS {
        let town = Town::open();
        let [me] = town.people().await;
        let mut asker = Asker::new(&town, Some(&me), socket).await;
        let good = json!({"usernameLinkEncryptedValue": url(&[7; 112]), "keepLinkHandle": true});
        table.row("no name to link to", asker.status("PUT", LINK, &good).await, 409);
        table.row("no link to remove", asker.status("DELETE", LINK, &Value::Null).await, 204);
        table.row("no name to remove", asker.status("DELETE", USERNAME, &Value::Null).await, 204);
        town.take(&me, &name(0)).await;
        table.row("no JSON", asker.ask("PUT", LINK, "[").await.status, 400);
        let value = "/usernameLinkEncryptedValue";
        for (what, field, said, status) in [
            ("nothing", value, None, 422),
            ("null", value, Some(Value::Null), 422),
            ("empty", value, Some(json!("")), 422),
            ("too long", value, Some(json!(url(&[7; 129]))), 422),
            ("the other alphabet", value, Some(json!(STANDARD.encode([0xfb; 100]))), 422),
            ("the longest", value, Some(json!(url(&[7; 128]))), 200),
            ("the shortest, padded", value, Some(json!("AA==")), 200),
            ("keep: a text", "/keepLinkHandle", Some(json!("yes")), 422),
            ("keep: null", "/keepLinkHandle", Some(Value::Null), 200),
            ("keep: nothing", "/keepLinkHandle", None, 200),
        ] {
            let mut body = good.clone();
            put(&mut body, field, said);
            table.row(what, asker.status("PUT", LINK, &body).await, status);
        }
        table.row("remove", asker.status("DELETE", LINK, &Value::Null).await, 204);
        table.row("give up", asker.status("DELETE", USERNAME, &Value::Null).await, 204);
        table.row("gone", town.look_up(&name(0)).await, None);
        let mut nobody = Asker::new(&town, None, socket).await;
        for (method, path) in [("PUT", LINK), ("DELETE", LINK), ("DELETE", USERNAME)] {
            table.row(format!("nobody: {method} {path}"), nobody.status(method, path, &good).await, 401);
        }
        town.audit().await;
    }
    table.close();
}

/// A list that is none takes no permit, a hash that is none does; so does whatever is asked with a good proof, and nothing without.
#[tokio::test]
async fn what_is_counted() {
    let mut table = Table::default();
    for socket in WAYS {
        let town = Town::open_with(|config| {
            limit(config, LimitId::UsernameReserve, 3);
            limit(config, LimitId::UsernameSet, 2);
            limit(config, LimitId::UsernameLinkOperation, 3);
        });
        let [me] = town.people().await;
        let mut asker = Asker::new(&town, Some(&me), socket).await;
        let (good, other) = (name(0), name(1));
        let mut bad = good.confirmation(None);
        put(&mut bad, "/zkProof", Some(json!(url(&other.proof))));
        let link = json!({"usernameLinkEncryptedValue": url(&[7; 112])});
        let requests = [
            ("PUT", RESERVE, json!({"usernameHashes": []}), 422),
            ("PUT", RESERVE, json!({"usernameHashes": ["AAAA"]}), 422),
            ("PUT", RESERVE, names::reservation(&[&other]), 200),
            ("PUT", RESERVE, names::reservation(&[&good]), 200),
            ("PUT", RESERVE, json!({"usernameHashes": []}), 422),
            ("PUT", RESERVE, json!({"usernameHashes": ["AAAA"]}), 429),
            ("PUT", CONFIRM, bad.clone(), 422),
            ("PUT", CONFIRM, other.confirmation(None), 409),
            ("PUT", CONFIRM, good.confirmation(None), 200),
            ("PUT", CONFIRM, bad, 422),
            ("PUT", CONFIRM, good.confirmation(None), 429),
            ("PUT", LINK, json!({}), 422),
            ("PUT", LINK, link.clone(), 200),
            ("DELETE", LINK, Value::Null, 204),
            ("PUT", LINK, link.clone(), 200),
            ("DELETE", LINK, Value::Null, 429),
            ("PUT", LINK, link, 429),
        ];
        for (n, (method, path, body, status)) in requests.iter().enumerate() {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let answer = asker.ask(method, path, &body).await;
            let seconds = match *path {
                LINK => ("60", "usernameLinkOperation"),
                CONFIRM => ("900", "usernameSet"),
                _ => ("900", "usernameReserve"),
            };
            let told = (answer.header("retry-after"), answer.header("x-ratelimit-limiter"));
            let expected = if *status == 429 { (Some(seconds.0), Some(seconds.1)) } else { (None, None) };
            table.row(format!("{n}: {method} {path}"), (answer.status, told), (*status, expected));
        }
        // Giving a name up costs nothing.
        table.row("give up", asker.status("DELETE", USERNAME, &Value::Null).await, 204);
    }
    table.close();
}

/// Whoever was replaced meanwhile changes nothing: the account as it stands decides.
#[tokio::test]
async fn a_device_that_was_let_in_before_and_is_not_now() {
    let town = Town::open();
    let [me] = town.people().await;
    let handle = town.take(&me, &name(0)).await;
    let account = town.t.registry.accounts.get(me.aci).await.unwrap().unwrap();
    let device = account.devices[0].clone();
    let asked_by = (device.id, &device.auth);
    town.register(&me.number).await;
    let accounts = &town.t.registry.accounts;
    let mut table = Table::default();
    use signet_storage::accounts::UsernameError::NotLetIn;
    let (new, sealed) = (name(1).opaque(), vec![1].into());
    table.row("reserve", accounts.reserve_username(me.aci, asked_by, &[new]).await, Err(NotLetIn));
    let confirmed = accounts.confirm_username(me.aci, asked_by, &name(0).opaque(), None).await;
    table.row("confirm", confirmed, Err(NotLetIn));
    table.row("link", accounts.set_username_link(me.aci, asked_by, &sealed, true).await, Err(NotLetIn));
    table.row("unlink", accounts.remove_username_link(me.aci, asked_by).await, Err(NotLetIn));
    table.row("clear", accounts.clear_username(me.aci, asked_by).await, Err(NotLetIn));
    table.row("what is kept", town.username(&me).await.link_handle, Some(handle));
    table.close();
    town.audit().await;
}
