//! A queued record and its validation.

use std::{
    hash::BuildHasher,
    sync::{Arc, LazyLock},
};

use foldhash::fast::RandomState;
use tracing::Span;
use uuid::Uuid;

use crate::{
    Content, Envelope, InvalidEnvelope, Parsed, ProcessingOrder, REPLAY_GROUP_HEADER, Record,
    Registry, Scope,
    consumer::{offsets::partition::InFlightRecord, processing::source_record::SourceRecord},
    envelope::{CONTENT_TYPE, STRUCTURED_CONTENT_TYPE, holds_events},
    record::Payload,
};

/// Error for a record that cannot be handled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidRecord {
    /// Its envelope does not read.
    #[error(transparent)]
    Envelope(#[from] InvalidEnvelope),
    /// A tenant's event without a tenant.
    #[error("{0} is a tenant's event and names no tenant")]
    NoTenant(String),
    /// A tenant's event under another key.
    #[error("a tenant's event must have the tenant's id as its key: tenant {tenant}, key {key:?}")]
    WrongKey {
        /// The tenant named.
        tenant: Uuid,
        /// The key found.
        key: String,
    },
}

impl InvalidRecord {
    /// The class in the dead letter's headers.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Envelope(_) => "undecodable",
            Self::NoTenant(_) | Self::WrongKey { .. } => "context",
        }
    }
}

/// A decoded record queued in a lane.
pub(in crate::consumer) struct WorkItem {
    pub(in crate::consumer) in_flight: InFlightRecord,
    pub(in crate::consumer) original: SourceRecord,
    pub(in crate::consumer) content: Result<Box<Record>, InvalidRecord>,
    /// Open while it waits in its lane.
    pub(in crate::consumer) delivery: Span,
}

/// Filter by event type, and what the handler knows of each type.
pub(crate) trait RecordFilter: Send + Sync {
    fn wants(&self, event_type: &str) -> bool;
    fn scope(&self, event_type: &str) -> Option<Scope>;
    fn delivery_span(&self, record: &Record, group: &str) -> Span;
}

/// Event type and replay target, read from the headers before decoding.
pub(crate) struct HeaderPeek<'a> {
    /// The event's type, in binary mode. In the others a header may say it too, and does not count.
    pub(crate) event_type: Option<&'a str>,
    /// The one group a replayed dead letter is for.
    replayed_for: Option<&'a [u8]>,
}

impl<'a> HeaderPeek<'a> {
    pub(crate) fn of(original: &'a SourceRecord) -> Self {
        let mut peek = Self {
            event_type: None,
            replayed_for: None,
        };
        let mut in_value = false;
        for (name, value) in original.headers() {
            match name {
                "ce_type" => peek.event_type = value.and_then(|ty| str::from_utf8(ty).ok()),
                REPLAY_GROUP_HEADER => peek.replayed_for = value,
                name if name.eq_ignore_ascii_case(CONTENT_TYPE) => {
                    in_value |= value.is_some_and(holds_events);
                }
                _ => {}
            }
        }
        if in_value {
            peek.event_type = None;
        }
        peek
    }

    /// Whether the record can be of use to a group with such a handler. Without a type it has to be read to be told.
    pub(crate) fn is_wanted(&self, group: &str, filter: &dyn RecordFilter) -> bool {
        self.replayed_for
            .is_none_or(|only| only == group.as_bytes())
            && self.event_type.is_none_or(|ty| filter.wants(ty))
    }
}

impl SourceRecord {
    /// Reads the envelope of a record of one event and checks the tenant against what is known of the type.
    pub(crate) fn read(
        &self,
        registry: &Registry,
        scope: impl Fn(&str) -> Option<Scope>,
        place: (&Arc<str>, i32, i64),
    ) -> Result<Box<Record>, InvalidRecord> {
        let parsed = {
            let headers = self.headers();
            let headers = headers.map(|(name, value)| (name, value.unwrap_or_default()));
            Envelope::from_record(headers, self.key(), self.value().cloned())?
        };
        self.record(parsed, registry, &scope, place)
    }

    /// As [`SourceRecord::read`], of a record of one event or of several.
    pub(in crate::consumer) fn read_all(
        &self,
        registry: &Registry,
        scope: impl Fn(&str) -> Option<Scope>,
        place: (&Arc<str>, i32, i64),
    ) -> Result<Events, InvalidRecord> {
        match Envelope::all_from_headers(self.attributes(), self.key(), self.value().cloned())? {
            Content::Event(parsed) => {
                let record = self.record(parsed, registry, &scope, place)?;
                Ok(Events::One(record))
            }
            Content::Batch(all) => {
                let each = all.into_iter().map(|parsed| {
                    let payload = Some(&*parsed.payload).filter(|payload| !payload.is_empty());
                    let alone = self.of_one(parsed.envelope.to_structured(payload).ok());
                    (alone, self.record(parsed, registry, &scope, place))
                });
                Ok(Events::Several(each.collect()))
            }
        }
    }

    fn record(
        &self,
        parsed: Parsed,
        registry: &Registry,
        scope: &impl Fn(&str) -> Option<Scope>,
        (topic, partition, offset): (&Arc<str>, i32, i64),
    ) -> Result<Box<Record>, InvalidRecord> {
        let mut envelope = parsed.envelope;
        envelope.arrived(self.timestamp());
        if scope(&envelope.event_type) == Some(Scope::Tenant) {
            check_tenant(&envelope, self.key())?;
        }
        Ok(Box::new(Record {
            envelope: Arc::new(envelope),
            topic: Arc::clone(topic),
            partition,
            offset,
            timestamp: self.timestamp(),
            attempt: 1,
            payload: Payload::Wire(parsed.payload, registry.clone()),
        }))
    }

    /// One event of a batch as a record of its own, so that as a dead letter it is replayed without the others. Where it
    /// cannot be written, the whole batch stands for it.
    fn of_one(&self, structured: Option<Vec<u8>>) -> Self {
        let Some(structured) = structured else {
            return self.clone();
        };
        let own = self
            .headers()
            .filter(|(name, _)| !name.eq_ignore_ascii_case(CONTENT_TYPE));
        let mode = (CONTENT_TYPE, Some(STRUCTURED_CONTENT_TYPE.as_bytes()));
        let value = Some(structured.into());
        Self::new(self.key(), own.chain([mode]), value, self.timestamp())
    }
}

/// What is in a record.
pub(in crate::consumer) enum Events {
    One(Box<Record>),
    /// A batch: each event as a record of its own.
    Several(Vec<(SourceRecord, Result<Box<Record>, InvalidRecord>)>),
}

fn check_tenant(envelope: &Envelope, key: Option<&[u8]>) -> Result<(), InvalidRecord> {
    let Some(tenant) = &envelope.tenant else {
        return Err(InvalidRecord::NoTenant(envelope.event_type.clone()));
    };
    let mut buffer = Uuid::encode_buffer();
    let key = key.unwrap_or_default();
    if key != tenant.id.hyphenated().encode_lower(&mut buffer).as_bytes() {
        return Err(InvalidRecord::WrongKey {
            tenant: tenant.id,
            key: String::from_utf8_lossy(key).into_owned(),
        });
    }
    Ok(())
}

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// The lane of a tenant's events about a subject; about any, where there is none.
pub(in crate::consumer) fn lane_of(
    tenant: Option<Uuid>,
    subject: Option<&str>,
    buckets: Option<usize>,
) -> u64 {
    match (tenant, subject) {
        (Some(tenant), None) => HASHER.hash_one(tenant),
        (tenant, subject) => in_buckets(HASHER.hash_one((tenant, subject)), buckets),
    }
}

fn in_buckets(lane: u64, buckets: Option<usize>) -> u64 {
    buckets.map_or(lane, |buckets| lane % buckets as u64)
}

impl WorkItem {
    /// Whether nothing of its key may begin, unless it is to be dropped anyway.
    pub(in crate::consumer) fn is_paused(&self) -> bool {
        self.in_flight.key.is_paused() && !self.in_flight.partition.stop.is_cancelled()
    }

    /// The lane: equal numbers go one after the other. Two lanes that meet in one number lose only time. With
    /// `buckets` aggregates share that many.
    pub(in crate::consumer) fn lane(&self, order: ProcessingOrder, buckets: Option<usize>) -> u64 {
        match &self.content {
            Err(_) => {
                let lane = HASHER.hash_one((self.original.key(), self.in_flight.partition.number));
                in_buckets(lane, buckets)
            }
            Ok(record) => {
                let tenant = record.envelope.tenant.as_ref().map(|tenant| tenant.id);
                let is_whole = order == ProcessingOrder::Tenant && tenant.is_some();
                let subject = (!is_whole).then_some(record.envelope.subject.as_str());
                lane_of(tenant, subject, buckets)
            }
        }
    }
}
