//! Spans of publishing, by OpenTelemetry's conventions for messaging.

use tracing::{Span, field};

use crate::{
    OutboundRecord,
    producer::{PublishError, Published},
};

/// The span of one event that is published by itself.
pub(super) fn of_one(record: &OutboundRecord) -> Span {
    tracing::info_span!(
        "send",
        otel.name = %format_args!("{} send", record.topic),
        otel.kind = "producer",
        otel.status_code = field::Empty,
        messaging.system = "kafka",
        messaging.operation.name = "send",
        messaging.operation.r#type = "send",
        messaging.destination.name = record.topic,
        messaging.destination.partition.id = field::Empty,
        messaging.kafka.offset = field::Empty,
        messaging.kafka.message.key = record.envelope.partition_key,
        messaging.message.id = %record.envelope.id,
        event.r#type = record.envelope.event_type,
        correlation_id = %record.envelope.correlation_id,
        error.r#type = field::Empty,
    )
}

/// Says in the span how it ended.
pub(super) fn ended(span: &Span, result: &Result<Published, PublishError>) {
    match result {
        Ok(published) => {
            span.record("messaging.destination.partition.id", published.partition);
            span.record("messaging.kafka.offset", published.offset);
        }
        Err(error) => {
            span.record("error.type", error.label());
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// The span of a batch. Each event keeps the trace it was written in: a batch belongs to none of them.
pub(super) fn of_batch(topic: &str, records: usize) -> Span {
    tracing::info_span!(
        "send",
        otel.name = %format_args!("{topic} send"),
        otel.kind = "producer",
        messaging.system = "kafka",
        messaging.operation.name = "send",
        messaging.operation.r#type = "send",
        messaging.destination.name = topic,
        messaging.batch.message_count = records,
    )
}
