//! The acknowledgements of one batch, gathered as librdkafka reports them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use rdkafka::error::KafkaError;
use tokio::sync::Notify;

use crate::producer::Published;

/// What became of one record.
pub(super) type Outcome = Result<Published, KafkaError>;

/// Waits for the outcome of every record that was enqueued.
pub(super) struct Batch {
    outcomes: Mutex<Vec<Option<Outcome>>>,
    /// Records whose outcome is open, plus one until the enqueuer is done.
    open: AtomicUsize,
    done: Notify,
}

impl Batch {
    fn new(records: usize) -> Self {
        Self {
            outcomes: Mutex::new(vec![None; records]),
            open: AtomicUsize::new(1),
            done: Notify::new(),
        }
    }

    pub(super) async fn all_reported(&self) {
        loop {
            let done = self.done.notified();
            if self.open.load(Ordering::Acquire) == 0 {
                return;
            }
            done.await;
        }
    }

    /// The outcomes so far; `None` for a record that has none. What is reported later is lost.
    pub(super) fn take(&self) -> Vec<Option<Outcome>> {
        std::mem::take(&mut *self.lock())
    }

    fn report(&self, index: usize, outcome: Outcome) -> Open {
        if let Some(place) = self.lock().get_mut(index) {
            *place = Some(outcome);
        }
        self.close()
    }

    fn close(&self) -> Open {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_waiters();
            return Open::Nothing;
        }
        Open::Something
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<Outcome>>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a batch still waits.
#[derive(PartialEq, Eq)]
enum Open {
    Something,
    Nothing,
}

/// The batches that wait, each under the first of a run of tickets, a ticket for each of its records. So librdkafka
/// carries a number with each record, and nothing is allocated for it.
#[derive(Default)]
pub(super) struct Tickets {
    batches: RwLock<BTreeMap<usize, Arc<Batch>>>,
    next: AtomicUsize,
}

impl Tickets {
    /// A batch of so many records. Drop the guard when nothing more will be enqueued.
    pub(super) fn begin(&self, records: usize) -> Enqueuing<'_> {
        let batch = Arc::new(Batch::new(records));
        // An empty batch has a ticket too, so that no two begin at the same one.
        let first = self.next.fetch_add(records.max(1), Ordering::Relaxed);
        self.write().insert(first, Arc::clone(&batch));
        Enqueuing {
            tickets: self,
            batch,
            first,
        }
    }

    /// The record with this ticket has its outcome.
    pub(super) fn report(&self, ticket: usize, outcome: Outcome) {
        let found = {
            let batches = self.batches.read().unwrap_or_else(PoisonError::into_inner);
            let found = batches.range(..=ticket).next_back();
            found.map(|(first, batch)| (*first, Arc::clone(batch)))
        };
        if let Some((first, batch)) = found
            && batch.report(ticket - first, outcome) == Open::Nothing
        {
            self.write().remove(&first);
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<usize, Arc<Batch>>> {
        self.batches.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch whose records are being handed over. Ends with its drop, be it by a deadline.
pub(super) struct Enqueuing<'a> {
    tickets: &'a Tickets,
    batch: Arc<Batch>,
    first: usize,
}

impl Enqueuing<'_> {
    pub(super) fn batch(&self) -> Arc<Batch> {
        Arc::clone(&self.batch)
    }

    /// The record at `index` is about to be handed over.
    pub(super) fn ticket(&self, index: usize) -> usize {
        self.batch.open.fetch_add(1, Ordering::AcqRel);
        self.first + index
    }

    /// A record got its ticket and was then not taken.
    pub(super) fn not_taken(&self) {
        self.batch.close();
    }
}

impl Drop for Enqueuing<'_> {
    fn drop(&mut self) {
        if self.batch.close() == Open::Nothing {
            self.tickets.write().remove(&self.first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(offset: i64) -> Published {
        Published {
            partition: 0,
            offset,
        }
    }

    #[tokio::test]
    async fn each_ticket_reports_to_its_own_record_and_a_finished_batch_is_forgotten() {
        let tickets = Tickets::default();
        let (one, other) = (tickets.begin(2), tickets.begin(3));
        let (batch, other_batch) = (one.batch(), other.batch());
        let numbers = [one.ticket(1), other.ticket(0), other.ticket(2)];
        drop((one, other));

        for (offset, ticket) in (0..).zip(numbers) {
            tickets.report(ticket, Ok(published(offset)));
        }

        batch.all_reported().await;
        other_batch.all_reported().await;
        let offsets = |batch: &Batch| {
            let outcomes = batch.take().into_iter();
            outcomes
                .map(|outcome| outcome.map(|outcome| outcome.unwrap().offset))
                .collect::<Vec<_>>()
        };
        assert_eq!(offsets(&batch), [None, Some(0)]);
        assert_eq!(offsets(&other_batch), [Some(1), None, Some(2)]);
        assert!(tickets.batches.read().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_batch_of_which_nothing_was_taken_does_not_wait() {
        let tickets = Tickets::default();
        let enqueuing = tickets.begin(1);
        let batch = enqueuing.batch();
        enqueuing.ticket(0);
        enqueuing.not_taken();
        drop(enqueuing);
        batch.all_reported().await;
        assert!(tickets.batches.read().unwrap().is_empty());
    }
}
