//! Payloads on the wire: Avro in the Confluent format, or JSON.

use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{
    AvroSchema, BoxError, Failure, SchemaError,
    envelope::{AVRO_CONTENT_TYPE, MediaType},
};

/// The first byte of the Confluent wire format.
const MAGIC: u8 = 0;
/// Magic byte and schema id.
const HEADER: usize = 5;

/// A payload that cannot be read, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not the Confluent wire format.
    #[error("payload is not in the confluent wire format: {0}")]
    WireFormat(&'static str),
    /// The schema registry does not know the schema, or holds something that is not an Avro schema.
    #[error("the payload's schema cannot be used: {0}")]
    Schema(BoxError),
    /// The datum does not read with its schema as the wanted type.
    #[error(transparent)]
    Datum(#[from] SchemaError),
    /// The JSON is not of the wanted type.
    #[error("payload is not the json expected: {0}")]
    Json(#[from] serde_json::Error),
    /// Neither Avro nor JSON.
    #[error("payload has content type {0:?}, neither avro nor json")]
    ContentType(String),
    /// The payload is of another tenant than the envelope.
    #[error("the payload is of tenant {payload}, its envelope of tenant {envelope}")]
    Tenant {
        /// The tenant in the payload.
        payload: Uuid,
        /// The tenant in the envelope.
        envelope: Uuid,
    },
    /// Another type of event than asked for.
    #[error("event is a {found}, not a {wanted}")]
    Type {
        /// What the envelope says.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
}

/// Appends the schema id and the datum in the wire format.
pub fn frame_into(schema_id: u32, datum: &[u8], wire: &mut Vec<u8>) {
    wire.reserve(HEADER + datum.len());
    wire.push(MAGIC);
    wire.extend_from_slice(&schema_id.to_be_bytes());
    wire.extend_from_slice(datum);
}

/// The schema id and the datum of a payload in the wire format.
///
/// # Errors
/// [`DecodeError::WireFormat`]: the payload is too short, or does not begin with the magic byte.
pub fn unframe(payload: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    let Some((header, datum)) = payload.split_first_chunk::<HEADER>() else {
        return Err(DecodeError::WireFormat("shorter than its header"));
    };
    let [MAGIC, id @ ..] = *header else {
        return Err(DecodeError::WireFormat("no magic byte"));
    };
    Ok((u32::from_be_bytes(id), datum))
}

/// Reads a datum with its writer's schema.
///
/// # Errors
/// A permanent failure: the bytes are not a datum of the schema, or do not fit `T`.
pub fn read<T: DeserializeOwned>(schema: &AvroSchema, datum: &[u8]) -> Result<T, Failure> {
    schema.decode(datum).map_err(undecodable)
}

/// A permanent failure: the payload can never be decoded.
pub fn undecodable(error: impl Into<DecodeError>) -> Failure {
    Failure::permanent(error.into())
}

/// The format of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Avro in the Confluent wire format.
    Avro,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a `datacontenttype` names; `None` for any other.
    pub fn of(content_type: &str) -> Option<Self> {
        if content_type == AVRO_CONTENT_TYPE {
            return Some(Self::Avro);
        }
        let media = MediaType::parse(content_type)?;
        let is_avro = media.is("application", "avro")
            || media.is("avro", "binary")
            || media.is("application", "vnd.confluent.avro")
            || media.has_suffix("+avro");
        match (is_avro, media.is_json()) {
            (true, _) => Some(Self::Avro),
            (_, true) => Some(Self::Json),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_zero_the_id_and_the_datum() {
        let mut wire = Vec::new();
        frame_into(258, b"xy", &mut wire);
        assert_eq!(wire, [0, 0, 0, 1, 2, b'x', b'y']);
        assert_eq!(unframe(&wire).unwrap(), (258, &b"xy"[..]));
    }

    #[test]
    fn a_datum_written_in_its_frame_is_the_datum_framed() {
        let schema = r#"{"type":"record","name":"A","fields":[{"name":"text","type":"string"}]}"#;
        let schema = AvroSchema::parse(schema).unwrap();
        let value = std::collections::BTreeMap::from([(
            "text",
            "long enough to grow the buffer".repeat(9),
        )]);
        let mut framed = Vec::new();
        frame_into(258, &schema.encode(&value).unwrap(), &mut framed);
        assert_eq!(schema.encode_framed(258, &value).unwrap(), framed);
    }

    #[test]
    fn what_is_no_frame_is_named() {
        for (payload, why) in [
            (&b""[..], "shorter"),
            (b"\0\0\0\x01", "shorter"),
            (b"{\"a\":1}", "magic"),
        ] {
            assert!(unframe(payload).unwrap_err().to_string().contains(why));
        }
    }
}
