//! `/health/live`, `/health/ready` and `/metrics`.

use std::time::Duration;

use actix_web::{HttpResponse, get, http::StatusCode, web};
use event_bus::{BreakerState, ConsumerStatus};
use prometheus::{Encoder, TextEncoder};
use serde_json::json;

use crate::Runtime;

/// The process is running.
#[get("/health/live")]
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "up" }))
}

/// Readiness: 503 when the platform database does not answer. Without Kafka writes are accepted and published later,
/// and consumers wait for unavailable dependencies; both are reported and leave the service ready.
#[get("/health/ready")]
pub(super) async fn ready(runtime: web::Data<Runtime>) -> HttpResponse {
    let database = tokio::time::timeout(
        Duration::from_secs(2),
        sqlx::query("SELECT 1").execute(runtime.platform_pool()),
    )
    .await;
    let database_up = matches!(database, Ok(Ok(_)));
    let status = if database_up {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word = |up: bool| if up { "up" } else { "down" };
    HttpResponse::build(status).json(json!({
        "status": word(database_up),
        "service": runtime.name(),
        "checks": {
            "database": word(database_up),
            "publishing": publishing(runtime.producer().state()),
            "consuming": consuming(&runtime.consumers()),
        },
    }))
}

fn publishing(breaker: BreakerState) -> &'static str {
    match breaker {
        BreakerState::Closed => "up",
        BreakerState::HalfOpen => "probing",
        BreakerState::Open => "down",
    }
}

/// The worst state of the consumers; `waiting` while a dependency of their handlers is unavailable.
fn consuming(consumers: &[ConsumerStatus]) -> &'static str {
    if consumers.iter().any(|consumer| !consumer.is_running) {
        "down"
    } else if consumers
        .iter()
        .any(|consumer| !consumer.unavailable.is_empty())
    {
        "waiting"
    } else {
        "up"
    }
}

/// All metrics of the process in Prometheus' text format.
#[get("/metrics")]
pub(super) async fn metrics() -> HttpResponse {
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    match encoder.encode(&prometheus::gather(), &mut text) {
        Ok(()) => HttpResponse::Ok()
            .content_type(encoder.format_type())
            .body(text),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}
