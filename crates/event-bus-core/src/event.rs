//! What a type of event says of itself.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::AvroSchema;

/// Whom an event belongs to, and so what its records are keyed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One tenant's event: it must name the tenant, and the tenant's id is the key.
    Tenant,
    /// The platform's own event: its subject (the aggregate's id) is the key.
    Platform,
}

/// A type of event: the payload, and where and how it travels.
///
/// Usually implemented by generated code. `TYPE` never changes its meaning: a payload that a reader of
/// the old one would misread is a new type; one that only grows is a new `VERSION`.
///
/// ```
/// use std::sync::LazyLock;
/// use event_bus_core::{AvroSchema, Event, Scope};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct OrderPaid { amount: i64 }
///
/// impl Event for OrderPaid {
///     const TYPE: &'static str = "order.paid";
///     const TOPIC: &'static str = "order.events";
///     const AGGREGATE: &'static str = "order";
///     const SCOPE: Scope = Scope::Tenant;
///     const VERSION: u32 = 1;
///     fn schema() -> &'static AvroSchema {
///         static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| AvroSchema::parse(
///             r#"{"type":"record","name":"OrderPaid","namespace":"shop","fields":[{"name":"amount","type":"long"}]}"#,
///         ).expect("the schema above is valid"));
///         &SCHEMA
///     }
/// }
/// # assert_eq!(OrderPaid::schema().full_name(), "shop.OrderPaid");
/// ```
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type's name on the wire, as `order.paid`.
    const TYPE: &'static str;
    /// The topic it travels on, without any prefix: `order.events`.
    const TOPIC: &'static str;
    /// The kind of thing its subject names: `order`.
    const AGGREGATE: &'static str;
    /// Whom it belongs to.
    const SCOPE: Scope;
    /// The version of the payload's schema, from 1 up.
    const VERSION: u32;

    /// The Avro schema this type is written with, parsed once.
    fn schema() -> &'static AvroSchema;

    /// The tenant the payload names, if it names one: it must be the envelope's.
    fn tenant_id(&self) -> Option<Uuid> {
        None
    }
}
