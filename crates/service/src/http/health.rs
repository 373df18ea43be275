//! `/health/live`, `/health/ready` and `/metrics`.

use std::time::Duration;

use actix_web::{HttpResponse, get, http::StatusCode, web};
use event_bus::{BreakerState, ConsumerStatus};
use prometheus::{Encoder, TextEncoder};
use serde_json::json;

use crate::Runtime;

/// The process runs.
#[get("/health/live")]
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "up" }))
}

/// The service can do its work. Without its database it cannot; without Kafka it accepts writes and publishes later,
/// and events wait for what their handlers need: that is shown and is no reason to take it out of service.
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

/// Events wait while something their handlers need is away; that is shown, and no reason to take HTTP out of service.
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

/// Every figure of the process, for Prometheus.
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
