//! The polling thread: takes records, hands them to lanes, commits what is done.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::BorrowedMessage,
};
use tokio_util::sync::CancellationToken;

use crate::{
    consumer::{
        offsets::partition::Partition,
        polling::assignment::Assignment,
        processing::{
            dispatcher::{Dispatcher, load},
            source_record::SourceRecord,
            work_item::HeaderPeek,
        },
        recovery::{catch_up::CatchUpConsumer, parking::Parking},
        scheduling::ordering_key::OrderingKey,
    },
    security::with_hint,
};

/// How long one poll waits for a record.
const TICK: Duration = Duration::from_millis(50);
/// The same while keys are behind: their reader is polled in turn.
const SHORT_TICK: Duration = Duration::from_millis(2);
/// Records taken from one reader before it is the other's turn.
const TURN: usize = 128;
/// After so many, whoever waits for the processor has it first: where cores are few, reading ahead is not to keep
/// handlers waiting.
const GIVE_WAY: usize = 16;
/// How often finished offsets are committed.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// How long a full house is waited for before the partitions are paused (which throws away what was
/// fetched ahead), and a key with all its share in flight before the others go on without it.
const FULL_PATIENCE: Duration = Duration::from_millis(100);
/// The latter as long as no other key was seen: most likely there is none to go on with.
const FULL_PATIENCE_ALONE: Duration = Duration::from_secs(1);
/// The same trouble is logged once in this time.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Everything the thread needs.
pub(in crate::consumer) struct PollLoop {
    pub(in crate::consumer) config: ClientConfig,
    pub(in crate::consumer) topics: Vec<String>,
    pub(in crate::consumer) dispatcher: Dispatcher,
    /// Where events are parked.
    pub(in crate::consumer) parking: Option<Arc<Parking>>,
    pub(in crate::consumer) drain: Duration,
    /// End by itself when everything that was in the log at the beginning is done.
    pub(in crate::consumer) once: bool,
    pub(in crate::consumer) stop: CancellationToken,
}

/// Why the thread ended.
pub(in crate::consumer) enum Exit {
    /// It was told to, and drained.
    Stopped,
    /// The consumer is beyond repair and must be made anew.
    Fatal(KafkaError),
    /// It could not even begin.
    Unbuilt(KafkaError),
}

/// What the thread keeps while it polls.
struct PollSession<'a> {
    poll: &'a PollLoop,
    consumer: &'a BaseConsumer<Assignment>,
    assignment: Arc<Assignment>,
    catch_up: CatchUpConsumer,
    /// Since when keys have all their share in flight.
    full: HashMap<Box<[u8]>, Instant>,
    paused: bool,
    /// The partition of the last record, and the assignment's changes when it was looked up.
    last: Option<(usize, Arc<Partition>)>,
    /// The assignment's changes that were shown.
    shown: usize,
    logged: Option<Instant>,
}

impl PollLoop {
    pub(in crate::consumer) fn run(&self, assignment: Assignment) -> Exit {
        let consumer: BaseConsumer<Assignment> = match self.config.create_with_context(assignment) {
            Ok(consumer) => consumer,
            Err(error) => return Exit::Unbuilt(error),
        };
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        if let Err(error) = consumer.subscribe(&topics) {
            return Exit::Unbuilt(error);
        }
        let assignment = Arc::clone(consumer.context());
        let reading = PollSession {
            poll: self,
            consumer: &consumer,
            assignment: Arc::clone(&assignment),
            catch_up: CatchUpConsumer::new(self.config.clone()),
            full: HashMap::new(),
            paused: false,
            last: None,
            shown: 0,
            logged: None,
        };
        self.dispatcher.metrics.running(true);
        let exit = reading.run();
        self.dispatcher.metrics.running(false);
        assignment.drain(&assignment.all(), Instant::now() + self.drain);
        assignment.commit_to_leave(&consumer);
        // Leaves the group; the revocation finds nothing left to do.
        drop(consumer);
        exit
    }
}

impl PollSession<'_> {
    fn run(mut self) -> Exit {
        let mut committed = Instant::now();
        while !self.poll.stop.is_cancelled() {
            let is_due = committed.elapsed() >= COMMIT_INTERVAL;
            let changes = self.assignment.changes();
            let has_changed = std::mem::replace(&mut self.shown, changes) != changes;
            if has_changed && let Some(parking) = &self.poll.parking {
                parking.follow(self.assignment.all());
            }
            if is_due || has_changed {
                self.poll.dispatcher.metrics.show(&self.assignment.all());
            }
            if is_due {
                self.assignment.commit_moved(self.consumer);
                committed = Instant::now();
                if self.poll.once && self.is_at_end() {
                    return Exit::Stopped;
                }
            }
            let limiter = &self.poll.dispatcher.limiter;
            if self.paused || (limiter.is_full() && !limiter.wait_for_room(FULL_PATIENCE)) {
                self.pause_partitions(has_changed);
            }
            self.read_catch_up();
            if let Some(exit) = self.read() {
                return exit;
            }
        }
        Exit::Stopped
    }

    /// Reads a turn of records; what ends the thread, if anything does.
    fn read(&mut self) -> Option<Exit> {
        let mut tick = match (self.paused, self.catch_up.is_idle()) {
            (true, _) => Duration::ZERO,
            (false, true) => TICK,
            (false, false) => SHORT_TICK,
        };
        for taken in 1..=TURN {
            if taken % GIVE_WAY == 0 {
                std::thread::yield_now();
            }
            match self.consumer.poll(tick) {
                None => break,
                Some(Ok(message)) => self.take(&message),
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Some(Exit::Fatal(error));
                }
                Some(Err(error)) => self.log_error(&error),
            }
            if self.poll.dispatcher.limiter.is_full() || self.poll.stop.is_cancelled() {
                break;
            }
            tick = Duration::ZERO;
        }
        self.poll.dispatcher.lanes.start();
        None
    }

    /// Keeps the partitions paused until the load is low.
    fn pause_partitions(&mut self, has_changed: bool) {
        let change = |change: fn(&BaseConsumer<Assignment>, &_) -> _| {
            let list = self.consumer.assignment();
            if let Err(error) = list.and_then(|list| change(self.consumer, &list)) {
                tracing::warn!(group = self.poll.dispatcher.group, %error, "partitions neither paused nor resumed");
            }
        };
        if !self.paused || has_changed {
            change(BaseConsumer::pause);
            self.poll.dispatcher.metrics.paused(true);
        }
        self.paused = !self.poll.dispatcher.limiter.wait_for_low(TICK);
        if !self.paused {
            change(BaseConsumer::resume);
            self.poll.dispatcher.metrics.paused(false);
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let Some(partition) = self.partition_of(message) else {
            return;
        };
        let offset = message.offset();
        if !partition.with_state(|state| state.arrive(offset)) {
            tracing::error!(
                group = self.poll.dispatcher.group, topic = %partition.logical, partition = partition.number, offset,
                "the log begins before what was committed: it is another one; reading it from its beginning"
            );
        }
        let original = SourceRecord::without_value(message);
        let peek = HeaderPeek::of(&original);
        if !peek.is_wanted(&self.poll.dispatcher.group, &*self.poll.dispatcher.filter) {
            partition.with_state(|state| state.skip(offset));
            return self.poll.dispatcher.metrics.skipped(&partition, &peek);
        }
        let key = self
            .poll
            .dispatcher
            .keys()
            .get(message.key().unwrap_or_default());
        if partition.with_state(|state| state.defer(offset, &key)) {
            return;
        }
        let goes_on_without = self.is_too_much(&key)
            && partition
                .with_state(|state| state.mark_lagging(offset, &key) && state.defer(offset, &key));
        if goes_on_without {
            return;
        }
        let load = load(message, &key);
        if let Some(in_flight) = partition.take(offset, &load, &self.poll.dispatcher.limiter) {
            let original = original.with_value(message);
            self.poll.dispatcher.put(&partition, in_flight, original);
        }
    }

    /// The partition held that the record is of; records of one come in runs.
    fn partition_of(&mut self, message: &BorrowedMessage<'_>) -> Option<Arc<Partition>> {
        let (changes, topic) = (self.assignment.changes(), message.topic());
        if let Some((then, last)) = &self.last
            && (*then, last.number) == (changes, message.partition())
            && last.topic == topic
        {
            return Some(Arc::clone(last));
        }
        let partition = self.assignment.get(topic, message.partition())?;
        self.last = Some((changes, Arc::clone(&partition)));
        Some(partition)
    }

    /// Whether the others should go on without this key.
    fn is_too_much(&mut self, key: &Arc<OrderingKey>) -> bool {
        if key.is_paused() {
            return true;
        }
        if !self.poll.dispatcher.limiter.is_full_of(key) {
            if !self.full.is_empty() && self.poll.dispatcher.limiter.is_low_of(key) {
                self.full.remove(&key.name);
            }
            return false;
        }
        let patience = if self.poll.dispatcher.keys().are_several() {
            FULL_PATIENCE
        } else {
            FULL_PATIENCE_ALONE
        };
        // Only what has begun makes room.
        self.poll.dispatcher.lanes.start();
        let now = Instant::now();
        let since = *self.full.entry(key.name.clone()).or_insert(now);
        let left = (since + patience).saturating_duration_since(now);
        let is_too_much = !self.poll.dispatcher.limiter.wait_for_room_of(key, left);
        if is_too_much {
            self.full.remove(&key.name);
        }
        is_too_much
    }

    /// Lets the catch_up reader bring what keys that are behind have room for.
    fn read_catch_up(&mut self) {
        let partitions = self.assignment.all();
        if let Err(error) = self
            .catch_up
            .direct(&partitions, &self.poll.dispatcher.limiter)
        {
            return self.log_error(&error);
        }
        if self.catch_up.is_idle() {
            return;
        }
        let dispatcher = &self.poll.dispatcher;
        self.catch_up.read(TURN, |partition, since, message| {
            dispatcher.put_catch_up(partition, since, message);
        });
        dispatcher.lanes.start();
    }

    fn is_at_end(&self) -> bool {
        let partitions = self.assignment.all();
        !partitions.is_empty() && partitions.iter().all(|partition| partition.is_at_end())
    }

    fn log_error(&mut self, error: &KafkaError) {
        if self.logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            let error = with_hint(error);
            tracing::warn!(
                group = self.poll.dispatcher.group,
                error,
                "nothing read for now"
            );
            self.logged = Some(Instant::now());
        }
    }
}
