//! Whether schemas understand each other, and if not, which field of them and why.

mod model;
mod resolve;

use std::fmt;

use crate::{AvroSchema, EventType, SchemaError};
use model::Model;
use resolve::Resolver;

/// A place where a reader's schema does not take what a writer's gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incompatibility {
    /// Where, from the root record: `OrderCreated.items[].quantity`.
    pub path: String,
    /// The rule that is broken.
    pub rule: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. The mend: {}", self.path, self.rule, self.mend)
    }
}

impl AvroSchema {
    /// What keeps a reader with this schema from reading data of `writer`; empty when nothing does.
    ///
    /// The rules are Avro's (1.12, "Schema Resolution"), and one more: a logical type that differs is misread without an
    /// error, so it counts as one.
    ///
    /// # Errors
    /// When one of the two is no schema.
    pub fn cannot_read(&self, writer: &AvroSchema) -> Result<Vec<Incompatibility>, SchemaError> {
        let (reader, writer) = (Model::parse(self.json())?, Model::parse(writer.json())?);
        Ok(Resolver::run(&reader, &writer))
    }
}

/// What is wrong with a type of event, compared with all its released versions: a sentence for each fault, which names the
/// schema, the field, the rule and the mend. Empty when nothing is.
///
/// A released version stays as it is, since records of it lie in logs and outboxes. A newer one reads them, and is read by
/// programs that know only them: the compatibility that registries call `FULL_TRANSITIVE`.
///
/// # Errors
/// When one of the schemas is none.
pub fn faults(now: &EventType, released: &[EventType]) -> Result<Vec<String>, SchemaError> {
    let schema = (now.schema)();
    let mut faults = Vec::new();
    for old in released {
        let before = (old.schema)();
        let what = format!(
            "{} ({}) version {}, compared with the released version {}",
            schema.full_name(),
            now.ty,
            now.version,
            old.version
        );
        if old.version > now.version {
            faults.push(format!(
                "{what}: a version goes only up. The mend: x-version is at least {}",
                old.version
            ));
            continue;
        }
        let is_same_version = old.version == now.version;
        if is_same_version && shape(schema)? != shape(before)? {
            faults.push(format!(
                "{what}: the schema changed and its version did not. The mend: x-version is {}",
                old.version + 1
            ));
        }
        let backward = schema.cannot_read(before)?;
        let forward = before.cannot_read(schema)?;
        let directions = [
            ("it cannot read what was written", backward),
            ("what it writes cannot be read", forward),
        ];
        for (direction, found) in directions {
            faults.extend(
                found
                    .iter()
                    .map(|found| format!("{what}: {direction}: {found}")),
            );
        }
    }
    Ok(faults)
}

/// What decides about bytes and their meaning: the schema without its documentation.
fn shape(schema: &AvroSchema) -> Result<serde_json::Value, SchemaError> {
    let json = serde_json::from_str(schema.json());
    let mut json = json.map_err(|error| SchemaError::Schema(error.to_string()))?;
    forget_docs(&mut json);
    Ok(json)
}

fn forget_docs(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Array(parts) => parts.iter_mut().for_each(forget_docs),
        serde_json::Value::Object(object) => {
            object.remove("doc");
            for (name, part) in object {
                if name != "default" {
                    forget_docs(part);
                }
            }
        }
        _ => {}
    }
}
