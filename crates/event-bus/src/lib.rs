#![doc = include_str!("../README.md")]

mod catalogue;
mod envelope;
mod event;
mod failure;
mod outbound;
mod schema;

pub use catalogue::{EventSchemas, EventType, SchemaSource};
pub use envelope::{BadEnvelope, Envelope, Parsed, TenantRef};
pub use event::{Event, Scope};
pub use failure::{BoxError, Failure, FailureClass};
pub use outbound::{BadEvent, EventParts, OutboundRecord};
pub use schema::{AvroSchema, SchemaError};
