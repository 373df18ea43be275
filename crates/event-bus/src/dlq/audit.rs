//! What somebody did with dead letters: a record beside them, and so the audit's own copy.

use std::{collections::HashMap, fmt};

use serde::{Serialize, Serializer};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    RawRecord,
    dlq::letter::DeadLetterState,
    log_format::{
        headers::{self, RawHeader, rfc3339, text},
        location::DeadLetterLocation,
    },
    log_reader::LogRecord,
};

/// Stands for all groups in an act's header.
const ALL_GROUPS: &str = "*";

/// The kind of an act. Further kinds may come: whoever does not know one leaves it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActKind {
    /// A replay is about to begin in this partition.
    Replaying,
    /// A letter was published again.
    Replayed,
    /// A letter was given up.
    Discarded,
    /// Another kind, of a newer version.
    Other(String),
}

impl ActKind {
    /// As in headers and tables.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Replaying => "replaying",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
            Self::Other(name) => name,
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "replaying" => Self::Replaying,
            "replayed" => Self::Replayed,
            "discarded" => Self::Discarded,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for ActKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ActKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One act: who did what, when, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Act {
    /// One id for everything that one command did.
    pub id: Uuid,
    /// What was done.
    pub kind: ActKind,
    /// The partition, as `order.events.dlq/3`.
    pub partition: String,
    /// With which letter; none for the announcement of a replay.
    pub letter: Option<DeadLetterLocation>,
    /// Who did it.
    pub by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Why.
    pub reason: Option<String>,
    /// Of a replay, for which group; none for all.
    pub group: Option<String>,
    /// Of an announcement, which letters were chosen.
    pub filter: Option<String>,
    /// Of an announcement, how many letters of this partition were chosen.
    pub letters: Option<u64>,
}

impl Act {
    /// The record that tells of it.
    pub(super) fn record(&self, topic: &str, partition: i32, key: Option<Vec<u8>>) -> RawRecord {
        let letter = self.letter.as_ref();
        let group = self.group.as_deref().unwrap_or(ALL_GROUPS).to_owned();
        let is_replay = matches!(self.kind, ActKind::Replaying | ActKind::Replayed);
        let told: [Option<RawHeader>; 9] = [
            Some(text(headers::ACT, self.kind.as_str())),
            Some(text(headers::ACT_ID, self.id.to_string())),
            letter.map(|at| {
                text(
                    headers::ACT_LETTER,
                    format!("{}/{}", at.partition, at.offset),
                )
            }),
            Some(text(headers::ACT_BY, self.by.clone())),
            Some(text(headers::ACT_AT, rfc3339(self.at))),
            self.reason
                .clone()
                .map(|reason| text(headers::ACT_REASON, reason)),
            is_replay.then(|| text(headers::ACT_GROUP, group)),
            self.filter
                .clone()
                .map(|filter| text(headers::ACT_FILTER, filter)),
            self.letters
                .map(|count| text(headers::ACT_COUNT, count.to_string())),
        ];
        RawRecord {
            topic: topic.to_owned(),
            partition: Some(partition),
            key,
            value: None,
            headers: told.into_iter().flatten().collect(),
        }
    }

    /// Reads a record of a dead-letter topic; `None` for a letter. What is missing is told as it can be: an
    /// act is never taken for a letter.
    pub(super) fn of(topic: &str, logged: &LogRecord) -> Option<Self> {
        let of = |name| logged.header(name);
        let owned = |name| of(name).map(str::to_owned);
        let kind = ActKind::of(of(headers::ACT)?);
        let letter = of(headers::ACT_LETTER)
            .and_then(|at| format!("{topic}/{at}").parse::<DeadLetterLocation>().ok())
            .filter(|letter| letter.partition == logged.partition);
        let at = of(headers::ACT_AT).and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
        Some(Self {
            id: of(headers::ACT_ID)
                .and_then(|id| id.parse().ok())
                .unwrap_or_default(),
            kind,
            partition: format!("{topic}/{}", logged.partition),
            letter,
            by: owned(headers::ACT_BY).unwrap_or_default(),
            at: at.unwrap_or_else(|| written(logged)),
            reason: owned(headers::ACT_REASON),
            group: owned(headers::ACT_GROUP).filter(|group| group != ALL_GROUPS),
            filter: owned(headers::ACT_FILTER),
            letters: of(headers::ACT_COUNT).and_then(|count| count.parse().ok()),
        })
    }
}

fn written(logged: &LogRecord) -> OffsetDateTime {
    let nanoseconds = i128::from(logged.timestamp.unwrap_or_default()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The states of one partition's letters, folded from its acts: some twenty bytes for each letter that
/// something was done with.
#[derive(Default)]
pub(super) struct States(HashMap<i64, DeadLetterState>);

impl States {
    pub(super) fn note(&mut self, act: &Act) {
        let state = match act.kind {
            ActKind::Replayed => DeadLetterState::Replayed,
            ActKind::Discarded => DeadLetterState::Discarded,
            ActKind::Replaying | ActKind::Other(_) => return,
        };
        if let Some(letter) = &act.letter {
            self.0.insert(letter.offset, state);
        }
    }

    pub(super) fn of(&self, offset: i64) -> DeadLetterState {
        self.0.get(&offset).copied().unwrap_or_default()
    }
}
