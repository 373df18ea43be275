//! A dead letter as it is shown.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    BusError, DEAD_LETTER_SUFFIX, Envelope,
    log_format::{
        headers,
        history::{Provenance, Round},
        location::DeadLetterLocation,
    },
    log_reader::LogRecord,
};

/// What was done with a dead letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterState {
    /// Nothing yet.
    #[default]
    Open,
    /// It was published again.
    Replayed,
    /// It was given up, with a reason.
    Discarded,
}

impl DeadLetterState {
    /// As in filters and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }
}

impl fmt::Display for DeadLetterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeadLetterState {
    type Err = BusError;

    fn from_str(text: &str) -> Result<Self, BusError> {
        let states = [Self::Open, Self::Replayed, Self::Discarded];
        let found = states.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| {
            BusError::Settings(format!(
                "{text:?} is no state of a dead letter: open, replayed or discarded"
            ))
        })
    }
}

/// A dead letter and its story. What its headers do not tell is `None`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Where it lies.
    pub place: DeadLetterLocation,
    /// What was done with it.
    pub state: DeadLetterState,
    /// The event's envelope, if it can be read.
    pub envelope: Option<Arc<Envelope>>,
    /// Why the envelope cannot be read.
    pub unreadable: Option<String>,
    /// The type of the event, also where only its header can be read.
    pub event_type: Option<String>,
    /// The tenant, also where only its header or the key names it.
    pub tenant: Option<Uuid>,
    /// The record's key, as text.
    pub key: Option<String>,
    /// Bytes of the record's value, also where it was left out.
    pub value_bytes: u64,
    /// Whether the letter was too large with its value: that is still at the original place, for a while.
    pub value_omitted: bool,
    /// The topic of the record that failed, without prefix.
    pub original_topic: String,
    /// Its partition.
    pub original_partition: Option<i32>,
    /// Its offset.
    pub original_offset: Option<i64>,
    /// When the log got it, in milliseconds since 1970.
    pub original_timestamp: Option<i64>,
    /// The consumer group that failed, without prefix.
    pub group: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// `transient`, `permanent`, `undecodable`, `context`, or a class of the group's own.
    pub class: Option<String>,
    /// How often it was tried; 0 when no handler could be asked.
    pub attempts: Option<u32>,
    /// When it failed first.
    #[serde(with = "time::serde::rfc3339::option")]
    pub first_failure: Option<OffsetDateTime>,
    /// When it failed last.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_failure: Option<OffsetDateTime>,
    /// How often the event was replayed before this letter.
    pub replays: u32,
    /// The newest of its earlier rounds, oldest first.
    pub trail: Vec<Round>,
}

impl DeadLetter {
    /// Reads a record of the dead-letter topic `topic` that is no act.
    pub(super) fn of(topic: &str, logged: &LogRecord, state: DeadLetterState) -> Self {
        let text = |name| logged.header(name).filter(|text| !text.is_empty());
        let time = |name| OffsetDateTime::parse(text(name)?, &Rfc3339).ok();
        let owned = |name| text(name).map(str::to_owned);
        let (envelope, unreadable) = match &logged.event {
            Ok(record) => (Some(Arc::clone(&record.envelope)), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let key = logged.key.as_deref().map(String::from_utf8_lossy);
        let tenant = match &envelope {
            Some(envelope) => envelope.tenant.as_ref().map(|tenant| tenant.id),
            // An event without its tenant, or no event at all: a tenant's records have its id as their key.
            None => text("ce_tenantid")
                .or(key.as_deref())
                .and_then(|text| text.parse().ok()),
        };
        let event_type = envelope
            .as_ref()
            .map(|envelope| envelope.event_type.clone());
        let value_bytes = logged.value.as_ref().map_or(0, bytes::Bytes::len) as u64;
        let provenance = Provenance::of(pairs(logged));
        Self {
            place: DeadLetterLocation {
                topic: topic.to_owned(),
                partition: logged.partition,
                offset: logged.offset,
            },
            state,
            event_type: event_type.or_else(|| owned("ce_type")),
            envelope,
            unreadable,
            tenant,
            value_bytes: number(text(headers::VALUE_BYTES)).unwrap_or(value_bytes),
            value_omitted: text(headers::VALUE_OMITTED).is_some(),
            key: key.map(std::borrow::Cow::into_owned),
            original_topic: owned(headers::ORIGINAL_TOPIC).unwrap_or_else(|| {
                let topic = topic.strip_suffix(DEAD_LETTER_SUFFIX);
                topic.unwrap_or_default().to_owned()
            }),
            original_partition: number(text(headers::ORIGINAL_PARTITION)),
            original_offset: number(text(headers::ORIGINAL_OFFSET)),
            original_timestamp: number(text(headers::ORIGINAL_TIMESTAMP)),
            group: owned(headers::GROUP),
            error: owned(headers::ERROR),
            class: owned(headers::ERROR_CLASS),
            attempts: number(text(headers::ATTEMPTS)),
            first_failure: time(headers::FIRST_FAILURE),
            last_failure: time(headers::LAST_FAILURE),
            replays: provenance.replays,
            trail: provenance.rounds,
        }
    }

    /// The record that failed, as `order.events/3/99`.
    pub fn original(&self) -> String {
        let number = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let partition = number(self.original_partition.map(i64::from));
        let offset = number(self.original_offset);
        format!("{}/{partition}/{offset}", self.original_topic)
    }
}

fn number<T: FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

/// A record's headers as text and bytes.
pub(super) fn pairs(logged: &LogRecord) -> impl Iterator<Item = (&str, &[u8])> {
    let headers = logged.headers.iter();
    headers.map(|(name, value)| (name.as_str(), value.as_ref()))
}
