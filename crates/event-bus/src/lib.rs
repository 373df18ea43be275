#![doc = include_str!("../README.md")]

pub mod admin;
pub mod asyncapi;
mod catalogue;
mod codec;
pub mod compatibility;
mod consumer;
mod datum;
pub mod dead_letters;
mod envelope;
mod error;
mod event;
mod failure;
mod handler;
mod json;
mod metrics;
mod outbound;
mod policy;
mod producer;
mod record;
mod registry;
mod schema;
mod security;
mod settings;
pub mod tail;
pub mod testing;

pub use catalogue::{EventSchemas, EventType, SchemaSource};
pub use codec::DecodeError;
pub use consumer::{
    Begin, Consumer, ConsumerBuilder, ConsumerStatus, Control, DEAD_LETTER_SUFFIX, GroupProtocol,
    LaneOrder, LogReader, LogRecord, Unreadable,
};
pub use dead_letters::REPLAY_GROUP_HEADER;
pub use envelope::{AsGiven, BadEnvelope, Content, Envelope, Extension, Parsed, TenantRef};
pub use error::BusError;
pub use event::{Event, Scope};
pub use failure::{BoxError, Dependency, Failure, FailureClass};
pub use handler::{
    Batch, BatchFailure, BatchFunction, BatchHandler, Domain, EventHandler, Handler, Router,
    delivery_span, event_span,
};
pub use outbound::{BadEvent, EventParts, OutboundRecord};
pub use policy::{Next, OnError, PastDeadline, Policy};
pub use producer::{
    BadStored, BreakerState, ContentMode, Producer, PublishError, Published, RawRecord,
    SendOptions, StoredEvent,
};
pub use record::{Received, Record};
pub use registry::{Registry, RegistryError, SubjectNaming};
pub use schema::{AvroSchema, SchemaError};
pub use security::{ClientCertificate, Login, OAuthClient, Sasl, Security, Tls};
pub use settings::{BusSettings, RegistryAccess};
