//! The management port, for operators and their machines; it belongs on loopback or a private network.
//!
//! `/livez`: the process answers. `/readyz`: it should get traffic; with what it stands on, so that a cache that is down can be
//! seen although the service stays up. `/metrics`: Prometheus text. `/outbox/{number}`: what the development sender last sent;
//! with other senders there is never anything. `/limits/{key}`: how the limiters of a number, an ACI or an address stand (GET), or
//! forget what was taken (DELETE). `POST /reload`: reads the configuration again.

use std::sync::{Arc, OnceLock};

use actix_web::{HttpResponse, Responder, web};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::limits::subject::{Overview, Subject, SubjectError};
use crate::registry::Registry;
use crate::reload::Reload;

pub struct Management {
    pub registry: Arc<Registry>,
    pub recorder: &'static PrometheusHandle,
    /// Empty where there is nothing to read a configuration from again.
    pub reload: Arc<OnceLock<Arc<Reload>>>,
}

pub fn configure(app: &mut web::ServiceConfig) {
    app.route("/livez", web::get().to(|| async { "alive\n" }))
        .route("/readyz", web::get().to(ready))
        .route("/metrics", web::get().to(metrics))
        .route("/outbox/{number}", web::get().to(outbox))
        .route("/limits/{key}", web::get().to(show_limits))
        .route("/limits/{key}", web::delete().to(reset_limits))
        .route("/reload", web::post().to(reload));
}

async fn ready(state: web::Data<Management>) -> impl Responder {
    let draining = state.registry.stopping.has_begun();
    let storage = &state.registry.storage;
    let store = storage.dynamo.answers().await;
    let up = |up: bool| if up { "up" } else { "down" };
    let body = json!({
        "ready": store && !draining,
        "draining": draining,
        "store": up(store),
        "cache": {"kind": storage.cache.kind(), "state": up(storage.cache.healthy())},
    });
    if store && !draining { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

async fn metrics(state: web::Data<Management>) -> impl Responder {
    HttpResponse::Ok().insert_header(("content-type", "text/plain; version=0.0.4")).body(state.recorder.render())
}

async fn outbox(state: web::Data<Management>, number: web::Path<String>) -> impl Responder {
    match state.registry.outbox.letter(&number) {
        None => HttpResponse::NotFound().finish(),
        Some(letter) => HttpResponse::Ok().json(json!({
            "code": letter.code.as_ref().map(|code| code.reveal()),
            "text": letter.text.as_ref().map(|text| text.as_str()),
            "pushChallenge": letter.push_challenge.as_ref().map(|challenge| challenge.reveal()),
        })),
    }
}

async fn show_limits(state: web::Data<Management>, key: web::Path<String>) -> impl Responder {
    let Registry { limits, accounts, .. } = &*state.registry;
    match Subject::parse(&key) {
        Some(subject) => limits_as(limits.show(&subject, accounts).await),
        None => HttpResponse::BadRequest().finish(),
    }
}

async fn reset_limits(state: web::Data<Management>, key: web::Path<String>) -> impl Responder {
    let Registry { limits, accounts, .. } = &*state.registry;
    match Subject::parse(&key) {
        Some(subject) => limits_as(limits.reset(&subject, accounts).await),
        None => HttpResponse::BadRequest().finish(),
    }
}

fn limits_as(overview: Result<Overview, SubjectError>) -> HttpResponse {
    match overview {
        Ok(overview) => HttpResponse::Ok().json(overview),
        Err(error) => HttpResponse::ServiceUnavailable().json(json!({"error": error.to_string()})),
    }
}

async fn reload(state: web::Data<Management>) -> impl Responder {
    match state.reload.get().map(|reload| reload.reload()) {
        Some(Ok(reloaded)) => HttpResponse::Ok().json(reloaded),
        Some(Err(error)) => {
            let problems: Vec<_> = error.to_string().lines().map(str::to_owned).collect();
            HttpResponse::BadRequest().json(json!({"problems": problems}))
        }
        None => HttpResponse::NotFound().finish(),
    }
}
