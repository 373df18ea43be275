//! Consuming: many keys side by side, one key in order, nothing skipped, nothing lost on the way out.

mod assignment;
mod dead_letter;
mod flow;
mod lanes;
mod log_reader;
mod partition;
mod poll;
mod tracker;
mod work;
mod worker;

use std::{sync::Arc, thread, time::Duration};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot},
};
use tokio_util::sync::CancellationToken;

use crate::{BusError, BusSettings, Handler, Registry, SchemaSource, metrics};
use assignment::Assignment;
use dead_letter::DeadLetters;
use flow::Flow;
use lanes::Lanes;
use poll::{Exit, Poll};
use worker::Worker;

pub use dead_letter::DEAD_LETTER_SUFFIX;
pub use log_reader::{LogReader, LogRecord, Unreadable};

/// Pauses before the second, third and fourth attempt.
const RETRY: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];
/// Attempts side by side.
const PARALLEL: usize = 64;
/// Records in flight for each that may run.
const AHEAD: usize = 32;
/// Bytes in flight.
const IN_FLIGHT_BYTES: usize = 64 << 20;
/// How long running work may take to end when its partition is revoked or the consumer stops.
const DRAIN: Duration = Duration::from_secs(5);
/// How long the last commit and leaving the group may take besides.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);

/// What goes one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LaneOrder {
    /// Events of one aggregate (tenant and subject).
    #[default]
    Aggregate,
    /// All events of one tenant; those without a tenant by subject.
    Tenant,
}

/// A consumer, ready to run. See [`Consumer::builder`].
pub struct Consumer {
    settings: BusSettings,
    group: String,
    topics: Vec<String>,
    handler: Arc<dyn Handler>,
    catalogue: Option<Arc<dyn SchemaSource>>,
    registry: Registry,
    order: LaneOrder,
    parallel: usize,
    in_flight: usize,
    in_flight_bytes: usize,
    retry: Vec<Duration>,
    drain: Duration,
}

/// Says what a consumer reads, who does the work, and how.
#[must_use]
pub struct ConsumerBuilder {
    settings: BusSettings,
    group: String,
    topics: Vec<String>,
    handler: Option<Arc<dyn Handler>>,
    catalogue: Option<Arc<dyn SchemaSource>>,
    order: LaneOrder,
    parallel: usize,
    in_flight: Option<usize>,
    in_flight_bytes: usize,
    retry: Vec<Duration>,
    drain: Duration,
}

impl Consumer {
    /// A consumer of the group `group`, named without prefix, as `order-payment-consumer`.
    pub fn builder(settings: &BusSettings, group: impl Into<String>) -> ConsumerBuilder {
        ConsumerBuilder {
            settings: settings.clone(),
            group: group.into(),
            topics: Vec::new(),
            handler: None,
            catalogue: None,
            order: LaneOrder::default(),
            parallel: PARALLEL,
            in_flight: None,
            in_flight_bytes: IN_FLIGHT_BYTES,
            retry: RETRY.to_vec(),
            drain: DRAIN,
        }
    }

    /// Reads until `stop`, then lets running work end, commits and leaves the group.
    ///
    /// A broker or topic that is not there is waited for. If the future is dropped, the consumer stops by
    /// itself in the background.
    ///
    /// # Errors
    /// Only when a setting is wrong or the polling thread died; never for what the broker does.
    pub async fn run(self, stop: CancellationToken) -> Result<(), BusError> {
        // Stops the thread when this future is dropped.
        let stop = stop.child_token();
        let _guard = stop.clone().drop_guard();
        loop {
            match self.poll_until(&stop).await? {
                Exit::Stopped => return Ok(()),
                Exit::Unbuilt(error) => return Err(error.into()),
                Exit::Fatal(error) => {
                    tracing::error!(group = self.group, %error, "consumer failed for good; making it anew");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn poll_until(&self, stop: &CancellationToken) -> Result<Exit, BusError> {
        let gauge = metrics::IN_FLIGHT.with_label_values(&[&self.group]);
        let flow = Arc::new(Flow::new(self.in_flight, self.in_flight_bytes, gauge));
        let worker = Worker {
            group: self.group.clone(),
            handler: Arc::clone(&self.handler),
            retry: self.retry.clone(),
            permits: Semaphore::new(self.parallel),
            dead_letters: DeadLetters::new(&self.settings),
            waiting: Arc::default(),
        };
        let lanes = Lanes::new(worker, Handle::current());
        let assignment = Assignment::new(self.settings.clone(), self.group.clone(), self.drain);
        let poll = Poll {
            group: self.group.clone(),
            config: self.config(),
            topics: self
                .topics
                .iter()
                .map(|topic| self.settings.prefixed(topic))
                .collect(),
            handler: Arc::clone(&self.handler),
            catalogue: self.catalogue.clone(),
            registry: self.registry.clone(),
            order: self.order,
            flow,
            drain: self.drain,
            stop: stop.clone(),
        };
        let (send, receive) = oneshot::channel();
        thread::Builder::new()
            .name(format!("bus {}", self.group))
            .spawn(move || send.send(poll.run(assignment, &lanes)))
            .map_err(|error| BusError::Died(error.to_string()))?;
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(self.drain + LEAVE_PATIENCE).await;
        };
        tokio::select! {
            exit = receive => exit.map_err(|_| BusError::Died(format!("polling thread of {}", self.group))),
            () = overdue => {
                tracing::warn!(group = self.group, "the broker does not let the consumer leave; gone without");
                Ok(Exit::Stopped)
            }
        }
    }

    fn config(&self) -> rdkafka::ClientConfig {
        let mut config = self.settings.client();
        let defaults = [
            ("session.timeout.ms", "10000"),
            ("heartbeat.interval.ms", "2000"),
            // New topics are found within this time.
            ("topic.metadata.refresh.interval.ms", "10000"),
            ("queued.max.messages.kbytes", "16384"),
            ("fetch.wait.max.ms", "100"),
            ("statistics.interval.ms", "5000"),
        ];
        for (name, value) in defaults {
            if config.get(name).is_none() {
                config.set(name, value);
            }
        }
        config
            .set("group.id", self.settings.prefixed(&self.group))
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "1000")
            .set("enable.partition.eof", "false")
            .set("allow.auto.create.topics", "false");
        config
    }
}

impl ConsumerBuilder {
    /// The topics to read, without prefix.
    pub fn topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.topics = topics.into_iter().map(Into::into).collect();
        self
    }

    /// Who does the work: a [`Router`](crate::Router) or a [`Handler`] of your own.
    pub fn handler(mut self, handler: impl Handler) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// What is known of types of events, so that a tenant's event without its tenant is put aside.
    pub fn catalogue(mut self, catalogue: impl SchemaSource) -> Self {
        self.catalogue = Some(Arc::new(catalogue));
        self
    }

    /// How many attempts run side by side; 64 unless set.
    pub fn parallel(mut self, attempts: usize) -> Self {
        self.parallel = attempts;
        self
    }

    /// What goes one after the other; aggregates unless set.
    pub fn order_by(mut self, order: LaneOrder) -> Self {
        self.order = order;
        self
    }

    /// How many records may be taken and not finished; 32 times `parallel` unless set.
    pub fn in_flight(mut self, records: usize) -> Self {
        self.in_flight = Some(records);
        self
    }

    /// How many bytes may be taken and not finished; 64 MiB unless set.
    pub fn in_flight_bytes(mut self, bytes: usize) -> Self {
        self.in_flight_bytes = bytes;
        self
    }

    /// The pauses between attempts at what fails transiently; 200, 400, 800 ms unless set.
    pub fn retry(mut self, pauses: impl IntoIterator<Item = Duration>) -> Self {
        self.retry = pauses.into_iter().collect();
        self
    }

    /// How long running work may take to end on a rebalance or stop; 5 s unless set.
    pub fn drain(mut self, deadline: Duration) -> Self {
        self.drain = deadline;
        self
    }

    /// The consumer, not yet connected.
    ///
    /// # Errors
    /// When topics, handler or a setting are missing or wrong.
    pub fn build(self) -> Result<Consumer, BusError> {
        let wrong = |what: &str| BusError::Settings(format!("consumer {}: {what}", self.group));
        if self.topics.is_empty() {
            return Err(wrong("no topics"));
        }
        if self.parallel == 0 {
            return Err(wrong("parallel must be at least 1"));
        }
        let handler = self.handler.clone().ok_or_else(|| wrong("no handler"))?;
        let registry = Registry::new(&self.settings.registry_url).map_err(BusError::Settings)?;
        Ok(Consumer {
            in_flight: self.in_flight.unwrap_or(self.parallel * AHEAD),
            settings: self.settings,
            group: self.group,
            topics: self.topics,
            handler,
            catalogue: self.catalogue,
            registry,
            order: self.order,
            parallel: self.parallel,
            in_flight_bytes: self.in_flight_bytes,
            retry: self.retry,
            drain: self.drain,
        })
    }
}
