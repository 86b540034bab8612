//! The REST inlet: actix request → [`Call`] → [`Reply`] → actix response, over the one route table. Nothing is decided here but
//! what belongs to HTTP itself: the shield, the length and the patience for a body, 404 and 405.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;

use signet_config::LimitId;

use crate::call::{Call, Headers, Method, Reply};
use crate::client_address;
use crate::error::ApiError;
use crate::registry::Registry;
use crate::routes::{self, LONGEST_BODY, ROUTES, Route};

/// A body must have arrived by then.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Adds every route of the table. Routes of one template share a resource, so that the framework answers 405 by itself.
pub fn configure(app: &mut web::ServiceConfig) {
    let mut templates: Vec<&str> = ROUTES.iter().map(|route| route.template).collect();
    // The framework takes the first that fits, and a placeholder fits everything: plain ones come first.
    templates.sort_by_key(|template| (template.contains('{'), *template));
    templates.dedup();
    for template in templates {
        let mut resource = web::resource(template);
        for route in ROUTES.iter().filter(|route| route.template == template) {
            let serve = move |request: HttpRequest, payload: web::Payload| serve(route, request, payload);
            resource = resource.route(web::method(method(route.method)).to(serve));
        }
        let methods = ROUTES.iter().filter(|route| route.template == template).map(|route| route.method.as_str());
        let allow = methods.collect::<Vec<_>>().join(", ");
        let other_method = move |request| nothing(request, Reply::empty(405).with("allow", allow.clone()));
        app.service(resource.default_service(web::to(other_method)));
    }
    app.default_service(web::to(|request| nothing(request, Reply::empty(404))));
}

async fn serve(route: &'static Route, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let registry = registry(&request);
    let client = match let_in(&request, &registry) {
        Ok(client) => client,
        Err(refused) => return refuse(&registry, route.template, refused),
    };
    let body = match body(&request, payload).await {
        Ok(body) => body,
        Err(refused) => return refuse(&registry, route.template, refused),
    };
    let params = request.match_info().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query = web::Query::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let mut headers = Headers::default();
    for (name, value) in request.headers() {
        headers.push(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    respond(routes::serve(&registry, route, Call { params, query, headers, body, client, caller: None }).await)
}

/// What was sent along; nothing is waited for where nothing was announced.
async fn body(request: &HttpRequest, payload: web::Payload) -> Result<Bytes, ApiError> {
    let announced =
        [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].iter().any(|name| request.headers().contains_key(name));
    if !announced {
        return Ok(Bytes::new());
    }
    match tokio::time::timeout(BODY_PATIENCE, payload.to_bytes_limited(LONGEST_BODY)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(ApiError::BadRequest),
        Ok(Err(_)) => Err(ApiError::TooLarge),
        Err(_) => Err(ApiError::TooSlow),
    }
}

/// An answer for what no endpoint stands behind.
async fn nothing(request: HttpRequest, reply: Reply) -> HttpResponse {
    let registry = registry(&request);
    match let_in(&request, &registry) {
        Ok(_) => respond(routes::finish(&registry, reply)),
        Err(refused) => refuse(&registry, "none", refused),
    }
}

/// Past the shield, before any work is done; tells where the client is.
fn let_in(request: &HttpRequest, registry: &Registry) -> Result<Option<IpAddr>, ApiError> {
    let client = client(request, registry);
    let refused = client.and_then(|client| registry.shield.check(client).err());
    refused
        .map_or(Ok(client), |retry_after| Err(ApiError::RateLimited { limiter: LimitId::Address.name(), retry_after }))
}

fn refuse(registry: &Registry, template: &'static str, error: ApiError) -> HttpResponse {
    respond(routes::finish(registry, error.into_reply(template)))
}

fn respond(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in reply.headers {
        response.insert_header((name, value));
    }
    match reply.body {
        // Exactly this and no charset: one client library compares the whole value.
        Some(body) => response.insert_header((header::CONTENT_TYPE, "application/json")).body(body),
        None => response.finish(),
    }
}

fn registry(request: &HttpRequest) -> Arc<Registry> {
    let data = request.app_data::<web::Data<Registry>>().expect("the application puts the registry into every app");
    Arc::clone(data)
}

fn client(request: &HttpRequest, registry: &Registry) -> Option<IpAddr> {
    let forwarded_for = request.headers().get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let peer = request.peer_addr().map(|address| address.ip());
    client_address::resolve(peer, forwarded_for, &registry.trusted_proxies)
}

const fn method(method: Method) -> actix_web::http::Method {
    match method {
        Method::Get => actix_web::http::Method::GET,
        Method::Post => actix_web::http::Method::POST,
        Method::Put => actix_web::http::Method::PUT,
        Method::Patch => actix_web::http::Method::PATCH,
        Method::Delete => actix_web::http::Method::DELETE,
    }
}
