//! An Avro schema, parsed once, and the datum codec that goes with it.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::{codec, datum::DatumCodec};

/// A fixed type larger than this is refused: its size is read from the schema and reserved for each datum.
const MAX_FIXED: u64 = 1 << 20;

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

/// An Avro schema of a named record, with the codec for its data.
///
/// Reading resolves the *writer's* schema straight into the wanted serde type: fields the type lacks are skipped, fields the
/// writer lacked need `#[serde(default)]`, and numbers are read as any numeric type they fit. The names of Rust types do not
/// have to be those of the schema.
///
/// A union of null and one more type is an `Option`. Any other union is an enum whose variants are in the order of the union.
pub struct AvroSchema {
    json: String,
    full_name: String,
    codec: DatumCodec,
}

impl AvroSchema {
    /// Parses the schema's JSON. Static schemas belong in a `LazyLock`.
    pub fn parse(json: &str) -> Result<Self, SchemaError> {
        let root: serde_json::Value =
            serde_json::from_str(json).map_err(|error| SchemaError::Schema(error.to_string()))?;
        if let Some(size) = oversized_fixed(&root) {
            let reason = format!("a fixed type of {size} bytes, more than {MAX_FIXED}");
            return Err(SchemaError::Schema(reason));
        }
        let codec = DatumCodec::parse(json).map_err(SchemaError::Schema)?;
        let full_name = full_name(&root).ok_or(SchemaError::Unnamed)?;
        Ok(Self {
            json: json.to_owned(),
            full_name,
            codec,
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

    /// The parsed schema, for code that uses `apache-avro` directly.
    pub fn parsed(&self) -> &apache_avro::Schema {
        self.codec.schema()
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
        mut bytes: Vec<u8>,
    ) -> Result<Vec<u8>, SchemaError> {
        match self.codec.write(value, &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(reason) => Err(SchemaError::Encode {
                schema: self.full_name.clone(),
                reason,
            }),
        }
    }

    /// Reads one datum written with this schema into any type. Bytes left over are an error.
    pub fn decode<T: DeserializeOwned>(&self, datum: &[u8]) -> Result<T, SchemaError> {
        self.codec
            .read(datum)
            .map_err(|reason| SchemaError::Decode {
                schema: self.full_name.clone(),
                reason,
            })
    }
}

impl fmt::Debug for AvroSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AvroSchema")
            .field("full_name", &self.full_name)
            .field("json", &self.json)
            .finish_non_exhaustive()
    }
}

/// The size of a fixed type that is too large, if there is one.
fn oversized_fixed(schema: &serde_json::Value) -> Option<u64> {
    match schema {
        serde_json::Value::Array(branches) => branches.iter().find_map(oversized_fixed),
        serde_json::Value::Object(object) => {
            let is_fixed = object.get("type").is_some_and(|kind| kind == "fixed");
            let size = object.get("size").and_then(serde_json::Value::as_u64);
            size.filter(|size| is_fixed && *size > MAX_FIXED)
                .or_else(|| object.values().find_map(oversized_fixed))
        }
        _ => None,
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
