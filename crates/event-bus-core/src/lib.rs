#![doc = include_str!("../README.md")]

pub mod asyncapi;
mod catalogue;
pub mod codec;
pub mod compatibility;
mod datum;
pub mod envelope;
mod event;
mod failure;
mod json;
mod outbound;
mod raw;
mod schema;
mod subject;
pub mod topics;

pub use catalogue::{EventSchemas, EventType, SchemaSource};
pub use codec::DecodeError;
pub use envelope::{
    Content, Envelope, Extension, InvalidEnvelope, OriginalAttributes, Parsed, TenantRef,
};
pub use event::{Event, Scope};
pub use failure::{BoxError, Dependency, Failure, FailureClass, Reach};
pub use json::AnyJson;
pub use outbound::{EventParts, InvalidEvent, OutboundRecord};
pub use raw::{ContentMode, RawRecord};
pub use schema::{AvroSchema, SchemaError};
pub use subject::SubjectNaming;
