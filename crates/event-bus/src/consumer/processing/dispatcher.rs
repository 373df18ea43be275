//! Decodes records that the polling loop took and puts them into their lanes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::{Message, message::BorrowedMessage};
use tracing::Span;

use crate::{
    ProcessingOrder, Record, Registry, SchemaSource, Scope,
    consumer::{
        consumer_metrics::ConsumerMetrics,
        offsets::{
            partition::{InFlightRecord, Load, Partition},
            partition_state::ReadPath,
            tracker::Taken,
        },
        processing::{
            source_record::SourceRecord,
            work_item::{Events, HeaderPeek, InvalidRecord, RecordFilter, WorkItem},
        },
        scheduling::{
            in_flight_limiter::InFlightLimiter,
            lanes::Lanes,
            ordering_key::{KeyRegistry, OrderingKey},
        },
    },
};

/// Decodes records and puts them into their lanes. The polling loop owns it; it knows nothing of polling.
pub(in crate::consumer) struct Dispatcher {
    pub(in crate::consumer) group: String,
    pub(in crate::consumer) filter: Arc<dyn RecordFilter>,
    pub(in crate::consumer) catalogue: Option<Arc<dyn SchemaSource>>,
    pub(in crate::consumer) registry: Registry,
    pub(in crate::consumer) order: ProcessingOrder,
    /// With batches: the number of lanes that aggregates are distributed over.
    pub(in crate::consumer) buckets: Option<usize>,
    pub(in crate::consumer) limiter: Arc<InFlightLimiter>,
    pub(in crate::consumer) keys: Arc<Mutex<KeyRegistry>>,
    pub(in crate::consumer) metrics: ConsumerMetrics,
    pub(in crate::consumer) lanes: Arc<Lanes>,
}

impl Dispatcher {
    pub(in crate::consumer) fn keys(&self) -> MutexGuard<'_, KeyRegistry> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        let known = self
            .catalogue
            .as_ref()
            .and_then(|catalogue| catalogue.scope(event_type));
        known.or_else(|| self.filter.scope(event_type))
    }

    /// Puts a record that was taken into its lane.
    pub(in crate::consumer) fn put(
        &self,
        partition: &Partition,
        in_flight: InFlightRecord,
        original: SourceRecord,
    ) {
        let place = (&partition.logical, partition.number, in_flight.offset);
        let read = original.read_all(&self.registry, |ty| self.scope(ty), place);
        match read {
            Ok(Events::One(record)) => self.put_one(partition, in_flight, original, Ok(record)),
            Err(invalid) => self.put_one(partition, in_flight, original, Err(invalid)),
            Ok(Events::Several(events)) if events.is_empty() => in_flight.ack(),
            Ok(Events::Several(events)) => {
                let in_flight_records = in_flight.split(events.len());
                for (in_flight, (original, content)) in in_flight_records.into_iter().zip(events) {
                    self.put_one(partition, in_flight, original, content);
                }
            }
        }
    }

    fn put_one(
        &self,
        partition: &Partition,
        in_flight: InFlightRecord,
        original: SourceRecord,
        content: Result<Box<Record>, InvalidRecord>,
    ) {
        if let Ok(record) = &content
            && !self.filter.wants(&record.envelope.event_type)
        {
            self.metrics
                .skipped_type(partition, &record.envelope.event_type);
            return in_flight.ack();
        }
        let delivery = content.as_ref().map_or_else(
            |_| Span::none(),
            |record| self.filter.delivery_span(record, &self.group),
        );
        let work = WorkItem {
            in_flight,
            original,
            content,
            delivery,
        };
        self.lanes.push(work.lane(self.order, self.buckets), work);
    }

    /// Takes what the second reader brings, if its key has room.
    pub(in crate::consumer) fn put_catch_up(
        &self,
        partition: &Arc<Partition>,
        since: i64,
        message: &BorrowedMessage<'_>,
    ) {
        let (offset, limiter) = (message.offset(), &self.limiter);
        let key = self.keys().get(message.key().unwrap_or_default());
        let room =
            |key: &OrderingKey| !key.is_paused() && !limiter.is_full_of(key) && !limiter.is_full();
        let taken = partition.with_state(|state| state.bring((since, offset), &key, room));
        if taken != Some(Taken::Open) {
            return;
        }
        let in_flight = partition.track(offset, ReadPath::CatchUp, &load(message, &key), limiter);
        let original = SourceRecord::of(message);
        if HeaderPeek::of(&original).is_wanted(&self.group, &*self.filter) {
            self.put(partition, in_flight, original);
        } else {
            in_flight.ack();
        }
    }
}

/// What a record weighs.
pub(in crate::consumer) fn load<'a>(
    message: &BorrowedMessage<'_>,
    key: &'a Arc<OrderingKey>,
) -> Load<'a> {
    Load {
        key,
        bytes: SourceRecord::bytes(message),
        timestamp: message.timestamp().to_millis(),
    }
}
