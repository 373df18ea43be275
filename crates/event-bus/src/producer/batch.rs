//! The acknowledgements of one batch, gathered as librdkafka reports them.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use rdkafka::error::KafkaError;
use tokio::sync::Notify;

/// What became of one record.
pub(super) type Outcome = Result<(), KafkaError>;

/// Waits for the outcome of every record that was enqueued.
pub(super) struct Batch {
    outcomes: Mutex<Vec<Option<Outcome>>>,
    /// Records whose outcome is open, plus one until the enqueuer is done.
    open: AtomicUsize,
    done: Notify,
}

impl Batch {
    pub(super) fn new(records: usize) -> Self {
        Self {
            outcomes: Mutex::new(vec![None; records]),
            open: AtomicUsize::new(1),
            done: Notify::new(),
        }
    }

    /// One more record is about to be enqueued.
    pub(super) fn enqueue(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    /// The record at `index` has its outcome.
    pub(super) fn report(&self, index: usize, outcome: Outcome) {
        self.lock()[index] = Some(outcome);
        self.close();
    }

    /// Nothing more will be enqueued.
    pub(super) fn sealed(&self) {
        self.close();
    }

    /// A record was counted and then not taken.
    pub(super) fn not_taken(&self) {
        self.close();
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

    /// The outcomes so far; `None` for a record that has none.
    pub(super) fn take(&self) -> Vec<Option<Outcome>> {
        self.lock().clone()
    }

    fn close(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_waiters();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<Outcome>>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
