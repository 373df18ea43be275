//! An Avro schema, parsed once, and the datum codec that goes with it.

use std::io::BufRead;

use serde::{Deserialize, Serialize};
use serde_avro_fast::{
    Schema,
    de::{DeserializerConfig, DeserializerState, read::SliceRead},
    ser::SerializerConfig,
};

use crate::codec;

/// More elements than this in one array or map of a datum is an attack, not an event.
const MAX_ELEMENTS: usize = 1_000_000;

/// A schema or datum that is not valid Avro, or does not fit its type.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The text is not an Avro schema.
    #[error("not an avro schema: {0}")]
    Schema(String),
    /// The root of the schema has no name, so it can have no subject in a registry.
    #[error("the schema's root is not a named record")]
    Unnamed,
    /// The value does not fit the schema.
    #[error("value does not fit schema {schema}: {reason}")]
    Encode {
        /// The schema's full name.
        schema: String,
        /// What did not fit.
        reason: String,
    },
    /// The bytes are not a datum of the schema, or do not give the wanted type.
    #[error("bytes do not read with schema {schema}: {reason}")]
    Decode {
        /// The schema's full name.
        schema: String,
        /// What did not read.
        reason: String,
    },
}

/// An Avro schema of a named record.
///
/// Reading resolves the *writer's* schema straight into the wanted serde type: fields the type lacks
/// are skipped, fields the writer lacked need `#[serde(default)]`.
#[derive(Debug)]
pub struct AvroSchema {
    json: String,
    full_name: String,
    fast: Schema,
}

impl AvroSchema {
    /// Parses the schema's JSON. Static schemas belong in a `LazyLock`.
    pub fn parse(json: &str) -> Result<Self, SchemaError> {
        let fast: Schema = json
            .parse()
            .map_err(|error| SchemaError::Schema(format!("{error}")))?;
        let root: serde_json::Value =
            serde_json::from_str(json).map_err(|error| SchemaError::Schema(error.to_string()))?;
        let full_name = full_name(&root).ok_or(SchemaError::Unnamed)?;
        Ok(Self {
            json: json.to_owned(),
            full_name,
            fast,
        })
    }

    /// The schema as it was given, which is what a registry stores.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The record's name with its namespace, as `shop.OrderPaid`.
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// The parsed schema, for code that uses `serde_avro_fast` directly.
    pub fn fast(&self) -> &Schema {
        &self.fast
    }

    /// Writes one datum: no magic byte, no schema id.
    pub fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, SchemaError> {
        self.append(value, Vec::with_capacity(128))
    }

    /// Writes one datum as a record's value carries it, under the id that the registry gave this schema: what a
    /// raw record with Avro in it needs.
    pub fn encode_framed<T: Serialize + ?Sized>(
        &self,
        schema_id: u32,
        value: &T,
    ) -> Result<Vec<u8>, SchemaError> {
        let mut wire = Vec::with_capacity(128);
        codec::frame_into(schema_id, &[], &mut wire);
        self.append(value, wire)
    }

    fn append<T: Serialize + ?Sized>(
        &self,
        value: &T,
        bytes: Vec<u8>,
    ) -> Result<Vec<u8>, SchemaError> {
        serde_avro_fast::to_datum(value, bytes, &mut SerializerConfig::new(&self.fast)).map_err(
            |error| SchemaError::Encode {
                schema: self.full_name.clone(),
                reason: error.to_string(),
            },
        )
    }

    /// Reads one datum written with this schema into any type. Bytes left over are an error.
    pub fn decode<'a, T: Deserialize<'a>>(&self, datum: &'a [u8]) -> Result<T, SchemaError> {
        let broken = |reason: String| SchemaError::Decode {
            schema: self.full_name.clone(),
            reason,
        };
        let mut config = DeserializerConfig::new(&self.fast);
        config.max_seq_size = MAX_ELEMENTS;
        let mut state = DeserializerState::with_config(SliceRead::new(datum), config);
        let value =
            T::deserialize(state.deserializer()).map_err(|error| broken(error.to_string()))?;
        let mut rest = state.into_reader();
        match rest.fill_buf().map_or(0, <[u8]>::len) {
            0 => Ok(value),
            left => Err(broken(format!("{left} bytes left over"))),
        }
    }
}

fn full_name(root: &serde_json::Value) -> Option<String> {
    let name = root.get("name")?.as_str()?;
    match root.get("namespace").and_then(serde_json::Value::as_str) {
        Some(namespace) if !namespace.is_empty() && !name.contains('.') => {
            Some(format!("{namespace}.{name}"))
        }
        _ => Some(name.to_owned()),
    }
}
