//! The gRPC inlet (contract keys-devices §8): the same questions as REST asks, answered by the same methods of the same controllers.
//!
//! Here is what surrounds every call: the shield, who may ask, how long it may take, what is counted, and that it is answered
//! whatever happens. HTTP/2 itself is the entrance's. What a message means is said by the file of its service.
//!
//! - [`methods`]: the table of what there is.
//! - `keys`, `device`, `account`, `credentials`: the services, as far as they are connected.
//! - `fields`, `status`: what messages and errors look like.
//! - [`proto`]: made from `service/proto` when the registry is built.

mod account;
mod asking;
mod credentials;
mod deadline;
mod device;
mod fields;
mod keys;
pub mod methods;
pub mod proto;
mod status;
mod watched;

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderMap, Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::authenticate;
use crate::call::{Caller, Headers};
use crate::error::ApiError;
use crate::inlet;
use crate::metrics::Stopwatch;
use crate::registry::Registry;
use asking::Asking;
use deadline::Deadline;
use methods::{Access, Method};
use status::Refusal;
use watched::Watched;

/// What logs and metrics say of methods that there are not.
const NO_METHOD: &str = "none";

/// Answers a call. `client` is where it comes from, as far as the proxies that we trust say.
pub async fn serve<B>(registry: &Arc<Registry>, request: Request<B>, client: Option<IpAddr>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (stopwatch, deadline) = (Stopwatch::start(), Deadline::of(request.headers()));
    let method = Method::find(request.uri().path());
    let label = method.map_or(NO_METHOD, |method| method.path);
    let work = tokio::time::timeout_at(deadline.at, answer(registry, method, request.map(Body::new), client));
    let response = match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(answered)) => answered,
        Ok(Err(_)) => Err(deadline.refusal()),
        Err(_) => Err(Refusal::Api(ApiError::Panicked)),
    };
    let response = response.unwrap_or_else(|refusal| refusal.into_status(label).into_http());
    let code = watched::code(response.headers());
    if code != Code::Ok as u16 {
        stopwatch.grpc(label, code);
        return response;
    }
    response.map(|body| Body::new(Watched::new(body, deadline, label, stopwatch)))
}

async fn answer(
    registry: &Arc<Registry>,
    method: Option<&'static Method>,
    mut request: Request<Body>,
    client: Option<IpAddr>,
) -> Result<Response<Body>, Refusal> {
    inlet::let_in(registry, client)?;
    let method = method.ok_or(Refusal::Unimplemented)?;
    let caller = caller(registry, method.access, request.headers()).await?;
    request.extensions_mut().insert(Asking { method, caller: caller.map(Arc::new), client });
    let response = method.run(registry.clone(), request).await;
    // Our own statuses say more than that something is wrong inside: this one is about a message that could not be read.
    let unread =
        |status: &Status| status.details().is_empty() && [Code::Internal, Code::OutOfRange].contains(&status.code());
    if response.extensions().get::<Status>().is_some_and(unread) { Err(Refusal::Unreadable) } else { Ok(response) }
}

/// The device that asks, where one has to.
async fn caller(registry: &Registry, access: Access, metadata: &HeaderMap) -> Result<Option<Caller>, Refusal> {
    let mut headers = Headers::default();
    for value in metadata.get_all(http::header::AUTHORIZATION) {
        headers.push("authorization", &String::from_utf8_lossy(value.as_bytes()));
    }
    match access {
        Access::Anonymous if headers.get("authorization").is_some() => Err(Refusal::BadAuthentication),
        Access::Anonymous => Ok(None),
        Access::Device => Ok(Some(authenticate::attempt(registry, &headers).await?)),
    }
}
