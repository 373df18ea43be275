//! One assignment of one partition: what was taken, what is finished, and its two stop signals.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{flow::Flow, tracker::Tracker};

/// An assignment. When the partition is lost and comes back, that is another `Partition`: what finishes
/// late for the lost one reports to an object nobody reads any more. That is its epoch.
pub(super) struct Partition {
    /// The broker's name of the topic.
    pub(super) topic: String,
    /// The topic without prefix.
    pub(super) logical: Arc<str>,
    pub(super) number: i32,
    /// No new work, no more waiting: finish what is running.
    pub(super) stop: CancellationToken,
    /// Time is up: drop what is running.
    pub(super) abort: CancellationToken,
    progress: Mutex<Progress>,
    idle: Condvar,
}

#[derive(Default)]
struct Progress {
    tracker: Tracker,
    /// Tickets out: queued or running.
    open: usize,
}

impl Partition {
    pub(super) fn new(topic: &str, logical: &str, number: i32) -> Self {
        Self {
            topic: topic.to_owned(),
            logical: logical.into(),
            number,
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            progress: Mutex::default(),
            idle: Condvar::new(),
        }
    }

    /// Takes a record that needs no work. False when it was taken before.
    pub(super) fn pass_over(&self, offset: i64) -> bool {
        let mut progress = self.lock();
        let taken = progress.tracker.take(offset);
        if taken {
            progress.tracker.done(offset);
        }
        taken
    }

    /// Takes a record that needs work; `None` when it was taken before.
    pub(super) fn take(
        self: &Arc<Self>,
        offset: i64,
        bytes: usize,
        flow: &Arc<Flow>,
    ) -> Option<Ticket> {
        let mut progress = self.lock();
        if !progress.tracker.take(offset) {
            return None;
        }
        progress.open += 1;
        drop(progress);
        flow.enter(bytes);
        Some(Ticket {
            partition: Arc::clone(self),
            offset,
            bytes,
            flow: Arc::clone(flow),
        })
    }

    /// The offset to store, if it moved.
    pub(super) fn moved_to(&self) -> Option<i64> {
        self.lock().tracker.moved_to()
    }

    /// Waits until no ticket is out. False when the deadline came first.
    pub(super) fn wait_idle(&self, deadline: Instant) -> bool {
        let mut progress = self.lock();
        while progress.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return false;
            }
            let waited = self.idle.wait_timeout(progress, left);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A record in flight. Dropped without [`Ticket::done`], its work counts as not done.
pub(super) struct Ticket {
    pub(super) partition: Arc<Partition>,
    pub(super) offset: i64,
    bytes: usize,
    flow: Arc<Flow>,
}

impl Ticket {
    /// The work is finished: the offset may be committed when all before it may.
    pub(super) fn done(self) {
        self.partition.lock().tracker.done(self.offset);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.flow.leave(self.bytes);
        let mut progress = self.partition.lock();
        progress.open -= 1;
        if progress.open == 0 {
            self.partition.idle.notify_all();
        }
    }
}
