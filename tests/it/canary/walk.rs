//! Every route and every method, also those of tomorrow: asked with marked values wherever a client may write something.

use prost::Message as _;
use serde_json::{Value, json};
use signet::grpc::methods::METHODS;
use signet::routes::{ROUTES, Route};
use signet_tests::Socket;
use signet_tests::client::basic;
use signet_tests::grpc::Wire;

use super::people::{Person, Town};

/// A message that has a text, or bytes, under each of its first numbers: something of it fits most messages.
#[derive(Clone, PartialEq, prost::Message)]
struct Anything {
    #[prost(string, tag = "1")]
    one: String,
    #[prost(string, tag = "2")]
    two: String,
    #[prost(string, tag = "3")]
    three: String,
    #[prost(string, tag = "4")]
    four: String,
}

/// Over REST, through a socket, and by gRPC; as nobody and as this device.
pub async fn everything(town: &Town, who: &Person) {
    let credentials = basic(&who.aci, &who.me.password);
    let plain = town.serving.plain.expect("a door without TLS");
    let mut socket = Socket::anonymous(plain).await;
    for route in ROUTES {
        for authorization in [None, Some(credentials.as_str())] {
            for body in [bodies(town), Value::Null, json!([town.draw("a list")])] {
                ask(town, route, authorization, &body, &mut socket).await;
            }
        }
    }
    let wire = Wire::to(plain);
    for method in METHODS.iter().filter(|method| !method.path.ends_with("/DeleteAccount")) {
        for authorization in ["", &credentials] {
            let anything = || town.draw("a field of a message");
            let message = Anything { one: anything(), two: anything(), three: anything(), four: anything() };
            let message = message.encode_to_vec();
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            let body = [&[0][..], &length, &message].concat();
            let agent = town.draw("a user agent");
            let raw = wire.raw(method.path, &[("authorization", authorization), ("user-agent", &agent)], body).await;
            raw.headers.values().for_each(|value| town.refused(value.as_bytes()));
        }
    }
}

async fn ask(town: &Town, route: &Route, authorization: Option<&str>, body: &Value, socket: &mut Socket) {
    // What ends the account ends the walk.
    if authorization.is_some() && route.template == "/v1/accounts/me" {
        return;
    }
    let key = town.draw("an access key");
    let mut headers = vec![("unidentified-access-key", key.as_str()), ("x-forwarded-for", "203.0.113.77")];
    headers.extend(authorization.map(|value| ("authorization", value)));
    let method = route.method.as_str();
    town.send(method, &path(town, route), &headers, body).await;
    let text = if body.is_null() || method == "HEAD" { String::new() } else { body.to_string() };
    let answer = socket.send(method, &path(town, route), &headers, text).await;
    town.answered(&answer);
}

/// Whatever the route's path names, it names something of nobody else's.
fn path(town: &Town, route: &Route) -> String {
    let name = |part: &str| match part.strip_prefix('{') {
        Some(_) => town.draw("a part of a path").replace(['/', '+'], "_"),
        None => part.to_owned(),
    };
    let path: Vec<_> = route.template.split('/').map(name).collect();
    format!("{}{}", path.join("/"), if route.waits { "?timeout=1" } else { "" })
}

/// A body with all fields that any route knows, and more.
fn bodies(town: &Town) -> Value {
    const TEXTS: [&str; 26] = [
        "number",
        "code",
        "pushToken",
        "pushChallenge",
        "captcha",
        "client",
        "sessionId",
        "recoveryPassword",
        "deviceName",
        "name",
        "verificationCode",
        "body",
        "digest",
        "method",
        "deviceTransferBootstrap",
        "gcmRegistrationId",
        "apnRegistrationId",
        "registrationLock",
        "usernameHash",
        "zkProof",
        "encryptedUsername",
        "usernameLinkEncryptedValue",
        "unidentifiedAccessKey",
        "label",
        "totp",
        "pniIdentityKey",
    ];
    let mut body = json!({});
    for name in TEXTS {
        body[name] = json!(town.draw(name));
    }
    body["tokens"] = json!([town.draw("a token")]);
    body["usernameHashes"] = json!([town.draw("a username's hash")]);
    body["elements"] = json!([{"uuid": town.draw("an id"), "fingerprint": town.draw("a fingerprint")}]);
    body
}
