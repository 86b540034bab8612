//! One request, and where it belongs: a socket, a method of gRPC, or a route of the table.

use std::convert::Infallible;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::Context;
use crate::call::{Credentials, Headers, Reply};
use crate::error::ApiError;
use crate::rest::BODY_PATIENCE;
use crate::routes::{self, LONGEST_BODY};
use crate::{grpc, inlet, tunnel};

type Body = Either<Full<Bytes>, tonic::body::Body>;

pub async fn answer(
    mut asked: Request<Incoming>,
    peer: IpAddr,
    context: Context,
) -> Result<Response<Body>, Infallible> {
    let registry = &context.registry;
    let forwarded_for = asked.headers().get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
    let client = inlet::client(registry, Some(peer), forwarded_for);
    let reply = match tunnel::Kind::of(asked.uri().path()) {
        Some(kind) if tunnel::is_upgrade(&asked) => {
            return Ok(respond(tunnel::open(kind, registry, &mut asked, client, context.alive).await));
        }
        None if is_grpc(&asked) => return Ok(grpc::serve(registry, asked, client).await.map(Either::Right)),
        Some(_) => routes::finish(registry, Reply::empty(426).with("upgrade", "websocket".to_owned())),
        None => by_route(asked, client, &context).await,
    };
    Ok(respond(reply))
}

/// Only HTTP/2 can carry it.
fn is_grpc(asked: &Request<Incoming>) -> bool {
    let kind = asked.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    asked.version() == Version::HTTP_2 && kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

async fn by_route(asked: Request<Incoming>, client: Option<IpAddr>, context: &Context) -> Reply {
    let version = asked.version();
    let (head, body) = asked.into_parts();
    let request = inlet::Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query(),
        headers: headers(&head.headers),
        credentials: Credentials::InHeaders,
        client,
    };
    let reply = inlet::answer(&context.registry, request, read(body)).await;
    // Once we are to stop, a connection's next answer is its last: no request can then be caught by its end.
    if version <= Version::HTTP_11 && context.registry.stopping.has_begun() {
        return reply.with("connection", "close".to_owned());
    }
    reply
}

fn headers(map: &HeaderMap) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in map {
        headers.push(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    headers
}

async fn read(body: Incoming) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(BODY_PATIENCE, Limited::new(body, LONGEST_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge),
        Ok(Err(_)) => Err(ApiError::BadRequest),
        Err(_) => Err(ApiError::TooSlow),
    }
}

fn respond(reply: Reply) -> Response<Body> {
    let has_body = reply.body.is_some();
    let mut response = Response::new(Either::Left(Full::new(reply.body.unwrap_or_default())));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        // None of ours holds what a header may not.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    if has_body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}
