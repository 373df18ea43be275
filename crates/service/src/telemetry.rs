//! Logs as JSON lines on standard output; traces over OTLP if `OTEL_EXPORTER_OTLP_ENDPOINT` is set.

use std::{collections::HashMap, sync::OnceLock};

use opentelemetry::{
    KeyValue,
    propagation::TextMapCompositePropagator,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Installs the subscriber of the process; a second call changes nothing. `RUST_LOG` filters, `info` by default.
pub fn install(service: &'static str) {
    opentelemetry::global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
    ]));
    let mut provider = SdkTracerProvider::builder().with_resource(
        Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.namespace", "tenantry"))
            .build(),
    );
    let mut complaint = None;
    if std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some() {
        match opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .build()
        {
            Ok(exporter) => provider = provider.with_batch_exporter(exporter),
            Err(error) => complaint = Some(error),
        }
    }
    let provider = provider.build();
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,librdkafka=error,rdkafka=error"));
    let installed = tracing_subscriber::registry()
        .with(filter)
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(false),
        )
        .with(traces)
        .try_init();
    if installed.is_ok() {
        let _first = PROVIDER.set(provider);
    }
    if let Some(error) = complaint {
        tracing::error!(%error, "traces are not exported: OTEL_EXPORTER_OTLP_ENDPOINT cannot be used");
    }
}

/// Flushes buffered spans. Call it last.
pub fn flush() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::debug!(%error, "traces were not flushed");
    }
}

/// The W3C `traceparent` and `tracestate` of the current span, for headers and envelopes.
#[must_use]
pub fn current_trace() -> (Option<String>, Option<String>) {
    let mut carrier = HashMap::new();
    let context = tracing::Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut carrier);
    });
    let state = carrier
        .remove("tracestate")
        .filter(|state| !state.is_empty());
    (carrier.remove("traceparent"), state)
}

/// Makes `span` a child of the trace that an event carries.
pub fn continue_trace(span: &tracing::Span, envelope: &event_bus::Envelope) {
    join_trace(
        span,
        envelope.traceparent.clone(),
        envelope.tracestate.clone(),
    );
}

/// Makes `span` a child of the trace with these W3C headers, if there is one.
pub fn join_trace(span: &tracing::Span, parent: Option<String>, state: Option<String>) {
    let Some(parent) = parent else { return };
    let mut carrier = HashMap::from([("traceparent".to_owned(), parent)]);
    carrier.extend(state.map(|state| ("tracestate".to_owned(), state)));
    let context = opentelemetry::global::get_text_map_propagator(|p| p.extract(&carrier));
    if span.set_parent(context).is_err() {
        tracing::debug!("this span takes no parent: no tracer is installed");
    }
}

/// The id of the trace that `span` belongs to, as 32 hexadecimal digits.
#[must_use]
pub fn trace_id(span: &tracing::Span) -> String {
    span.context().span().span_context().trace_id().to_string()
}
