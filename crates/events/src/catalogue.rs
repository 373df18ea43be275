//! The catalogue as the bus asks for it.

use std::collections::BTreeSet;

use event_bus::{AvroSchema, EventType, SchemaSource, Scope};

use crate::CATALOGUE;

/// The type of event called `event_type`.
pub fn find(event_type: &str) -> Option<&'static EventType> {
    CATALOGUE
        .binary_search_by(|known| known.ty.cmp(event_type))
        .ok()
        .map(|at| &CATALOGUE[at])
}

/// The topics that have a type of event, each once, in order of name and without prefix.
pub fn topics() -> BTreeSet<&'static str> {
    CATALOGUE.iter().map(|known| known.topic).collect()
}

/// Every event of this product, for producers that are handed bare data and for consumers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Catalogue;

impl SchemaSource for Catalogue {
    fn schema(&self, event_type: &str, version: u32) -> Option<&'static AvroSchema> {
        find(event_type)
            .filter(|known| known.version == version)
            .map(|known| (known.schema)())
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        find(event_type).map(|known| known.scope)
    }
}
