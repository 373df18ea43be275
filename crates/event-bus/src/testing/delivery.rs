//! Records as they lie in a log.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use bytes::Bytes;
use serde::Serialize;

use crate::{
    AvroSchema, Event, EventParts, InvalidEvent, OutboundRecord, Registry, codec,
    consumer::SourceRecord, envelope::JSON_CONTENT_TYPE,
};

/// A record with its bytes, for [`HandlerTest`](super::HandlerTest).
#[derive(Clone, Debug)]
pub struct Delivery {
    pub(super) topic: String,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    schema: Option<&'static AvroSchema>,
}

impl Delivery {
    /// The record a producer of this bus writes: Avro in the Confluent wire format, attributes in headers, the key
    /// that belongs to the event.
    ///
    /// # Errors
    /// When such an event may not be published.
    pub fn of<E: Event>(parts: EventParts, event: &E) -> Result<Self, InvalidEvent> {
        let record = OutboundRecord::of(parts, event)?;
        let mut wire = Vec::new();
        codec::frame_into(id_of(E::schema()), &record.datum, &mut wire);
        Ok(Self::outbound(&record, wire, Some(E::schema())))
    }

    /// The same with its payload in JSON.
    ///
    /// # Errors
    /// When such an event may not be published.
    pub fn json<E: Event>(parts: EventParts, event: &E) -> Result<Self, InvalidEvent> {
        let mut record = OutboundRecord::of(parts, event)?;
        JSON_CONTENT_TYPE.clone_into(&mut record.envelope.data_content_type);
        Ok(Self::outbound(&record, json(event), None))
    }

    /// A record of somebody else: nothing in it yet.
    pub fn foreign(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            key: None,
            value: None,
            headers: Vec::new(),
            schema: None,
        }
    }

    /// A foreign event in structured mode: one JSON object with attributes and data.
    pub fn cloud_event(topic: impl Into<String>, event: &serde_json::Value) -> Self {
        Self::foreign(topic)
            .header(
                "content-type",
                "application/cloudevents+json; charset=utf-8",
            )
            .value(json(event))
    }

    /// It has this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// It has this value.
    #[must_use]
    pub fn value(mut self, value: impl Into<Vec<u8>>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// This header, in place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// No header of this name.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn outbound(
        record: &OutboundRecord,
        value: Vec<u8>,
        schema: Option<&'static AvroSchema>,
    ) -> Self {
        let headers = record.envelope.to_headers().into_iter();
        Self {
            topic: record.topic.clone(),
            key: Some(record.envelope.partition_key.clone().into_bytes()),
            value: Some(value),
            headers: headers
                .map(|(name, value)| (name.into_owned(), value.into_bytes()))
                .collect(),
            schema,
        }
    }

    pub(super) fn original(&self) -> SourceRecord {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), Some(value.as_slice())));
        let value = self.value.clone().map(Bytes::from);
        SourceRecord::new(self.key.as_deref(), headers, value, None)
    }

    /// Tells the registry what this record was written with.
    pub(super) async fn introduce(&self, registry: &Registry) {
        if let Some(schema) = self.schema
            && !registry.is_kept(id_of(schema))
        {
            let copy = AvroSchema::parse(schema.json()).expect("it was parsed before");
            registry.keep(id_of(schema), Arc::new(copy)).await;
        }
    }
}

/// The id of a schema in the kit's registry: always the same for the same schema.
fn id_of(schema: &AvroSchema) -> u32 {
    let mut hasher = DefaultHasher::new();
    schema.json().hash(&mut hasher);
    // Any 32 of the bits will do.
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
