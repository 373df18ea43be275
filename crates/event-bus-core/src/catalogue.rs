//! What the bus knows of types of events besides the ones a program handles.

use std::{collections::HashMap, sync::Arc};

use crate::{AvroSchema, Event, Scope};

/// One type of event at one version, as data.
#[derive(Clone, Copy, Debug)]
pub struct EventType {
    /// The type's name on the wire.
    pub ty: &'static str,
    /// The topic without prefix.
    pub topic: &'static str,
    /// The kind of thing its subject names.
    pub aggregate: &'static str,
    /// Whom it belongs to.
    pub scope: Scope,
    /// The version of the payload's schema.
    pub version: u32,
    /// The schema, parsed at the first call.
    pub schema: fn() -> &'static AvroSchema,
}

impl EventType {
    /// The description of `E`.
    pub const fn of<E: Event>() -> Self {
        Self {
            ty: E::TYPE,
            topic: E::TOPIC,
            aggregate: E::AGGREGATE,
            scope: E::SCOPE,
            version: E::VERSION,
            schema: E::schema,
        }
    }
}

/// Finds what is known of a type of event by its name.
///
/// A producer that is handed bare data (an outbox's relay) asks it for the schema they were written
/// with; a consumer asks it whether an event must name a tenant.
pub trait SchemaSource: Send + Sync + 'static {
    /// The schema of that type at that version; `None` for one never heard of.
    fn schema(&self, event_type: &str, version: u32) -> Option<&'static AvroSchema>;

    /// Whom events of that type belong to; `None` for one never heard of.
    fn scope(&self, event_type: &str) -> Option<Scope>;
}

impl<S: SchemaSource + ?Sized> SchemaSource for Arc<S> {
    fn schema(&self, event_type: &str, version: u32) -> Option<&'static AvroSchema> {
        (**self).schema(event_type, version)
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        (**self).scope(event_type)
    }
}

/// A [`SchemaSource`] made of a list.
#[derive(Clone, Debug, Default)]
pub struct EventSchemas {
    types: HashMap<&'static str, Vec<EventType>>,
}

impl EventSchemas {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows `E` too.
    #[must_use]
    pub fn with<E: Event>(mut self) -> Self {
        self.add(EventType::of::<E>());
        self
    }

    fn add(&mut self, event_type: EventType) {
        self.types
            .entry(event_type.ty)
            .or_default()
            .push(event_type);
    }
}

impl FromIterator<EventType> for EventSchemas {
    fn from_iter<I: IntoIterator<Item = EventType>>(types: I) -> Self {
        let mut schemas = Self::new();
        for event_type in types {
            schemas.add(event_type);
        }
        schemas
    }
}

impl SchemaSource for EventSchemas {
    fn schema(&self, event_type: &str, version: u32) -> Option<&'static AvroSchema> {
        let versions = self.types.get(event_type)?;
        let found = versions.iter().find(|known| known.version == version)?;
        Some((found.schema)())
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        Some(self.types.get(event_type)?.first()?.scope)
    }
}
