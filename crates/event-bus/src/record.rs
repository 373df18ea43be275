//! One event as a handler meets it.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{
    AvroSchema, BadEvent, Envelope, Event, EventParts, Failure, OutboundRecord, Registry,
    codec::{self, DecodeError},
    json::AnyJson,
};

/// One event from the log: the envelope is read and checked, the payload not yet.
#[derive(Clone)]
pub struct Record {
    /// The envelope, shared with what is made of the record.
    pub envelope: Arc<Envelope>,
    /// The topic without prefix.
    pub topic: Arc<str>,
    /// The partition it was read from.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// When the log got it, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    pub(crate) payload: Payload,
}

#[derive(Clone)]
pub(crate) enum Payload {
    /// As on the wire; the registry knows the schema.
    Wire(Bytes, Registry),
    /// A datum that never left the process.
    Datum(&'static AvroSchema, Bytes),
}

/// A typed event with what surrounds it.
#[derive(Clone, Debug)]
pub struct Received<E> {
    /// The envelope.
    pub envelope: Arc<Envelope>,
    /// The payload.
    pub data: E,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

impl Record {
    /// A record that was never in a log, to try a handler without a broker.
    pub fn of<E: Event>(parts: EventParts, event: &E) -> Result<Self, BadEvent> {
        let record = OutboundRecord::of(parts, event)?;
        Ok(Self {
            envelope: Arc::new(record.envelope),
            topic: record.topic.into(),
            partition: 0,
            offset: 0,
            timestamp: None,
            attempt: 1,
            payload: Payload::Datum(E::schema(), record.datum.into()),
        })
    }

    /// Whether this is an event of type `E`.
    pub fn is<E: Event>(&self) -> bool {
        self.envelope.event_type == E::TYPE
    }

    /// The payload's bytes: as on the wire, or the bare datum of a record made by [`Record::of`].
    pub fn payload(&self) -> &[u8] {
        match &self.payload {
            Payload::Wire(bytes, _) | Payload::Datum(_, bytes) => bytes,
        }
    }

    /// The payload as `E`.
    ///
    /// # Errors
    /// Permanent when it is another type of event, does not read, or is of another tenant than the envelope; unavailable when its schema is not in
    /// memory and the registry is away.
    pub async fn decode<E: Event>(&self) -> Result<E, Failure> {
        if !self.is::<E>() {
            return Err(Failure::permanent(DecodeError::Type {
                found: self.envelope.event_type.clone(),
                wanted: E::TYPE,
            }));
        }
        let event: E = self.read().await?;
        if let (Some(payload), Some(tenant)) = (event.tenant_id(), &self.envelope.tenant)
            && payload != tenant.id
        {
            let envelope = tenant.id;
            return Err(Failure::permanent(DecodeError::Tenant {
                payload,
                envelope,
            }));
        }
        Ok(event)
    }

    /// The payload as JSON, whatever type of event it is. Bytes become base64.
    pub async fn decode_json(&self) -> Result<serde_json::Value, Failure> {
        Ok(self.read::<AnyJson>().await?.0)
    }

    /// The payload as `E`, with the envelope.
    pub async fn receive<E: Event>(&self) -> Result<Received<E>, Failure> {
        Ok(Received {
            envelope: Arc::clone(&self.envelope),
            data: self.decode().await?,
            attempt: self.attempt,
        })
    }

    async fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match &self.payload {
            Payload::Wire(bytes, registry) => codec::decode(registry, &self.envelope, bytes).await,
            Payload::Datum(schema, datum) => codec::read(schema, datum),
        }
    }
}
