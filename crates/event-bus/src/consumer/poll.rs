//! The polling thread: takes records, hands them to lanes, stores what is done.

use std::{
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

use super::{
    LaneOrder,
    assignment::Assignment,
    flow::Flow,
    lanes::Lanes,
    work::{Original, Work, peek_type},
};
use crate::{
    Handler, Registry, SchemaSource, Scope, dead_letters::headers::is_for_another, metrics,
};

/// How long one poll waits for a record.
const TICK: Duration = Duration::from_millis(50);
/// How often finished offsets are stored.
const STORE_INTERVAL: Duration = Duration::from_millis(50);
/// How long a full house is waited for before the partitions are paused (which throws away what was
/// fetched ahead).
const FULL_PATIENCE: Duration = Duration::from_millis(100);
/// The same trouble is logged once in this time.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Everything the thread needs.
pub(super) struct Poll {
    pub(super) group: String,
    pub(super) config: ClientConfig,
    pub(super) topics: Vec<String>,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) catalogue: Option<Arc<dyn SchemaSource>>,
    pub(super) registry: Registry,
    pub(super) order: LaneOrder,
    pub(super) flow: Arc<Flow>,
    pub(super) drain: Duration,
    pub(super) stop: CancellationToken,
}

/// Why the thread ended.
pub(super) enum Exit {
    /// It was told to, and drained.
    Stopped,
    /// The consumer is beyond repair and must be made anew.
    Fatal(KafkaError),
    /// It could not even begin.
    Unbuilt(KafkaError),
}

impl Poll {
    pub(super) fn run(&self, assignment: Assignment, lanes: &Arc<Lanes>) -> Exit {
        let consumer: BaseConsumer<Assignment> = match self.config.create_with_context(assignment) {
            Ok(consumer) => consumer,
            Err(error) => return Exit::Unbuilt(error),
        };
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        if let Err(error) = consumer.subscribe(&topics) {
            return Exit::Unbuilt(error);
        }
        let exit = self.take_records(&consumer, lanes);
        let assignment = Arc::clone(consumer.context());
        let partitions = assignment.all();
        assignment.drain(&partitions, Instant::now() + self.drain);
        Assignment::store(&consumer, &partitions);
        assignment.commit_to_leave(&consumer);
        // Leaves the group; the revocation finds nothing left to do.
        drop(consumer);
        exit
    }

    fn take_records(&self, consumer: &BaseConsumer<Assignment>, lanes: &Arc<Lanes>) -> Exit {
        let assignment = Arc::clone(consumer.context());
        let mut stored = Instant::now();
        let mut logged = None::<Instant>;
        let mut paused = false;
        while !self.stop.is_cancelled() {
            if stored.elapsed() >= STORE_INTERVAL {
                Assignment::store(consumer, &assignment.all());
                stored = Instant::now();
            }
            if paused || (self.flow.is_full() && !self.flow.wait_for_room(FULL_PATIENCE)) {
                paused = self.hold(consumer, &assignment, paused);
            }
            let tick = if paused { Duration::ZERO } else { TICK };
            match consumer.poll(tick) {
                None => {}
                Some(Ok(message)) => self.take(&assignment, lanes, &message),
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Exit::Fatal(error);
                }
                Some(Err(_)) if logged.is_some_and(|at| at.elapsed() < LOG_INTERVAL) => {}
                Some(Err(error)) => {
                    tracing::warn!(group = self.group, %error, "nothing read for now");
                    logged = Some(Instant::now());
                }
            }
        }
        Exit::Stopped
    }

    /// Keeps the partitions paused until the load is low; whether they still are.
    fn hold(
        &self,
        consumer: &BaseConsumer<Assignment>,
        assignment: &Assignment,
        paused: bool,
    ) -> bool {
        let gauge = metrics::PAUSED.with_label_values(&[&self.group]);
        let held = |change: fn(&BaseConsumer<Assignment>, &_) -> _| {
            let list = consumer.assignment();
            if let Err(error) = list.and_then(|list| change(consumer, &list)) {
                tracing::warn!(group = self.group, %error, "partitions neither paused nor resumed");
            }
        };
        if !paused || assignment.changed() {
            held(BaseConsumer::pause);
            gauge.set(1);
        }
        if self.flow.wait_for_low(TICK) {
            held(BaseConsumer::resume);
            gauge.set(0);
            return false;
        }
        true
    }

    fn take(&self, assignment: &Assignment, lanes: &Arc<Lanes>, message: &BorrowedMessage<'_>) {
        let Some(partition) = assignment.get(message.topic(), message.partition()) else {
            return;
        };
        let offset = message.offset();
        if is_for_another(message.headers(), &self.group) {
            partition.pass_over(offset);
            let event_type = peek_type(message.headers()).unwrap_or("unfit");
            return self.count_skipped(&partition.logical, event_type);
        }
        if let Some(event_type) = peek_type(message.headers())
            && !self.handler.wants(event_type)
        {
            partition.pass_over(offset);
            return self.count_skipped(&partition.logical, event_type);
        }
        let Some(ticket) = partition.take(offset, Original::bytes(message), &self.flow) else {
            return;
        };
        let original = Original::of(message);
        let place = (&partition.logical, partition.number, offset);
        let content = original.read(&self.registry, |ty| self.scope(ty), place);
        if let Ok(record) = &content
            && !self.handler.wants(&record.envelope.event_type)
        {
            ticket.done();
            return self.count_skipped(&partition.logical, &record.envelope.event_type);
        }
        let work = Work {
            ticket,
            original,
            content,
        };
        lanes.push(work.lane(self.order), work);
    }

    fn scope(&self, event_type: &str) -> Option<Scope> {
        let known = self
            .catalogue
            .as_ref()
            .and_then(|catalogue| catalogue.scope(event_type));
        known.or_else(|| self.handler.scope(event_type))
    }

    fn count_skipped(&self, topic: &str, event_type: &str) {
        let labels = [
            self.group.as_str(),
            topic,
            metrics::type_label(event_type),
            "skipped",
        ];
        metrics::HANDLED.with_label_values(&labels).inc();
    }
}
