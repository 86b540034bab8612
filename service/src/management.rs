//! The management port, for operators and their machines; it belongs on loopback or a private network.
//!
//! `/livez`: the process answers. `/readyz`: it should get traffic; with what it stands on, so that a cache that is down can be
//! seen although the service stays up. `/metrics`: Prometheus text. `/outbox/{number}`: what the development sender last sent;
//! with other senders there is never anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{HttpResponse, Responder, web};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::registry::Registry;

pub struct Management {
    pub registry: Arc<Registry>,
    pub recorder: &'static PrometheusHandle,
    pub draining: Arc<AtomicBool>,
}

pub fn configure(app: &mut web::ServiceConfig) {
    app.route("/livez", web::get().to(|| async { "alive\n" }))
        .route("/readyz", web::get().to(ready))
        .route("/metrics", web::get().to(metrics))
        .route("/outbox/{number}", web::get().to(outbox));
}

async fn ready(state: web::Data<Management>) -> impl Responder {
    let draining = state.draining.load(Ordering::SeqCst);
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
