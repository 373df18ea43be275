//! The desk at which records that were taken are read and put into their lanes.

use std::sync::Arc;

use rdkafka::{Message, message::BorrowedMessage};
use tracing::Span;

use super::{
    key::Key,
    lanes::Lanes,
    original::Original,
    partition::{Load, Partition, Ticket},
    poll::Poll,
    progress::Stream,
    tracker::Taken,
    work::{Events, Glance, Unfit, Work},
};
use crate::Record;

/// Where records go that were taken.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) poll: &'a Poll,
    pub(super) lanes: &'a Arc<Lanes>,
}

impl Desk<'_> {
    /// Puts a record that was taken into its lane.
    pub(super) fn put(&self, partition: &Partition, ticket: Ticket, original: Original) {
        let place = (&partition.logical, partition.number, ticket.offset);
        let read = original.read_all(&self.poll.registry, |ty| self.poll.scope(ty), place);
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
            && !self.poll.worth.wants(&record.envelope.event_type)
        {
            self.poll
                .view
                .skipped_type(partition, &record.envelope.event_type);
            return ticket.done();
        }
        let delivery = content.as_ref().map_or_else(
            |_| Span::none(),
            |record| self.poll.worth.delivery_span(record, &self.poll.group),
        );
        let work = Work {
            ticket,
            original,
            content,
            delivery,
        };
        self.lanes
            .push(work.lane(self.poll.order, self.poll.buckets), work);
    }

    /// Takes what the second reader brings, if its key has room.
    pub(super) fn bring(
        &self,
        partition: &Arc<Partition>,
        since: i64,
        message: &BorrowedMessage<'_>,
    ) {
        let (offset, flow) = (message.offset(), &self.poll.flow);
        let key = self.poll.keys().get(message.key().unwrap_or_default());
        let room = |key: &Key| !key.is_paused() && !flow.is_full_of(key) && !flow.is_full();
        let taken = partition.progress(|progress| progress.bring((since, offset), &key, room));
        if taken != Some(Taken::Open) {
            return;
        }
        let ticket = partition.ticket(offset, Stream::Behind, &load(message, &key), flow);
        let original = Original::of(message);
        if Glance::of(&original).is_wanted(&self.poll.group, &*self.poll.worth) {
            self.put(partition, ticket, original);
        } else {
            ticket.done();
        }
    }
}

/// What a record weighs.
pub(super) fn load<'a>(message: &BorrowedMessage<'_>, key: &'a Arc<Key>) -> Load<'a> {
    Load {
        key,
        bytes: Original::bytes(message),
        timestamp: message.timestamp().to_millis(),
    }
}
