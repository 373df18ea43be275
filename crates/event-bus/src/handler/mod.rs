//! Handlers: who does the work, and which events they want.

mod batch;
mod domain;
mod router;

use std::sync::Arc;

use async_trait::async_trait;
use tracing::Span;

use crate::{Failure, Record, RetryPolicy, Scope};

pub use crate::handler::{
    batch::{Batch, BatchFailure, BatchFunction, BatchHandler},
    domain::Domain,
    router::{Router, TypedHandler},
};

/// Does what an event asks for.
///
/// An event may come more than once (after a crash, a rebalance, a retry): the handler must make that
/// harmless, best with a row for the event's id in the transaction of its effect.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Whether events of this type matter. Others are passed over without being read.
    fn wants(&self, event_type: &str) -> bool {
        let _ = event_type;
        true
    }

    /// Whom events of this type belong to, if the handler knows. A tenant's event without its tenant, or
    /// under another's key, never reaches [`Handler::handle`].
    fn scope(&self, event_type: &str) -> Option<Scope> {
        let _ = event_type;
        None
    }

    /// How failures of events of this type are met, if otherwise than the consumer's others.
    fn policy(&self, event_type: &str) -> Option<&RetryPolicy> {
        let _ = event_type;
        None
    }

    /// The span of one attempt. A program with distributed tracing makes the envelope's `traceparent` its
    /// parent here.
    fn span(&self, record: &Record, group: &str) -> Span {
        event_span(record, group)
    }

    /// The span from the record's taking from the log until its turn in its lane has come.
    fn delivery_span(&self, record: &Record, group: &str) -> Span {
        delivery_span(record, group)
    }

    /// Does the work. The failure's class decides what comes next.
    async fn handle(&self, record: &Record) -> Result<(), Failure>;
}

#[async_trait]
impl<H: Handler + ?Sized> Handler for Arc<H> {
    fn wants(&self, event_type: &str) -> bool {
        (**self).wants(event_type)
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        (**self).scope(event_type)
    }

    fn policy(&self, event_type: &str) -> Option<&RetryPolicy> {
        (**self).policy(event_type)
    }

    fn span(&self, record: &Record, group: &str) -> Span {
        (**self).span(record, group)
    }

    fn delivery_span(&self, record: &Record, group: &str) -> Span {
        (**self).delivery_span(record, group)
    }

    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        (**self).handle(record).await
    }
}

/// A span of an event that waits in its lane, by the messaging conventions of OpenTelemetry.
pub fn delivery_span(record: &Record, group: &str) -> Span {
    tracing::info_span!(
        "delivery",
        otel.name = %format_args!("{} receive", record.topic),
        otel.kind = "consumer",
        messaging.system = "kafka",
        messaging.operation.type = "receive",
        messaging.destination.name = %record.topic,
        messaging.consumer.group.name = group,
        messaging.destination.partition.id = record.partition,
        messaging.kafka.offset = record.offset,
        messaging.message.id = %record.envelope.id,
    )
}

/// A span that names the event, where it came from and the trace it continues.
pub fn event_span(record: &Record, group: &str) -> Span {
    let envelope = &record.envelope;
    let span = tracing::info_span!(
        "event",
        otel.name = %format_args!("{} process", envelope.event_type),
        otel.kind = "consumer",
        messaging.system = "kafka",
        messaging.operation.type = "process",
        messaging.destination.name = %record.topic,
        messaging.consumer.group.name = group,
        messaging.destination.partition.id = record.partition,
        messaging.kafka.offset = record.offset,
        messaging.message.id = %envelope.id,
        event.id = %envelope.id,
        event.r#type = %envelope.event_type,
        correlation_id = %envelope.correlation_id,
        attempt = record.attempt,
        tenant_id = tracing::field::Empty,
        traceparent = tracing::field::Empty,
        tracestate = tracing::field::Empty,
    );
    if let Some(tenant) = &envelope.tenant {
        span.record("tenant_id", tracing::field::display(tenant.id));
    }
    if let Some(traceparent) = &envelope.traceparent {
        span.record("traceparent", traceparent.as_str());
    }
    if let Some(tracestate) = &envelope.tracestate {
        span.record("tracestate", tracestate.as_str());
    }
    span
}
