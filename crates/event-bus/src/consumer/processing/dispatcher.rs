//! Decodes records that the polling loop took and puts them into their lanes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::{Message, message::BorrowedMessage};
use tracing::Span;

use crate::{
    ProcessingOrder, Record, Registry, SchemaSource, Scope,
    consumer::{
        health::View,
        offsets::{
            partition::{Load, Partition, Ticket},
            state::Stream,
            tracker::Taken,
        },
        processing::{
            source_record::Original,
            work_item::{Events, Glance, Unfit, Work, Worth},
        },
        scheduling::{
            in_flight::Flow,
            key::{Key, Keys},
            lanes::Lanes,
        },
    },
};

/// Decodes records and puts them into their lanes. The polling loop owns it; it knows nothing of polling.
pub(in crate::consumer) struct Dispatcher {
    pub(in crate::consumer) group: String,
    pub(in crate::consumer) worth: Arc<dyn Worth>,
    pub(in crate::consumer) catalogue: Option<Arc<dyn SchemaSource>>,
    pub(in crate::consumer) registry: Registry,
    pub(in crate::consumer) order: ProcessingOrder,
    /// With batches: the number of lanes that aggregates are distributed over.
    pub(in crate::consumer) buckets: Option<usize>,
    pub(in crate::consumer) flow: Arc<Flow>,
    pub(in crate::consumer) keys: Arc<Mutex<Keys>>,
    pub(in crate::consumer) view: View,
    pub(in crate::consumer) lanes: Arc<Lanes>,
}

impl Dispatcher {
    pub(in crate::consumer) fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        let known = self
            .catalogue
            .as_ref()
            .and_then(|catalogue| catalogue.scope(event_type));
        known.or_else(|| self.worth.scope(event_type))
    }

    /// Puts a record that was taken into its lane.
    pub(in crate::consumer) fn put(
        &self,
        partition: &Partition,
        ticket: Ticket,
        original: Original,
    ) {
        let place = (&partition.logical, partition.number, ticket.offset);
        let read = original.read_all(&self.registry, |ty| self.scope(ty), place);
        match read {
            Ok(Events::One(record)) => self.put_one(partition, ticket, original, Ok(record)),
            Err(unfit) => self.put_one(partition, ticket, original, Err(unfit)),
            Ok(Events::Several(events)) if events.is_empty() => ticket.done(),
            Ok(Events::Several(events)) => {
                let tickets = ticket.split(events.len());
                for (ticket, (original, content)) in tickets.into_iter().zip(events) {
                    self.put_one(partition, ticket, original, content);
                }
            }
        }
    }

    fn put_one(
        &self,
        partition: &Partition,
        ticket: Ticket,
        original: Original,
        content: Result<Box<Record>, Unfit>,
    ) {
        if let Ok(record) = &content
            && !self.worth.wants(&record.envelope.event_type)
        {
            self.view
                .skipped_type(partition, &record.envelope.event_type);
            return ticket.done();
        }
        let delivery = content.as_ref().map_or_else(
            |_| Span::none(),
            |record| self.worth.delivery_span(record, &self.group),
        );
        let work = Work {
            ticket,
            original,
            content,
            delivery,
        };
        self.lanes.push(work.lane(self.order, self.buckets), work);
    }

    /// Takes what the second reader brings, if its key has room.
    pub(in crate::consumer) fn bring(
        &self,
        partition: &Arc<Partition>,
        since: i64,
        message: &BorrowedMessage<'_>,
    ) {
        let (offset, flow) = (message.offset(), &self.flow);
        let key = self.keys().get(message.key().unwrap_or_default());
        let room = |key: &Key| !key.is_paused() && !flow.is_full_of(key) && !flow.is_full();
        let taken = partition.progress(|progress| progress.bring((since, offset), &key, room));
        if taken != Some(Taken::Open) {
            return;
        }
        let ticket = partition.ticket(offset, Stream::Behind, &load(message, &key), flow);
        let original = Original::of(message);
        if Glance::of(&original).is_wanted(&self.group, &*self.worth) {
            self.put(partition, ticket, original);
        } else {
            ticket.done();
        }
    }
}

/// What a record weighs.
pub(in crate::consumer) fn load<'a>(message: &BorrowedMessage<'_>, key: &'a Arc<Key>) -> Load<'a> {
    Load {
        key,
        bytes: Original::bytes(message),
        timestamp: message.timestamp().to_millis(),
    }
}
