//! Decoding of records for consumers that store offsets themselves, in the transaction of their effect.

use std::sync::Arc;

use rdkafka::{ClientConfig, Message, message::BorrowedMessage};
use time::OffsetDateTime;

use crate::{
    BusSettings, PublishError, Record, Registry, SchemaSource,
    consumer::{
        offsets::partition::Partition,
        processing::{source_record::SourceRecord, work_item::InvalidRecord},
        recovery::dead_letters::{DeadLetterDestination, DeadLetterPublisher, FailureReport},
    },
    log_format::headers::is_for_another,
};

/// Decodes and dead-letters records as a [`Consumer`](crate::Consumer) does, for a program
/// that assigns partitions, polls and stores offsets itself.
pub struct RecordDecoder {
    settings: BusSettings,
    group: String,
    registry: Registry,
    schemas: Arc<dyn SchemaSource>,
    dead_letters: DeadLetterPublisher,
}

/// A record of the log with its raw bytes and the result of decoding its envelope.
pub struct DecodedRecord {
    /// The topic, with prefix.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// Whether it is a replay addressed to another consumer group; such a record is to be skipped.
    pub is_for_another: bool,
    original: SourceRecord,
    content: Result<Box<Record>, InvalidRecord>,
}

/// Error for a record whose envelope cannot be decoded or is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndecodableRecord {
    /// The failure class of the dead letter: `undecodable`, or `context` for a wrong or missing tenant.
    pub class: &'static str,
    /// The error message.
    pub error: String,
}

impl RecordDecoder {
    /// Creates a decoder for `group`, named without prefix. `schemas` says which event types require a tenant.
    pub fn new(
        settings: &BusSettings,
        group: impl Into<String>,
        registry: Registry,
        schemas: Arc<dyn SchemaSource>,
    ) -> Self {
        Self {
            settings: settings.clone(),
            group: group.into(),
            registry,
            schemas,
            dead_letters: DeadLetterPublisher::new(settings),
        }
    }

    /// Returns the client configuration of a consumer with manual assignment and without automatic commits.
    pub fn client(&self) -> ClientConfig {
        let mut config = self.settings.client();
        config
            .set("group.id", self.settings.prefixed(&self.group))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "false")
            .set("allow.auto.create.topics", "false");
        config
    }

    /// Copies the record and decodes its envelope.
    pub fn read(&self, message: &BorrowedMessage<'_>) -> DecodedRecord {
        let original = SourceRecord::of(message);
        let (topic, number, offset) = (message.topic(), message.partition(), message.offset());
        let logical: Arc<str> = self.settings.without_prefix(topic).into();
        let scope = |event_type: &str| self.schemas.scope(event_type);
        let content = original.read(&self.registry, scope, (&logical, number, offset));
        DecodedRecord {
            topic: topic.to_owned(),
            partition: number,
            offset,
            is_for_another: is_for_another(message.headers(), &self.group),
            original,
            content,
        }
    }

    /// Publishes the record to the dead-letter topic with the error. Returns when all replicas have it.
    pub async fn dead_letter(
        &self,
        record: &DecodedRecord,
        class: &'static str,
        error: String,
    ) -> Result<(), PublishError> {
        let logical = self.settings.without_prefix(&record.topic);
        let partition = Partition::new(&record.topic, logical, record.partition);
        let report = FailureReport {
            group: &self.group,
            class,
            error,
            attempts: 1,
            first_failure: OffsetDateTime::now_utc(),
        };
        self.dead_letters
            .put(
                &partition,
                record.offset,
                &record.original,
                &report,
                &DeadLetterDestination::dead_letters(&partition),
            )
            .await
    }
}

impl DecodedRecord {
    /// Length of the record's value in bytes.
    pub fn bytes(&self) -> usize {
        self.original.value().map_or(0, bytes::Bytes::len)
    }

    /// Returns the decoded record, or why it cannot be decoded.
    pub fn record(&self) -> Result<&Record, UndecodableRecord> {
        self.content
            .as_deref()
            .map_err(|invalid| UndecodableRecord {
                class: invalid.class(),
                error: invalid.to_string(),
            })
    }
}
