//! Payloads on the wire: Avro in the Confluent format, or JSON.

use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{
    AvroSchema, Envelope, Failure, Registry, RegistryError, SchemaError,
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
    /// The registry never heard of its schema, or what it holds is no schema.
    #[error(transparent)]
    Schema(RegistryError),
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

/// Appends a datum with the registry's id before it.
pub(crate) fn frame_into(schema_id: u32, datum: &[u8], wire: &mut Vec<u8>) {
    wire.reserve(HEADER + datum.len());
    wire.push(MAGIC);
    wire.extend_from_slice(&schema_id.to_be_bytes());
    wire.extend_from_slice(datum);
}

/// The registry's id and the datum in a wire-format payload.
pub(crate) fn unframe(payload: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    let Some((header, datum)) = payload.split_first_chunk::<HEADER>() else {
        return Err(DecodeError::WireFormat("shorter than its header"));
    };
    let [MAGIC, id @ ..] = *header else {
        return Err(DecodeError::WireFormat("no magic byte"));
    };
    Ok((u32::from_be_bytes(id), datum))
}

/// Reads a payload as `T`, asking the registry for the writer's schema if it is not in memory.
pub(crate) async fn decode<T: DeserializeOwned>(
    registry: &Registry,
    envelope: &Envelope,
    payload: &[u8],
) -> Result<T, Failure> {
    match Format::of(&envelope.data_content_type) {
        Some(Format::Json) => Ok(serde_json::from_slice(payload).map_err(undecodable)?),
        Some(Format::Avro) => {
            let (id, datum) = unframe(payload).map_err(Failure::permanent)?;
            let schema = registry.schema(id).await.map_err(|error| match error {
                RegistryError::Unavailable(_) => Failure::unavailable(error),
                error => Failure::permanent(DecodeError::Schema(error)),
            })?;
            read(&schema, datum)
        }
        None => Err(Failure::permanent(DecodeError::ContentType(
            envelope.data_content_type.clone(),
        ))),
    }
}

/// Reads a datum with its writer's schema.
pub(crate) fn read<T: DeserializeOwned>(schema: &AvroSchema, datum: &[u8]) -> Result<T, Failure> {
    schema.decode(datum).map_err(undecodable)
}

fn undecodable(error: impl Into<DecodeError>) -> Failure {
    Failure::permanent(error.into())
}

enum Format {
    Avro,
    Json,
}

impl Format {
    fn of(content_type: &str) -> Option<Self> {
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
