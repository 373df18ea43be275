//! The log for readers that keep their offsets themselves, in the transaction of their effect.

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

/// Reads records and puts aside what cannot be used, as a [`Consumer`](crate::Consumer) does, for a program
/// that assigns partitions, polls and keeps offsets itself.
pub struct RecordDecoder {
    settings: BusSettings,
    group: String,
    registry: Registry,
    schemas: Arc<dyn SchemaSource>,
    dead_letters: DeadLetterPublisher,
}

/// A record of the log, with its bytes, whether or not it can be read.
pub struct DecodedRecord {
    /// The topic as the broker calls it.
    pub topic: String,
    /// The partition of it.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Whether it is a replay that is meant for another group: to be passed over.
    pub is_for_another: bool,
    original: SourceRecord,
    content: Result<Box<Record>, InvalidRecord>,
}

/// Why a record cannot be read, whoever tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndecodableRecord {
    /// The class for the dead letter: `undecodable`, or `context` for a wrong or missing tenant.
    pub class: &'static str,
    /// What is wrong with it.
    pub error: String,
}

impl RecordDecoder {
    /// Reads on behalf of `group`, named without prefix. `schemas` says which events must name a tenant.
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

    /// Settings for a consumer whose partitions are assigned by hand and that commits nothing by itself.
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

    /// Takes a copy of the record and reads its envelope.
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

    /// Puts the record aside with the reason. Returns when all replicas have the dead letter.
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
    /// The length of its value.
    pub fn bytes(&self) -> usize {
        self.original.value().map_or(0, bytes::Bytes::len)
    }

    /// The record with its envelope, if that can be read.
    pub fn record(&self) -> Result<&Record, UndecodableRecord> {
        self.content
            .as_deref()
            .map_err(|invalid| UndecodableRecord {
                class: invalid.class(),
                error: invalid.to_string(),
            })
    }
}
