//! Avro data by `apache-avro`, through its serde path: no intermediate `Value`.
//!
//! That path asks more of a Rust type than Avro does: a struct has the record's name, an integer the field's exact width, an
//! `Option` a union of two. [`de`] and [`ser`] wrap its deserializer and serializer so that types are read and written by the
//! shape of their fields alone, and so that a datum cannot nest or repeat without end.

#[cfg_attr(
    feature = "fast-avro",
    allow(dead_code, reason = "the other reader is at work")
)]
mod de;
#[cfg(feature = "fast-avro")]
mod fast;
mod inline;
mod ser;

use std::sync::atomic::{AtomicBool, Ordering};

use apache_avro::{
    Schema, error::Details, reader::datum::GenericDatumReader, schema::ResolvedSchema, util,
    writer::datum::GenericDatumWriter,
};
use ouroboros::self_referencing;
use serde::{Serialize, de::DeserializeOwned};

/// The longest text or byte string of a datum, in bytes: as much as a consumer holds in flight. `apache-avro` reserves a
/// length before it has seen the bytes.
const MAX_ALLOCATION: usize = 64 << 20;

/// Reads and writes the data of one schema.
pub(crate) struct DatumCodec {
    parsed: Parsed,
    #[cfg(feature = "fast-avro")]
    fast: fast::FastReader,
    /// A value had its fields in another order than the schema.
    is_reordered: AtomicBool,
}

/// A parsed schema with the reader and the writer made for it, so that names are resolved once.
#[self_referencing]
struct Parsed {
    schema: Schema,
    /// The same with references replaced by what they mean: each would cost a look-up by name for each value.
    inlined: Schema,
    #[borrows(schema, inlined)]
    #[covariant]
    reader: GenericDatumReader<'this>,
    #[borrows(schema, inlined)]
    #[covariant]
    writer: GenericDatumWriter<'this>,
}

impl DatumCodec {
    /// Parses the JSON of a schema. The error is a sentence.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        util::max_allocation_bytes(MAX_ALLOCATION);
        let schema = Schema::parse_str(json).map_err(|error| error.to_string())?;
        let names = ResolvedSchema::new(&schema).map_err(|error| error.to_string())?;
        let inlined = inline::inlined(&schema, names.get_names());
        let parsed = ParsedTryBuilder {
            schema,
            inlined,
            // UUIDs are text in our schemas, which is the form for people.
            reader_builder: |schema, inlined| {
                GenericDatumReader::builder(inlined)
                    .resolved_writer_schemata(ResolvedSchema::new(schema)?)
                    .human_readable(true)
                    .build()
            },
            writer_builder: |schema, inlined| {
                GenericDatumWriter::builder(inlined)
                    .resolved_schemata(ResolvedSchema::new(schema)?)
                    .human_readable(true)
                    .build()
            },
        };
        Ok(Self {
            parsed: parsed.try_build().map_err(reason)?,
            #[cfg(feature = "fast-avro")]
            fast: fast::FastReader::parse(json)?,
            is_reordered: AtomicBool::new(false),
        })
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.parsed.borrow_schema()
    }

    /// Appends a datum to `bytes`.
    ///
    /// A value is first written as if its fields were in the order of the schema, which saves the look-up of each by its name.
    /// When that fails, for whatever reason, it is written by name.
    pub(crate) fn write<T: Serialize + ?Sized>(
        &self,
        value: &T,
        bytes: &mut Vec<u8>,
    ) -> Result<(), String> {
        let (writer, begin) = (self.parsed.borrow_writer(), bytes.len());
        if !self.is_reordered.load(Ordering::Relaxed) {
            let in_order = ser::Lenient::in_order(value, self.parsed.borrow_inlined());
            if writer.write_ser(bytes, &in_order).is_ok() {
                return Ok(());
            }
            bytes.truncate(begin);
        }
        let by_name = ser::Lenient::by_name(value);
        writer.write_ser(bytes, &by_name).map_err(reason)?;
        self.is_reordered.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Reads the whole of a datum.
    pub(crate) fn read<T: DeserializeOwned>(&self, datum: &[u8]) -> Result<T, String> {
        let mut rest = datum;
        #[cfg(not(feature = "fast-avro"))]
        let value = {
            let reader = self.parsed.borrow_reader();
            let de::Datum(value) = reader.read_deser(&mut rest).map_err(reason)?;
            value
        };
        #[cfg(feature = "fast-avro")]
        let value = self.fast.read(&mut rest)?;
        match rest.len() {
            0 => Ok(value),
            left => Err(format!("{left} bytes left over")),
        }
    }
}

/// What went wrong, without the whole schema that `apache-avro` prints with it.
fn reason(error: apache_avro::Error) -> String {
    match error.into_details() {
        Details::SerializeValueWithSchema {
            value_type, value, ..
        }
        | Details::DeserializeSchemaAware {
            value_type, value, ..
        } => format!("{value_type}: {value}"),
        Details::SerializeRecordFieldWithSchema {
            field_name, error, ..
        } => format!("field {field_name}: {error}"),
        Details::MissingDefaultForSkippedField { field_name, .. } => {
            format!("field {field_name} is missing and has no default")
        }
        details => details.to_string(),
    }
}
