//! The record that can not be handled, put aside with its whole report.

use std::sync::OnceLock;

use time::OffsetDateTime;

use crate::{
    BusError, BusSettings, DEAD_LETTER_SUFFIX, EventSchemas, Producer, PublishError, RawRecord,
    consumer::{offsets::partition::Partition, processing::source_record::SourceRecord},
    log_format::{
        headers as names,
        headers::{RawHeader, cut, rfc3339, text},
        history::Provenance,
    },
};

/// An error longer than this is cut.
pub(in crate::consumer) const MAX_ERROR: usize = 2000;

/// What went wrong with a record.
pub(in crate::consumer) struct FailureReport<'a> {
    pub(in crate::consumer) group: &'a str,
    pub(in crate::consumer) class: &'static str,
    pub(in crate::consumer) error: String,
    pub(in crate::consumer) attempts: u32,
    pub(in crate::consumer) first_failure: OffsetDateTime,
}

/// Where a record is put, and what is told of it there besides its report.
pub(in crate::consumer) struct DeadLetterDestination {
    /// The topic without prefix.
    pub(in crate::consumer) topic: String,
    /// `None` lets the key decide.
    pub(in crate::consumer) partition: Option<i32>,
    pub(in crate::consumer) headers: Vec<RawHeader>,
}

impl DeadLetterDestination {
    /// The dead-letter topic of the partition's topic.
    pub(in crate::consumer) fn dead_letters(partition: &Partition) -> Self {
        Self {
            topic: format!("{}{DEAD_LETTER_SUFFIX}", partition.logical),
            partition: None,
            headers: Vec::new(),
        }
    }
}

/// How much of the record is in its letter: all, unless that is too large for the topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RetainedParts {
    /// The report alone.
    Nothing,
    /// The key.
    Key,
    /// Key and headers.
    Headers,
    All,
}

/// Puts records on dead-letter topics; connects at the first.
pub(in crate::consumer) struct DeadLetterPublisher {
    settings: BusSettings,
    producer: OnceLock<Producer>,
}

impl DeadLetterPublisher {
    pub(in crate::consumer) fn new(settings: &BusSettings) -> Self {
        Self {
            settings: settings.clone(),
            producer: OnceLock::new(),
        }
    }

    /// Returns when all replicas have the dead letter. Of a record that is too large for the topic with its
    /// report, the value is left out, then the headers, then the key: its partition waits for no letter that
    /// can never be put. The original's place is told, so the rest is found there while it is in the log.
    pub(in crate::consumer) async fn put(
        &self,
        partition: &Partition,
        offset: i64,
        original: &SourceRecord,
        report: &FailureReport<'_>,
        to: &DeadLetterDestination,
    ) -> Result<(), PublishError> {
        let mut result = Ok(());
        for kept in [
            RetainedParts::All,
            RetainedParts::Headers,
            RetainedParts::Key,
            RetainedParts::Nothing,
        ] {
            let record = letter(partition, offset, original, report, kept, to);
            result = self.publish(record).await;
            if !matches!(result, Err(PublishError::Refused(_))) {
                break;
            }
        }
        result
    }

    /// Returns when all replicas have the record.
    pub(in crate::consumer) async fn publish(&self, record: RawRecord) -> Result<(), PublishError> {
        let producer = self
            .producer()
            .map_err(|error| PublishError::Unavailable(error.to_string()))?;
        producer.publish_raw(record).await.map(drop)
    }

    fn producer(&self) -> Result<&Producer, BusError> {
        if let Some(producer) = self.producer.get() {
            return Ok(producer);
        }
        let producer = Producer::new(&self.settings, EventSchemas::new())?;
        Ok(self.producer.get_or_init(|| producer))
    }
}

fn letter(
    partition: &Partition,
    offset: i64,
    original: &SourceRecord,
    report: &FailureReport<'_>,
    kept: RetainedParts,
    to: &DeadLetterDestination,
) -> RawRecord {
    let key = original.key().filter(|_| kept >= RetainedParts::Key);
    let value = original.value().filter(|_| kept >= RetainedParts::All);
    let mut headers = original_headers(original, kept);
    headers.extend(told(partition, offset, original, report));
    headers.extend(omitted(original, kept));
    headers.extend(to.headers.iter().cloned());
    RawRecord {
        topic: to.topic.clone(),
        partition: to.partition,
        key: key.map(<[u8]>::to_vec),
        value: value.map(|value| value.to_vec()),
        headers,
    }
}

/// The original's headers untouched, and where it has been. An earlier round's report is in its trail.
fn original_headers(original: &SourceRecord, kept: RetainedParts) -> Vec<RawHeader> {
    let all = original.headers();
    let own = all
        .clone()
        .filter(|(name, _)| kept >= RetainedParts::Headers && !name.starts_with(names::PREFIX));
    let own = own.map(|(name, value)| (name.to_owned().into(), value.map(<[u8]>::to_vec)));
    let provenance = Provenance::of(all.map(|(name, value)| (name, value.unwrap_or_default())));
    own.chain(provenance.headers()).collect()
}

fn told(
    partition: &Partition,
    offset: i64,
    original: &SourceRecord,
    report: &FailureReport<'_>,
) -> [RawHeader; 10] {
    let timestamp = original.timestamp().map(|time| time.to_string());
    [
        text(names::ORIGINAL_TOPIC, &*partition.logical),
        text(names::ORIGINAL_PARTITION, partition.number.to_string()),
        text(names::ORIGINAL_OFFSET, offset.to_string()),
        text(names::ORIGINAL_TIMESTAMP, timestamp.unwrap_or_default()),
        text(names::GROUP, report.group),
        text(names::ERROR, cut(&report.error, MAX_ERROR)),
        text(names::ERROR_CLASS, report.class),
        text(names::ATTEMPTS, report.attempts.to_string()),
        text(names::FIRST_FAILURE, rfc3339(report.first_failure)),
        text(names::LAST_FAILURE, rfc3339(OffsetDateTime::now_utc())),
    ]
}

/// What the letter says of the parts that it is without, and of their sizes.
fn omitted(original: &SourceRecord, kept: RetainedParts) -> Vec<RawHeader> {
    let headers_bytes: usize = original
        .headers()
        .map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len))
        .sum();
    let value_bytes = original.value().map_or(0, bytes::Bytes::len);
    let key_bytes = original.key().map_or(0, <[u8]>::len);
    let parts = [
        (
            RetainedParts::All,
            names::VALUE_OMITTED,
            names::VALUE_BYTES,
            value_bytes,
        ),
        (
            RetainedParts::Headers,
            names::HEADERS_OMITTED,
            names::HEADERS_BYTES,
            headers_bytes,
        ),
        (
            RetainedParts::Key,
            names::KEY_OMITTED,
            names::KEY_BYTES,
            key_bytes,
        ),
    ];
    parts
        .into_iter()
        .filter(|(needs, ..)| kept < *needs)
        .flat_map(|(_, name, size, bytes)| [text(name, "true"), text(size, bytes.to_string())])
        .collect()
}
