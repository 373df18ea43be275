//! The catalogue as the bus asks for it.

use std::collections::BTreeSet;

use event_bus_core::{
    AvroSchema, EventType, SchemaSource, Scope, SubjectNaming,
    asyncapi::{Info, document},
};

use crate::{CATALOGUE, RELEASED};

/// The type of event called `event_type`.
pub fn find(event_type: &str) -> Option<&'static EventType> {
    CATALOGUE
        .binary_search_by(|known| known.ty.cmp(event_type))
        .ok()
        .map(|at| &CATALOGUE[at])
}

/// The released versions of a type, the oldest first.
pub fn released(event_type: &str) -> impl Iterator<Item = &'static EventType> {
    let begin = RELEASED.partition_point(|old| old.ty < event_type);
    RELEASED[begin..]
        .iter()
        .take_while(move |old| old.ty == event_type)
}

/// The topics that have a type of event, each once, in order of name and without prefix.
pub fn topics() -> BTreeSet<&'static str> {
    CATALOGUE.iter().map(|known| known.topic).collect()
}

/// The topics and types of this product as an `AsyncAPI` 3 document; `proto/asyncapi.json` is this, written by
/// `make asyncapi`.
pub fn asyncapi() -> serde_json::Value {
    let info = Info {
        title: "Tenantry",
        version: env!("CARGO_PKG_VERSION"),
        description: "The events of a multi-tenant platform, as CloudEvents 1.0 in binary mode with Avro payloads in the \
                      Confluent wire format.",
        subject_naming: SubjectNaming::default(),
    };
    document(&info, CATALOGUE)
}

/// Every event of this product, for producers that are handed bare data and for consumers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Catalogue;

impl SchemaSource for Catalogue {
    fn schema(&self, event_type: &str, version: u32) -> Option<&'static AvroSchema> {
        let known = find(event_type)?;
        if known.version == version {
            return Some((known.schema)());
        }
        // A row may wait in an outbox while its type moves on.
        released(event_type)
            .find(|old| old.version == version)
            .map(|old| (old.schema)())
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        find(event_type).map(|known| known.scope)
    }
}
