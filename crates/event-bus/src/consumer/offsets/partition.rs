//! One assignment of one partition: what was taken, what is finished, and its two stop signals.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::consumer::{
    offsets::{
        partition_state::{PartitionState, ReadPath},
        tracker::Taken,
    },
    recovery::parking::Parked,
    scheduling::{in_flight_limiter::InFlightLimiter, ordering_key::OrderingKey},
};

/// An assignment. When the partition is lost and comes back, that is another `Partition`: what finishes
/// late for the lost one reports to an object nobody reads any more. That is its epoch.
pub(in crate::consumer) struct Partition {
    /// The broker's name of the topic.
    pub(in crate::consumer) topic: String,
    /// The topic without prefix.
    pub(in crate::consumer) logical: Arc<str>,
    pub(in crate::consumer) number: i32,
    /// The log's end when the partition timestamps, where that was asked for.
    pub(in crate::consumer) end: Option<i64>,
    /// What is parked of it, where events are parked.
    pub(in crate::consumer) parked: Option<Parked>,
    /// No new work, no more waiting: finish what is running.
    pub(in crate::consumer) stop: CancellationToken,
    /// Time is up: drop what is running.
    pub(in crate::consumer) abort: CancellationToken,
    state: Mutex<State>,
    idle: Condvar,
}

struct State {
    offsets: PartitionState,
    /// Tickets out: queued or running.
    open: usize,
    /// When what is open timestamps to the log, in milliseconds since 1970, by its offset.
    timestamps: BTreeMap<i64, i64>,
}

impl Partition {
    pub(in crate::consumer) fn new(topic: &str, logical: &str, number: i32) -> Self {
        Self::resuming(topic, logical, number, PartitionState::default())
    }

    pub(in crate::consumer) fn resuming(
        topic: &str,
        logical: &str,
        number: i32,
        offsets: PartitionState,
    ) -> Self {
        Self {
            topic: topic.to_owned(),
            logical: logical.into(),
            number,
            end: None,
            parked: None,
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            state: Mutex::new(State {
                offsets,
                open: 0,
                timestamps: BTreeMap::new(),
            }),
            idle: Condvar::new(),
        }
    }

    /// Asks or changes what is known of its records.
    pub(in crate::consumer) fn with_state<T>(
        &self,
        ask: impl FnOnce(&mut PartitionState) -> T,
    ) -> T {
        ask(&mut self.lock().offsets)
    }

    /// Takes a record of the main reader that needs work; `None` when it was taken or done before.
    pub(in crate::consumer) fn take(
        self: &Arc<Self>,
        offset: i64,
        load: &Load<'_>,
        limiter: &Arc<InFlightLimiter>,
    ) -> Option<InFlightRecord> {
        let taken = self.lock().offsets.take(offset);
        (taken == Taken::Open).then(|| self.track(offset, ReadPath::Primary, load, limiter))
    }

    /// The in_flight for a record that was taken for work.
    pub(in crate::consumer) fn track(
        self: &Arc<Self>,
        offset: i64,
        path: ReadPath,
        load: &Load<'_>,
        limiter: &Arc<InFlightLimiter>,
    ) -> InFlightRecord {
        let mut state = self.lock();
        state.open += 1;
        if let Some(timestamp) = load.timestamp {
            state.timestamps.insert(offset, timestamp);
        }
        drop(state);
        limiter.enter(load.key, load.bytes);
        InFlightRecord(Arc::new(InFlightInner {
            partition: Arc::clone(self),
            offset,
            key: Arc::clone(load.key),
            path,
            bytes: load.bytes,
            limiter: Arc::clone(limiter),
            open: AtomicUsize::new(1),
        }))
    }

    /// WorkItem that is on no record of this partition's log, but to be waited for all the same.
    pub(in crate::consumer) fn guard(self: &Arc<Self>) -> InFlightGuard {
        self.lock().open += 1;
        InFlightGuard(Arc::clone(self))
    }

    /// When the oldest record that is taken and not finished timestamps to the log, in milliseconds since 1970.
    pub(in crate::consumer) fn oldest(&self) -> Option<i64> {
        let state = self.lock();
        state
            .timestamps
            .first_key_value()
            .map(|(_, timestamp)| *timestamp)
    }

    /// Whether everything that was in the log when the partition timestamps is done.
    pub(in crate::consumer) fn is_at_end(&self) -> bool {
        let position = self.lock().offsets.position();
        self.end
            .is_some_and(|end| end == 0 || position.is_some_and(|position| position >= end))
    }

    /// Waits until no in_flight is out. False when the deadline timestamps first.
    pub(in crate::consumer) fn wait_idle(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return false;
            }
            let waited = self.idle.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn close(&self, state: &mut State) {
        state.open -= 1;
        if state.open == 0 {
            self.idle.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a record weighs.
pub(in crate::consumer) struct Load<'a> {
    pub(in crate::consumer) key: &'a Arc<OrderingKey>,
    pub(in crate::consumer) bytes: usize,
    pub(in crate::consumer) timestamp: Option<i64>,
}

/// A record in flight, or one event of a record with several. Dropped without [`InFlightRecord::ack`], its work counts as
/// not done.
pub(in crate::consumer) struct InFlightRecord(Arc<InFlightInner>);

/// What a record takes up until all of its in_flight_records are gone.
pub(in crate::consumer) struct InFlightInner {
    pub(in crate::consumer) partition: Arc<Partition>,
    pub(in crate::consumer) offset: i64,
    pub(in crate::consumer) key: Arc<OrderingKey>,
    path: ReadPath,
    bytes: usize,
    limiter: Arc<InFlightLimiter>,
    /// Events that are not done.
    open: AtomicUsize,
}

impl Deref for InFlightRecord {
    type Target = InFlightInner;

    fn deref(&self) -> &InFlightInner {
        &self.0
    }
}

impl InFlightRecord {
    /// A in_flight for each of the record's events: the record is done when all are.
    pub(in crate::consumer) fn split(self, events: usize) -> Vec<Self> {
        self.open.store(events, Ordering::Release);
        (0..events).map(|_| Self(Arc::clone(&self.0))).collect()
    }

    /// The work is finished: the offset may be committed when all before it may.
    pub(in crate::consumer) fn ack(self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut state = self.partition.lock();
            state.offsets.complete(self.offset, self.path, &self.key);
        }
    }
}

impl Drop for InFlightInner {
    fn drop(&mut self) {
        self.limiter.leave(&self.key, self.bytes);
        let mut state = self.partition.lock();
        state.timestamps.remove(&self.offset);
        self.partition.close(&mut state);
    }
}

/// Open work of a partition, until it is dropped.
pub(in crate::consumer) struct InFlightGuard(pub(in crate::consumer) Arc<Partition>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.close(&mut self.0.lock());
    }
}
