//! What an event says of itself besides its payload: `CloudEvents` 1.0 with this bus's extensions.

mod attributes;
mod binary;
mod json;
mod structured;
#[cfg(test)]
mod tests;

use time::OffsetDateTime;
use uuid::Uuid;

pub use attributes::BadEnvelope;

/// The content type of Avro payloads in the Confluent wire format.
pub const AVRO_CONTENT_TYPE: &str = "application/avro";
/// The content type of JSON payloads.
pub const JSON_CONTENT_TYPE: &str = "application/json";

/// A tenant as an event names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TenantRef {
    /// The tenant's id, attribute `tenantid`.
    pub id: Uuid,
    /// Where the tenant's data live, attribute `region`.
    pub region: String,
}

/// The envelope of one event.
///
/// With serde it is the flat JSON object of its `CloudEvents` attributes, read back under the same rules
/// as one from the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `id`: unique for ever; the same id is the same event.
    pub id: Uuid,
    /// `type`, as `order.paid`.
    pub event_type: String,
    /// `source`: who says so, a URI reference.
    pub source: String,
    /// `time`: when it happened; to the microsecond on the wire or finer.
    pub time: OffsetDateTime,
    /// `subject`: the aggregate's id.
    pub subject: String,
    /// `aggregatetype`: what kind of thing the subject names. From elsewhere without it: the type's
    /// first word.
    pub aggregate: String,
    /// `tenantid` and `region`.
    pub tenant: Option<TenantRef>,
    /// `correlationid`: shared by everything that follows from one request. Without it: the id.
    pub correlation_id: Uuid,
    /// `causationid`: the event that caused this one.
    pub causation_id: Option<Uuid>,
    /// `userid`: on whose behalf.
    pub user_id: Option<Uuid>,
    /// `dataversion`: the version of the payload's schema, from 1. Without it: 1.
    pub data_version: u32,
    /// `sequence`: the aggregate's version after the event. Without it: 0.
    pub sequence: u64,
    /// `partitionkey`: the record's key. Without it: the key it came with.
    pub partition_key: String,
    /// `traceparent`, W3C. One that is malformed is dropped, as W3C asks.
    pub traceparent: Option<String>,
    /// `tracestate`, W3C.
    pub tracestate: Option<String>,
    /// `datacontenttype`.
    pub data_content_type: String,
    /// `dataschema`: where the payload's schema can be had.
    pub data_schema: Option<String>,
}

/// An envelope read from a record, with the payload's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The envelope.
    pub envelope: Envelope,
    /// The payload as `data_content_type` says; in structured mode taken out of the JSON.
    pub payload: bytes::Bytes,
}
