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
        state::{Progress, Stream},
        tracker::Taken,
    },
    recovery::parking::Parked,
    scheduling::{in_flight::Flow, key::Key},
};

/// An assignment. When the partition is lost and comes back, that is another `Partition`: what finishes
/// late for the lost one reports to an object nobody reads any more. That is its epoch.
pub(in crate::consumer) struct Partition {
    /// The broker's name of the topic.
    pub(in crate::consumer) topic: String,
    /// The topic without prefix.
    pub(in crate::consumer) logical: Arc<str>,
    pub(in crate::consumer) number: i32,
    /// The log's end when the partition came, where that was asked for.
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
    progress: Progress,
    /// Tickets out: queued or running.
    open: usize,
    /// When what is open came to the log, in milliseconds since 1970, by its offset.
    came: BTreeMap<i64, i64>,
}

impl Partition {
    pub(in crate::consumer) fn new(topic: &str, logical: &str, number: i32) -> Self {
        Self::resuming(topic, logical, number, Progress::default())
    }

    pub(in crate::consumer) fn resuming(
        topic: &str,
        logical: &str,
        number: i32,
        progress: Progress,
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
                progress,
                open: 0,
                came: BTreeMap::new(),
            }),
            idle: Condvar::new(),
        }
    }

    /// Asks or changes what is known of its records.
    pub(in crate::consumer) fn progress<T>(&self, ask: impl FnOnce(&mut Progress) -> T) -> T {
        ask(&mut self.lock().progress)
    }

    /// Takes a record of the main reader that needs work; `None` when it was taken or done before.
    pub(in crate::consumer) fn take(
        self: &Arc<Self>,
        offset: i64,
        load: &Load<'_>,
        flow: &Arc<Flow>,
    ) -> Option<Ticket> {
        let taken = self.lock().progress.take(offset);
        (taken == Taken::Open).then(|| self.ticket(offset, Stream::Main, load, flow))
    }

    /// The ticket for a record that was taken for work.
    pub(in crate::consumer) fn ticket(
        self: &Arc<Self>,
        offset: i64,
        stream: Stream,
        load: &Load<'_>,
        flow: &Arc<Flow>,
    ) -> Ticket {
        let mut state = self.lock();
        state.open += 1;
        if let Some(timestamp) = load.timestamp {
            state.came.insert(offset, timestamp);
        }
        drop(state);
        flow.enter(load.key, load.bytes);
        Ticket(Arc::new(InFlight {
            partition: Arc::clone(self),
            offset,
            key: Arc::clone(load.key),
            stream,
            bytes: load.bytes,
            flow: Arc::clone(flow),
            open: AtomicUsize::new(1),
        }))
    }

    /// Work that is on no record of this partition's log, but to be waited for all the same.
    pub(in crate::consumer) fn hold(self: &Arc<Self>) -> Hold {
        self.lock().open += 1;
        Hold(Arc::clone(self))
    }

    /// When the oldest record that is taken and not finished came to the log, in milliseconds since 1970.
    pub(in crate::consumer) fn oldest(&self) -> Option<i64> {
        let state = self.lock();
        state
            .came
            .first_key_value()
            .map(|(_, timestamp)| *timestamp)
    }

    /// Whether everything that was in the log when the partition came is done.
    pub(in crate::consumer) fn is_at_end(&self) -> bool {
        let position = self.lock().progress.position();
        self.end
            .is_some_and(|end| end == 0 || position.is_some_and(|position| position >= end))
    }

    /// Waits until no ticket is out. False when the deadline came first.
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
    pub(in crate::consumer) key: &'a Arc<Key>,
    pub(in crate::consumer) bytes: usize,
    pub(in crate::consumer) timestamp: Option<i64>,
}

/// A record in flight, or one event of a record with several. Dropped without [`Ticket::done`], its work counts as
/// not done.
pub(in crate::consumer) struct Ticket(Arc<InFlight>);

/// What a record takes up until all of its tickets are gone.
pub(in crate::consumer) struct InFlight {
    pub(in crate::consumer) partition: Arc<Partition>,
    pub(in crate::consumer) offset: i64,
    pub(in crate::consumer) key: Arc<Key>,
    stream: Stream,
    bytes: usize,
    flow: Arc<Flow>,
    /// Events that are not done.
    open: AtomicUsize,
}

impl Deref for Ticket {
    type Target = InFlight;

    fn deref(&self) -> &InFlight {
        &self.0
    }
}

impl Ticket {
    /// A ticket for each of the record's events: the record is done when all are.
    pub(in crate::consumer) fn split(self, events: usize) -> Vec<Self> {
        self.open.store(events, Ordering::Release);
        (0..events).map(|_| Self(Arc::clone(&self.0))).collect()
    }

    /// The work is finished: the offset may be committed when all before it may.
    pub(in crate::consumer) fn done(self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut state = self.partition.lock();
            state.progress.done(self.offset, self.stream, &self.key);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.flow.leave(&self.key, self.bytes);
        let mut state = self.partition.lock();
        state.came.remove(&self.offset);
        self.partition.close(&mut state);
    }
}

/// Open work of a partition, until it is dropped.
pub(in crate::consumer) struct Hold(pub(in crate::consumer) Arc<Partition>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.close(&mut self.0.lock());
    }
}
