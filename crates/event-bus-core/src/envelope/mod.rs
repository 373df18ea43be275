//! What an event says of itself besides its payload: `CloudEvents` 1.0 with this bus's extensions.

mod attributes;
mod binary;
mod extension;
mod json;
mod media_type;
mod names;
mod rules;
mod structured;
mod syntax;
#[cfg(test)]
mod tests;
mod written;

use std::{borrow::Cow, collections::BTreeMap};

use time::OffsetDateTime;
use uuid::Uuid;

pub use extension::{Extension, OriginalAttributes};
pub(crate) use media_type::MediaType;
pub use rules::InvalidEnvelope;
pub use {
    binary::{CONTENT_TYPE, HeaderValue},
    structured::{STRUCTURED_CONTENT_TYPE, holds_events, structured},
};

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
/// Any valid event of `CloudEvents` 1.0 has one, whoever wrote it; what ours always say is then filled in, and what has no
/// field is kept in `extensions`. Written to a record again, the event is as it came.
///
/// With serde it is the flat JSON object of its attributes, with what was filled in, read back under the same rules as
/// one from the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `id`: unique for ever; the same id is the same event. From elsewhere, where it may be any text that is unique for
    /// its `source`: the UUIDv5 of the two. [`Envelope::id_text`] is the text.
    pub id: Uuid,
    /// `type`, as `order.paid`.
    pub event_type: String,
    /// `source`: who says so, a URI reference.
    pub source: String,
    /// `time`: when it happened; to the microsecond on the wire or finer. Without it: when the log got it
    /// ([`Envelope::arrived`]), and 1970 before that is known.
    pub time: OffsetDateTime,
    /// `subject`: the aggregate's id. Only an event from elsewhere may have none: then it is empty.
    pub subject: String,
    /// `aggregatetype`: what kind of thing the subject names. From elsewhere without it: the type's
    /// first word.
    pub aggregate: String,
    /// `tenantid` and `region`.
    pub tenant: Option<TenantRef>,
    /// `correlationid`: shared by everything that follows from one request. Without it: the id. From elsewhere, where it
    /// may be any text: its UUIDv5.
    pub correlation_id: Uuid,
    /// `causationid`: the event that caused this one.
    pub causation_id: Option<Uuid>,
    /// `userid`: on whose behalf.
    pub user_id: Option<Uuid>,
    /// `dataversion`: the version of the payload's schema, from 1. Without it: 1.
    pub data_version: u32,
    /// `sequence`: the aggregate's version after the event. Without it, or from elsewhere and no number: 0.
    pub sequence: u64,
    /// `partitionkey`: the record's key. Without it: the key it came with, if that is text; empty for none.
    pub partition_key: String,
    /// `traceparent`, W3C. One that is malformed is dropped, as W3C asks.
    pub traceparent: Option<String>,
    /// `tracestate`, W3C.
    pub tracestate: Option<String>,
    /// `datacontenttype`. Without it: `application/json`.
    pub data_content_type: String,
    /// `dataschema`: where the payload's schema can be had, a URI.
    pub data_schema: Option<String>,
    /// Attributes that have no field here, by name.
    pub extensions: BTreeMap<String, Extension>,
    /// Where the fields differ from what came.
    pub as_given: OriginalAttributes,
}

impl Envelope {
    /// `id` as it is on the wire.
    pub fn id_text(&self) -> Cow<'_, str> {
        match self.as_given.text("id") {
            Some(text) => text.into(),
            None => self.id.to_string().into(),
        }
    }

    /// Whether the event itself says when it happened.
    pub fn states_time(&self) -> bool {
        !self.as_given.lacks("time")
    }

    /// Gives an event that does not say when it happened the time at which the log got it, in milliseconds since 1970.
    pub fn arrived(&mut self, timestamp: Option<i64>) {
        if !self.states_time()
            && let Some(millis) = timestamp
            && let Ok(time) =
                OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        {
            self.time = time;
        }
    }
}

/// An event read from a record: its envelope, and the payload's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The envelope.
    pub envelope: Envelope,
    /// The payload as `data_content_type` says; in structured mode taken out of the JSON.
    pub payload: bytes::Bytes,
}

/// The events of one record, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // one event is the rule, and is worth no allocation of its own
pub enum Content {
    /// Binary or structured mode.
    Event(Parsed),
    /// A batch (`application/cloudevents-batch+json`): any number of events, which have one place in the log. Whoever
    /// handles them counts the record as done when all are.
    Batch(Vec<Parsed>),
}

impl IntoIterator for Content {
    type Item = Parsed;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Parsed>, std::vec::IntoIter<Parsed>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, more) = match self {
            Self::Event(event) => (Some(event), Vec::new()),
            Self::Batch(events) => (None, events),
        };
        one.into_iter().chain(more)
    }
}
