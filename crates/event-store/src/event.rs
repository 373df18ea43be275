//! Events on their way in and out.

use event_bus::Envelope;
use serde_json::Value;
use time::OffsetDateTime;

use crate::{StoreError, entities::event::Model};

/// Longest type of an event or aggregate, in bytes.
const MAX_TYPE: usize = 200;
/// Longest id of an aggregate, in bytes: it must fit an index.
const MAX_SUBJECT: usize = 500;

/// Which aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AggregateRef<'a> {
    /// What kind of thing, as `order`.
    pub ty: &'a str,
    /// Its id: the subject of its events.
    pub id: &'a str,
}

/// Where in the log an event was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogPlace {
    /// The topic as the broker calls it.
    pub topic: String,
    /// The partition of it.
    pub partition: i32,
    /// The record's offset in it.
    pub offset: i64,
}

/// An event the store cannot hold, whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unstorable {
    /// Payloads are records.
    #[error("the payload is not an object")]
    NotAnObject,
    /// `PostgreSQL`'s text and JSON hold no NUL.
    #[error("a text holds the character NUL")]
    Nul,
    /// It would not fit an index.
    #[error("attribute {0} is too long")]
    TooLong(&'static str),
    /// `PostgreSQL`'s integers are signed.
    #[error("attribute sequence is too large")]
    Sequence,
}

/// An event to be appended, known to fit.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub(crate) envelope: Envelope,
    pub(crate) payload: Value,
    pub(crate) place: LogPlace,
    pub(crate) version: i64,
}

impl NewEvent {
    /// Checks what `PostgreSQL` would refuse, so that one event cannot fail its whole batch. The
    /// envelope's time is cut to the microsecond, which is what `PostgreSQL`'s times hold.
    ///
    /// # Panics
    /// Never: the cut time is a time.
    pub fn new(
        mut envelope: Envelope,
        payload: Value,
        place: LogPlace,
    ) -> Result<Self, Unstorable> {
        let micros = envelope.time.microsecond() * 1000;
        envelope.time = (envelope.time.replace_nanosecond(micros))
            .expect("microseconds of a second are below a thousand million nanoseconds");
        let version = i64::try_from(envelope.sequence).map_err(|_| Unstorable::Sequence)?;
        if !payload.is_object() {
            return Err(Unstorable::NotAnObject);
        }
        if has_nul(&payload) {
            return Err(Unstorable::Nul);
        }
        let lengths = [
            ("type", &envelope.event_type, MAX_TYPE),
            ("aggregatetype", &envelope.aggregate, MAX_TYPE),
            ("subject", &envelope.subject, MAX_SUBJECT),
        ];
        for (name, text, max) in lengths {
            if text.len() > max {
                return Err(Unstorable::TooLong(name));
            }
        }
        Ok(Self {
            envelope,
            payload,
            place,
            version,
        })
    }

    /// What the event says of itself.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Where it was read.
    pub fn place(&self) -> &LogPlace {
        &self.place
    }
}

/// Envelopes need no such look: the bus refuses control characters in attributes.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its place in the store: events become visible in this order.
    pub position: i64,
    /// What it says of itself.
    pub envelope: Envelope,
    /// What happened.
    pub payload: Value,
    /// When it was stored.
    pub recorded_at: OffsetDateTime,
    /// Where it was read.
    pub place: LogPlace,
}

impl TryFrom<Model> for StoredEvent {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let envelope =
            serde_json::from_value(row.metadata).map_err(|error| StoreError::Envelope {
                event: row.event_id,
                reason: error.to_string(),
            })?;
        Ok(Self {
            position: row.position,
            envelope,
            payload: row.payload,
            recorded_at: row.recorded_at,
            place: LogPlace {
                topic: row.topic,
                partition: row.partition,
                offset: row.log_offset,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_is_found_wherever_it_hides() {
        assert!(has_nul(&json!({"a": ["b\0"]})));
        assert!(has_nul(&json!({"a": {"b\0": 1}})));
        assert!(!has_nul(&json!({"a": "\\u0000", "b": [1, null, true]})));
    }
}
