//! What is written behind parked records: what became of them, and what an operator wants.

use std::{fmt, str};

use serde::{Serialize, Serializer};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    RawRecord,
    log_format::headers::{self, RawHeader, rfc3339, text},
    log_reader::LogRecord,
};

/// The kind of a mark. Further kinds may come: whoever does not know one leaves it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// An operator lets the sequence go on.
    Release,
    /// An operator gives the head up.
    Discard,
    /// The consumer handled a parked record.
    Done,
    /// The consumer tried the head again, and it failed again: the rest stays parked.
    Failed,
    /// Another kind, of a newer version.
    Other(String),
}

impl MarkKind {
    /// As in headers and tables.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Release => "release",
            Self::Discard => "discard",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Other(name) => name,
        }
    }

    pub(crate) fn of(name: &str) -> Self {
        match name {
            "release" => Self::Release,
            "discard" => Self::Discard,
            "done" => Self::Done,
            "failed" => Self::Failed,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for MarkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for MarkKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One mark: who did what with a sequence, when, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// One id for everything that one command did; a consumer's marks have one each.
    pub id: Uuid,
    /// What was done.
    pub kind: MarkKind,
    /// The sequence.
    pub sequence: String,
    /// The offset of the parked record; none for a release, which is of all.
    pub record: Option<i64>,
    /// Who did it: an operator, or the consumer's group.
    pub by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Why; of a failure, its error.
    pub reason: Option<String>,
    /// Of a failure, its class.
    pub class: Option<String>,
    /// Of a failure, how often it was tried this time.
    pub attempts: Option<u32>,
}

impl Mark {
    pub(crate) fn now(kind: MarkKind, sequence: &str, by: &str) -> Self {
        Self {
            id: Uuid::now_v7(),
            kind,
            sequence: sequence.to_owned(),
            record: None,
            by: by.to_owned(),
            at: OffsetDateTime::now_utc(),
            reason: None,
            class: None,
            attempts: None,
        }
    }

    /// The record that tells of it.
    pub(crate) fn record(&self, topic: &str, partition: i32, key: Option<Vec<u8>>) -> RawRecord {
        let told: [Option<RawHeader>; 9] = [
            Some(text(headers::ACT, self.kind.as_str())),
            Some(text(headers::ACT_ID, self.id.to_string())),
            Some(text(headers::PARK_SEQUENCE, self.sequence.as_str())),
            self.record
                .map(|offset| text(headers::ACT_LETTER, format!("{partition}/{offset}"))),
            Some(text(headers::ACT_BY, self.by.as_str())),
            Some(text(headers::ACT_AT, rfc3339(self.at))),
            self.reason
                .as_deref()
                .map(|reason| text(headers::ACT_REASON, reason)),
            self.class
                .as_deref()
                .map(|class| text(headers::ERROR_CLASS, class)),
            self.attempts
                .map(|attempts| text(headers::ATTEMPTS, attempts.to_string())),
        ];
        RawRecord {
            topic: topic.to_owned(),
            partition: Some(partition),
            key,
            value: None,
            headers: told.into_iter().flatten().collect(),
        }
    }

    /// Reads a record of a parked topic; `None` for a parked record.
    pub(crate) fn of(logged: &LogRecord) -> Option<Self> {
        let owned = |name| logged.header(name).map(str::to_owned);
        let kind = MarkKind::of(logged.header(headers::ACT)?);
        let at = logged
            .header(headers::ACT_AT)
            .and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
        Some(Self {
            id: logged
                .header(headers::ACT_ID)
                .and_then(|id| id.parse().ok())
                .unwrap_or_default(),
            kind,
            sequence: owned(headers::PARK_SEQUENCE).unwrap_or_default(),
            record: logged.header(headers::ACT_LETTER).and_then(offset),
            by: owned(headers::ACT_BY).unwrap_or_default(),
            at: at.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            reason: owned(headers::ACT_REASON),
            class: owned(headers::ERROR_CLASS),
            attempts: logged
                .header(headers::ATTEMPTS)
                .and_then(|attempts| attempts.parse().ok()),
        })
    }
}

/// The offset in `<partition>/<offset>`.
pub(crate) fn offset(letter: &str) -> Option<i64> {
    letter.split_once('/')?.1.parse().ok()
}

/// A record of a parked topic, as far as it decides what is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Parked {
        sequence: String,
        identity: Identity,
        /// It never failed itself.
        is_behind: bool,
        key: Box<[u8]>,
    },
    Mark {
        sequence: String,
        kind: MarkKind,
        record: Option<i64>,
    },
}

/// Which record of the topic it was: two copies of it are one. The event's id tells apart records of a topic that was made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) offset: i64,
    pub(crate) event: Uuid,
}

impl Written {
    /// `None` for what belongs to no sequence: nobody of this bus wrote it.
    pub(crate) fn of<'a>(
        key: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Option<Self> {
        let (mut sequence, mut kind, mut record) = (None, None, None);
        let (mut original, mut event, mut class) = (None, None, None);
        for (name, value) in headers {
            let Ok(value) = str::from_utf8(value) else {
                continue;
            };
            match name {
                headers::PARK_SEQUENCE => sequence = Some(value),
                headers::ACT => kind = Some(value),
                headers::ACT_LETTER => record = offset(value),
                headers::ORIGINAL_OFFSET => original = value.parse().ok(),
                headers::PARK_EVENT => event = value.parse().ok(),
                headers::ERROR_CLASS => class = Some(value),
                _ => {}
            }
        }
        let sequence = sequence?.to_owned();
        Some(match kind {
            Some(kind) => Self::Mark {
                sequence,
                kind: MarkKind::of(kind),
                record,
            },
            None => Self::Parked {
                sequence,
                identity: Identity {
                    offset: original?,
                    event: event?,
                },
                is_behind: class == Some(headers::CLASS_PARKED),
                key: key.unwrap_or_default().into(),
            },
        })
    }
}
