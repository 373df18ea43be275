#![doc = include_str!("../README.md")]

pub mod admin;
mod consumer;
pub mod dlq;
mod error;
mod handler;
mod log_format;
pub mod log_reader;
mod metrics;
mod ordering;
mod payload;
mod policy;
mod producer;
mod record;
mod registry;
mod security;
mod settings;
pub mod testing;

pub use consumer::{
    Consumer, ConsumerBuilder, ConsumerHandle, ConsumerStatus, DecodedRecord, GroupProtocol,
    OffsetReset, RecordDecoder, UndecodableRecord,
};
pub use error::BusError;
pub(crate) use event_bus_core::{AnyJson, Reach, codec, envelope};
#[doc(inline)]
pub use event_bus_core::{
    AvroSchema, BoxError, Content, ContentMode, DecodeError, Dependency, Envelope, Event,
    EventParts, EventSchemas, EventType, Extension, Failure, FailureClass, InvalidEnvelope,
    InvalidEvent, OriginalAttributes, OutboundRecord, Parsed, RawRecord, SchemaError, SchemaSource,
    Scope, SubjectNaming, TenantRef, asyncapi, compatibility,
    topics::{DEAD_LETTER_SUFFIX, REPLAY_GROUP_HEADER},
};
pub use handler::{
    Batch, BatchFailure, BatchFunction, BatchHandler, Domain, Handler, Router, TypedHandler,
    delivery_span, event_span,
};
pub use ordering::ProcessingOrder;
pub use policy::{FailureAction, HandlerTimeout, OnError, RetryPolicy};
pub use producer::{
    BreakerState, InvalidStoredEvent, Producer, PublishError, Published, SendOptions, StoredEvent,
};
pub use record::{Received, Record};
pub use registry::{Registry, RegistryError};
pub use security::{ClientCertificate, Login, OAuthClient, Sasl, Security, Tls};
pub use settings::{BusSettings, RegistryAccess};
