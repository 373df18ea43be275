//! One event as a handler meets it.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{
    AnyJson, AvroSchema, Envelope, Event, EventParts, Failure, InvalidEvent, OutboundRecord,
    Parsed, Registry,
    codec::{self, DecodeError},
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
    pub fn of<E: Event>(parts: EventParts, event: &E) -> Result<Self, InvalidEvent> {
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

    /// A record that came by another way than a consumer's, as far as [`Envelope::from_record`] has read it. `registry`
    /// knows the payload's schema. Its place is the first of partition 0 unless the caller sets another.
    pub fn parsed(parsed: Parsed, topic: impl Into<Arc<str>>, registry: &Registry) -> Self {
        Self {
            envelope: Arc::new(parsed.envelope),
            topic: topic.into(),
            partition: 0,
            offset: 0,
            timestamp: None,
            attempt: 1,
            payload: Payload::Wire(parsed.payload, registry.clone()),
        }
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
            Payload::Wire(bytes, registry) => {
                crate::payload::decode(registry, &self.envelope, bytes).await
            }
            Payload::Datum(schema, datum) => codec::read(schema, datum),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::Scope;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Paid {
        amount: i64,
    }

    impl Event for Paid {
        const TYPE: &'static str = "order.paid";
        const TOPIC: &'static str = "order.events";
        const AGGREGATE: &'static str = "order";
        const SCOPE: Scope = Scope::Platform;
        const VERSION: u32 = 1;

        fn schema() -> &'static AvroSchema {
            static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(paid);
            &SCHEMA
        }
    }

    fn paid() -> AvroSchema {
        let schema =
            r#"{"type":"record","name":"Paid","fields":[{"name":"amount","type":"long"}]}"#;
        AvroSchema::parse(schema).unwrap()
    }

    #[tokio::test]
    async fn a_record_that_came_by_another_way_is_read_with_the_registrys_schema() {
        let registry = Registry::new("http://127.0.0.1:9/").unwrap();
        registry.keep(7, Arc::new(paid())).await;
        let parts = EventParts::new("/shop", "order-1");
        let sent = OutboundRecord::of(parts, &Paid { amount: 1999 }).unwrap();
        let headers = sent.envelope.to_headers();
        let headers = headers
            .iter()
            .map(|(name, value)| (&**name, value.as_bytes()));
        let value = Paid::schema()
            .encode_framed(7, &Paid { amount: 1999 })
            .unwrap();
        let parsed = Envelope::from_record(headers, None, Some(value.into())).unwrap();

        let record = Record::parsed(parsed, Paid::TOPIC, &registry);

        assert_eq!(*record.envelope, sent.envelope);
        assert_eq!(
            record.decode::<Paid>().await.unwrap(),
            Paid { amount: 1999 }
        );
    }
}
