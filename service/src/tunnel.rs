//! Sockets: how one is opened, and by whom (contract keys-devices §6.2, real-client §2). What is said through it is the same as
//! over REST, by the same routes.
//!
//! - `chat`: the socket that clients talk through; `provisioning`: the one of a device that is to be linked.
//! - `frame`: a message as bytes; `headers`: what a tunnelled request is read with; `work`: the requests under way.
//! - `socket`: the websocket below; `end`: why one closes.
//!
//! Invariant: who asks is settled here, once. Bad credentials are refused with 403, for the client library takes a 401 as a
//! failure of the network and comes again for ever.

mod chat;
mod end;
pub mod frame;
mod headers;
mod provisioning;
mod socket;
mod work;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Version, header};
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use signet_storage::ids::DeviceId;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

pub use self::socket::Io;
use self::socket::Socket;
use crate::authenticate;
use crate::call::{Caller, Headers, Reply};
use crate::error::ApiError;
use crate::inlet;
use crate::presence::Principal;
use crate::registry::Registry;
use crate::routes;

/// A linked device is told so when the primary was not seen for so long.
const IDLE_PRIMARY: Duration = Duration::from_secs(30 * 86_400);

/// Which socket a path opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Chat,
    Provisioning,
}

impl Kind {
    pub fn of(path: &str) -> Option<Self> {
        match path {
            "/v1/websocket/" => Some(Self::Chat),
            "/v1/websocket/provisioning/" => Some(Self::Provisioning),
            _ => None,
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Chat => "/v1/websocket/",
            Self::Provisioning => "/v1/websocket/provisioning/",
        }
    }
}

/// What a socket knows from its opening on.
pub struct Opened {
    registry: Arc<Registry>,
    client: Option<IpAddr>,
    headers: headers::Kept,
    /// Whose it is; nobody's if it was opened without credentials.
    principal: Option<Principal>,
    wants_messages: bool,
}

/// Opens a socket, or says why not. It lives in a task of its own, and `alive` with it.
pub async fn open<B>(
    kind: Kind,
    registry: &Arc<Registry>,
    request: &mut Request<B>,
    client: Option<IpAddr>,
    alive: mpsc::Sender<Infallible>,
) -> Reply {
    let accept = match handshake(request) {
        Ok(accept) => accept,
        Err(refused) => return routes::finish(registry, refused),
    };
    let (opened, alert) = match opened(kind, registry, request.headers(), client).await {
        Ok(opened) => opened,
        Err(error) => return inlet::refuse(registry, kind.template(), refusal(error)),
    };
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let _alive = alive;
        let Ok(io) = upgrade.await else { return };
        serve(kind, Box::new(TokioIo::new(io)), opened).await;
    });
    let reply = match accept {
        Some(accept) => Reply::empty(101)
            .with("connection", "Upgrade".to_owned())
            .with("upgrade", "websocket".to_owned())
            .with("sec-websocket-accept", accept),
        None => Reply::empty(200),
    };
    let reply = if alert { reply.with("x-signal-alert", "idle-primary-device".to_owned()) } else { reply };
    routes::finish(registry, reply)
}

/// Serves a socket that was opened by other means: by nobody, or by this device.
pub async fn serve_over(io: Box<dyn Io>, kind: Kind, registry: Arc<Registry>, principal: Option<Principal>) {
    let opened = Opened { registry, client: None, headers: headers::Kept::new(), principal, wants_messages: true };
    serve(kind, io, opened).await;
}

async fn serve(kind: Kind, io: Box<dyn Io>, opened: Opened) {
    let socket = Socket::over(io).await;
    let name = match (kind, &opened.principal) {
        (Kind::Provisioning, _) => "provisioning",
        (Kind::Chat, Some(_)) => "device",
        (Kind::Chat, None) => "anonymous",
    };
    let open = metrics::gauge!("signet_sockets", "kind" => name);
    open.increment(1.0);
    let end = match kind {
        Kind::Chat => chat::serve(socket, opened).await,
        Kind::Provisioning => provisioning::serve(socket, opened).await,
    };
    open.decrement(1.0);
    metrics::counter!("signet_sockets_closed_total", "kind" => name, "end" => end.name()).increment(1);
}

/// What the client is to be shown for the key that it sent. None over HTTP/2, where there is none.
fn handshake<B>(request: &Request<B>) -> Result<Option<String>, Reply> {
    if request.headers().get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Reply::empty(426).with("sec-websocket-version", "13".to_owned()));
    }
    if request.version() == Version::HTTP_2 {
        return Ok(None);
    }
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| Reply::empty(400))?;
    Ok(Some(derive_accept_key(key.as_bytes())))
}

/// Does this request ask for a socket, by the way of its version of HTTP (RFC 6455, RFC 8441)?
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    if request.version() == Version::HTTP_2 {
        let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
        return request.method() == Method::CONNECT && protocol == Some("websocket");
    }
    let says = |name, word: &str| {
        let values = request.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(word))
    };
    request.method() == Method::GET && says(header::CONNECTION, "upgrade") && says(header::UPGRADE, "websocket")
}

/// Who opens it, and whether to tell them that their primary device was not seen for long.
async fn opened(
    kind: Kind,
    registry: &Arc<Registry>,
    headers: &HeaderMap,
    client: Option<IpAddr>,
) -> Result<(Opened, bool), ApiError> {
    inlet::let_in(registry, client)?;
    let caller = match (kind, headers.get(header::AUTHORIZATION)) {
        (Kind::Provisioning, _) | (Kind::Chat, None) => None,
        (Kind::Chat, Some(value)) => {
            let mut fields = Headers::default();
            fields.push("authorization", &String::from_utf8_lossy(value.as_bytes()));
            Some(authenticate::attempt(registry, &fields).await?)
        }
    };
    let alert = caller.as_ref().is_some_and(|caller| primary_is_idle(registry, caller));
    let opened = Opened {
        registry: registry.clone(),
        client,
        headers: headers::kept(headers),
        principal: caller.as_ref().map(Principal::of).transpose()?,
        wants_messages: headers.get("x-signal-disable-messages").is_none_or(|value| value != "true"),
    };
    Ok((opened, alert))
}

fn primary_is_idle(registry: &Registry, caller: &Caller) -> bool {
    let seen = caller.account.device(DeviceId::PRIMARY).map(|primary| primary.last_seen);
    caller.device != DeviceId::PRIMARY
        && seen.is_some_and(|seen| seen.plus(IDLE_PRIMARY).remaining(registry.clock.now()) == Duration::ZERO)
}

fn refusal(error: ApiError) -> ApiError {
    match error {
        ApiError::Unauthorized => ApiError::Forbidden,
        other => other,
    }
}
