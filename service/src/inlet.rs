//! What all inlets do alike with one request: the shield, the route, the body, the answer. An inlet turns its own wire into a
//! [`Request`] and a [`Reply`] back into its own wire, and decides nothing else.

use std::net::IpAddr;

use bytes::Bytes;
use signet_config::LimitId;

use crate::call::{Call, Credentials, Headers, Reply};
use crate::client_address;
use crate::error::ApiError;
use crate::registry::Registry;
use crate::routes::{self, Found};

/// A request up to its body, as it was sent.
pub struct Request<'a> {
    pub method: &'a str,
    /// Without the query.
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: Headers,
    pub credentials: Credentials,
    pub client: Option<IpAddr>,
}

/// Where the client is: the connection's peer, or what the proxies that we trust say of it. `forwarded_for` are all fields of the
/// name, in their order: a proxy may write one of its own behind the client's.
pub fn client<'a>(
    registry: &Registry,
    peer: Option<IpAddr>,
    forwarded_for: impl Iterator<Item = &'a [u8]>,
) -> Option<IpAddr> {
    // What is no text ends the chain like anything else that is no address.
    let fields: Vec<_> = forwarded_for.map(|field| std::str::from_utf8(field).unwrap_or("?")).collect();
    client_address::resolve(peer, Some(&fields.join(",")), &registry.trusted_proxies)
}

/// Past the shield, before any work is done.
///
/// # Errors
/// 429 for a client that has had its share.
pub fn let_in(registry: &Registry, client: Option<IpAddr>) -> Result<(), ApiError> {
    let refused = client.and_then(|client| registry.shield.check(client).err());
    refused.map_or(Ok(()), |retry_after| Err(ApiError::RateLimited { limiter: LimitId::Address.name(), retry_after }))
}

/// Answers a request; its body is waited for only if it is wanted. Always answers.
pub async fn answer<B>(registry: &Registry, request: Request<'_>, body: B) -> Reply
where
    B: Future<Output = Result<Bytes, ApiError>>,
{
    let found = routes::find(request.method, request.path);
    let template = if let Found::Route(route, _) = &found { route.template } else { "none" };
    if let Err(refused) = let_in(registry, request.client) {
        return refuse(registry, template, refused);
    }
    let (route, params) = match found {
        Found::Route(route, params) => (route, params),
        Found::OtherMethod(allow) => return routes::finish(registry, Reply::empty(405).with("allow", allow)),
        Found::Nothing => return routes::finish(registry, Reply::empty(404)),
    };
    let body = match body.await {
        Ok(body) => body,
        Err(refused) => return refuse(registry, template, refused),
    };
    let Request { query, headers, credentials, client, .. } = request;
    let query = query.map_or_else(Vec::new, fields);
    routes::serve(registry, route, Call { params, query, headers, body, client, credentials, caller: None }).await
}

/// An answer for what no endpoint has seen.
pub fn refuse(registry: &Registry, template: &'static str, error: ApiError) -> Reply {
    routes::finish(registry, error.into_reply(template))
}

fn fields(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
