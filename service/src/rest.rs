//! The REST inlet: actix request → [`Request`] → [`Reply`] → actix response. Nothing is decided here but what belongs to HTTP
//! itself: the length of a body and the patience for it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;

use crate::call::{Credentials, Headers, Reply};
use crate::error::ApiError;
use crate::inlet::{self, Request};
use crate::registry::Registry;
use crate::routes::LONGEST_BODY;

/// A body must have arrived by then.
pub const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Every request goes the same way; which route it means is not the framework's business.
pub fn configure(app: &mut web::ServiceConfig) {
    app.default_service(web::to(serve));
}

async fn serve(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let data = request.app_data::<web::Data<Registry>>().expect("the application puts the registry into every app");
    let registry = Arc::clone(data);
    let forwarded_for = request.headers().get_all("x-forwarded-for").map(|value| value.as_bytes());
    let client = inlet::client(&registry, request.peer_addr().map(|address| address.ip()), forwarded_for);
    let mut headers = Headers::default();
    for (name, value) in request.headers() {
        headers.push(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    let asked = Request {
        method: request.method().as_str(),
        path: request.path(),
        query: request.uri().query(),
        headers,
        credentials: Credentials::InHeaders,
        client,
    };
    respond(inlet::answer(&registry, asked, body(&request, payload)).await)
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
