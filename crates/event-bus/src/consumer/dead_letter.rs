//! The record that can not be handled, put aside with its whole story.

use std::{borrow::Cow, sync::OnceLock};

use rdkafka::message::Headers;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{partition::Partition, work::Original};
use crate::{BusError, BusSettings, EventSchemas, Producer, PublishError, RawRecord};

/// What comes after a topic's name to make its dead-letter topic's.
pub const DEAD_LETTER_SUFFIX: &str = ".dlq";
/// An error longer than this is cut.
const MAX_ERROR: usize = 2000;

/// What went wrong with a record.
pub(super) struct Story<'a> {
    pub(super) group: &'a str,
    pub(super) class: &'static str,
    pub(super) error: String,
    pub(super) attempts: u32,
    pub(super) first_failure: OffsetDateTime,
}

/// Puts records on dead-letter topics; connects at the first.
pub(super) struct DeadLetters {
    settings: BusSettings,
    producer: OnceLock<Producer>,
}

impl DeadLetters {
    pub(super) fn new(settings: &BusSettings) -> Self {
        Self {
            settings: settings.clone(),
            producer: OnceLock::new(),
        }
    }

    /// Returns when all replicas have the dead letter.
    pub(super) async fn put(
        &self,
        partition: &Partition,
        offset: i64,
        original: &Original,
        story: &Story<'_>,
    ) -> Result<(), PublishError> {
        let record = RawRecord {
            topic: format!("{}{DEAD_LETTER_SUFFIX}", partition.logical),
            key: original.key.clone(),
            value: original.value.as_ref().map(|value| value.to_vec()),
            headers: headers(partition, offset, original, story),
        };
        let producer = self
            .producer()
            .map_err(|error| PublishError::Unavailable(error.to_string()))?;
        producer.publish_raw(record).await
    }

    fn producer(&self) -> Result<&Producer, BusError> {
        if let Some(producer) = self.producer.get() {
            return Ok(producer);
        }
        let producer = Producer::new(&self.settings, EventSchemas::new())?;
        Ok(self.producer.get_or_init(|| producer))
    }
}

/// The original's headers untouched, then the story.
fn headers(
    partition: &Partition,
    offset: i64,
    original: &Original,
    story: &Story<'_>,
) -> Vec<(Cow<'static, str>, Option<Vec<u8>>)> {
    let now = rfc3339(OffsetDateTime::now_utc());
    let mut error = story.error.as_str();
    if let Some((end, _)) = error.char_indices().nth(MAX_ERROR) {
        error = &error[..end];
    }
    let number = |number: i64| number.to_string();
    let story = [
        ("dlq-original-topic", partition.logical.to_string()),
        ("dlq-original-partition", number(partition.number.into())),
        ("dlq-original-offset", number(offset)),
        (
            "dlq-original-timestamp",
            original.timestamp.map(number).unwrap_or_default(),
        ),
        ("dlq-group", story.group.to_owned()),
        ("dlq-error", error.to_owned()),
        ("dlq-error-class", story.class.to_owned()),
        ("dlq-attempts", story.attempts.to_string()),
        ("dlq-first-failure", rfc3339(story.first_failure)),
        ("dlq-last-failure", now),
    ];
    let originals = original
        .headers
        .iter()
        .flat_map(Headers::iter)
        .map(|header| {
            (
                Cow::Owned(header.key.to_owned()),
                header.value.map(<[u8]>::to_vec),
            )
        });
    let story = story
        .into_iter()
        .map(|(name, value)| (Cow::Borrowed(name), Some(value.into_bytes())));
    originals.chain(story).collect()
}

fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}
