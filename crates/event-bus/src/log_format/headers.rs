//! The headers of dead letters, of acts on them and of replayed records.
//!
//! All begin with `dlq-`, and what a publisher sends under such a name is not believed: a dead letter keeps
//! of its record's `dlq-` headers only the provenance.

use std::{borrow::Cow, str};

use crate::REPLAY_GROUP_HEADER;
use rdkafka::message::{BorrowedHeaders, Headers};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What all of them begin with.
pub(crate) const PREFIX: &str = "dlq-";

pub(crate) const ORIGINAL_TOPIC: &str = "dlq-original-topic";
pub(crate) const ORIGINAL_PARTITION: &str = "dlq-original-partition";
pub(crate) const ORIGINAL_OFFSET: &str = "dlq-original-offset";
pub(crate) const ORIGINAL_TIMESTAMP: &str = "dlq-original-timestamp";
pub(crate) const GROUP: &str = "dlq-group";
pub(crate) const ERROR: &str = "dlq-error";
pub(crate) const ERROR_CLASS: &str = "dlq-error-class";
pub(crate) const ATTEMPTS: &str = "dlq-attempts";
pub(crate) const FIRST_FAILURE: &str = "dlq-first-failure";
pub(crate) const LAST_FAILURE: &str = "dlq-last-failure";

pub(crate) const VALUE_OMITTED: &str = "dlq-value-omitted";
pub(crate) const VALUE_BYTES: &str = "dlq-value-bytes";
pub(crate) const HEADERS_OMITTED: &str = "dlq-headers-omitted";
pub(crate) const HEADERS_BYTES: &str = "dlq-headers-bytes";
pub(crate) const KEY_OMITTED: &str = "dlq-key-omitted";
pub(crate) const KEY_BYTES: &str = "dlq-key-bytes";

pub(crate) const REPLAYS: &str = "dlq-replays";
pub(crate) const TRAIL: &str = "dlq-trail";

pub(crate) const ACT: &str = "dlq-act";
pub(crate) const ACT_ID: &str = "dlq-act-id";
pub(crate) const ACT_LETTER: &str = "dlq-act-letter";
pub(crate) const ACT_BY: &str = "dlq-act-by";
pub(crate) const ACT_AT: &str = "dlq-act-at";
pub(crate) const ACT_REASON: &str = "dlq-act-reason";
pub(crate) const ACT_GROUP: &str = "dlq-act-group";
pub(crate) const ACT_FILTER: &str = "dlq-act-filter";
pub(crate) const ACT_COUNT: &str = "dlq-act-count";

/// Of a parked record and of a mark: the sequence.
pub(crate) const PARK_SEQUENCE: &str = "dlq-park-sequence";
/// Of a parked record: the event's id, which is known also where its headers were too large to be kept.
pub(crate) const PARK_EVENT: &str = "dlq-park-event";
/// The error class of what was parked behind another and never failed itself.
pub(crate) const CLASS_PARKED: &str = "parked";

/// A header as a [`RawRecord`](crate::RawRecord) has it.
pub(crate) type RawHeader = (Cow<'static, str>, Option<Vec<u8>>);

pub(crate) fn text(name: &'static str, value: impl Into<String>) -> RawHeader {
    (Cow::Borrowed(name), Some(value.into().into_bytes()))
}

pub(crate) fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// The text, cut after that many characters.
pub(crate) fn cut(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters);
    end.map_or(text, |(end, _)| &text[..end])
}

/// Whether a record is a replay meant for another group than this one.
pub(crate) fn is_for_another(headers: Option<&BorrowedHeaders>, group: &str) -> bool {
    let named = headers
        .into_iter()
        .flat_map(Headers::iter)
        .find(|header| header.key == REPLAY_GROUP_HEADER);
    named.is_some_and(|named| {
        named.value.and_then(|value| str::from_utf8(value).ok()) != Some(group)
    })
}
