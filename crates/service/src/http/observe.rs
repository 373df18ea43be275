//! Middleware of every request: correlation id, tracing span, metrics, and problem documents for errors.

use std::{sync::LazyLock, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use prometheus::{HistogramVec, register_histogram_vec};
use tracing::{Span, field::Empty};
use tracing_actix_web::{DefaultRootSpanBuilder, RootSpanBuilder};
use uuid::Uuid;

use super::Problem;
use crate::telemetry;

const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

static DURATION: LazyLock<HistogramVec> = LazyLock::new(|| {
    register_histogram_vec!(
        "http_request_duration_seconds",
        "Time to respond in seconds, by method, route and status",
        &["method", "route", "status"],
        vec![0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0]
    )
    .expect("registered once, with a valid name")
});

/// The request's correlation id: the caller's `x-correlation-id` if it is a UUID, otherwise a new one.
#[derive(Clone, Copy)]
pub(super) struct Correlation(pub Uuid);

/// The root span of a request, with its correlation id.
pub(super) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let correlation_id = correlate(request);
        let route = request.match_pattern();
        let route = route.as_deref().unwrap_or("unmatched");
        let header = |name: &str| {
            let value = request.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let span = tracing::info_span!(
            "HTTP request",
            otel.name = %format_args!("{} {route}", request.method()),
            otel.kind = "server",
            otel.status_code = Empty,
            http.method = %request.method(),
            http.route = route,
            // Without the query, which may carry secrets of links.
            http.target = request.path(),
            http.user_agent = header("user-agent"),
            http.status_code = Empty,
            exception.message = Empty,
            exception.details = Empty,
            trace_id = Empty,
            %correlation_id,
        );
        telemetry::join_trace(&span, header("traceparent"), header("tracestate"));
        span.record("trace_id", telemetry::trace_id(&span));
        span
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        DefaultRootSpanBuilder::on_request_end(span, outcome);
    }
}

fn correlate(request: &ServiceRequest) -> Uuid {
    let given = request
        .headers()
        .get(&HEADER)
        .and_then(|value| value.to_str().ok());
    let id = given
        .and_then(|text| Uuid::try_parse(text).ok())
        .unwrap_or_else(Uuid::now_v7);
    request.extensions_mut().insert(Correlation(id));
    id
}

/// Measures the request, turns errors into problem documents and returns the correlation id.
pub(super) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let begun = Instant::now();
    let correlation = request.extensions().get::<Correlation>().copied();
    let method = request.method().clone();
    let mut response = match next.call(request).await {
        Ok(response) => as_problem(response, correlation),
        Err(error) => return Err(error),
    };
    if let Some(Correlation(id)) = correlation
        && let Ok(value) = HeaderValue::from_str(&id.to_string())
    {
        response.headers_mut().insert(HEADER, value);
    }
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "unmatched".to_owned());
    DURATION
        .with_label_values(&[method.as_str(), &route, response.status().as_str()])
        .observe(begun.elapsed().as_secs_f64());
    Ok(response)
}

fn as_problem<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    correlation: Option<Correlation>,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response.map_into_left_body();
    }
    let mut problem = match response.response().error() {
        Some(error) => Problem::of(error),
        None if is_page(&response) => return response.map_into_left_body(),
        None if status == StatusCode::NOT_FOUND => Problem::not_found("path"),
        None if is_problem(&response) => return response.map_into_left_body(),
        None => {
            let reason = status.canonical_reason().unwrap_or("error").to_lowercase();
            Problem::of_status(status, reason)
        }
    };
    problem.correlation_id = correlation.map(|Correlation(id)| id);
    let rendered: HttpResponse = problem.response();
    let (request, old) = response.into_parts();
    let mut fresh = ServiceResponse::new(request, rendered);
    // Headers of the original error stay, such as `Allow` of a 405.
    for (name, value) in old.headers() {
        if name != CONTENT_TYPE && name != "content-length" && !fresh.headers().contains_key(name) {
            fresh.headers_mut().insert(name.clone(), value.clone());
        }
    }
    fresh.map_into_right_body()
}

/// HTML error pages are for people and stay as they are.
fn is_page<B>(response: &ServiceResponse<B>) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}

fn is_problem<B>(response: &ServiceResponse<B>) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"))
}
