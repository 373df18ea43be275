//! Consumer with at-least-once delivery, per-key ordering and concurrent keys.

mod builder;
mod consumer_metrics;
mod decoder;
mod event_metrics;
mod handle;
mod offsets;
mod polling;
mod processing;
mod recovery;
mod scheduling;

use std::{sync::Arc, thread, time::Duration};

use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    BusError, BusSettings, ProcessingOrder, Registry, RetryPolicy, SchemaSource,
    consumer::processing::dispatcher::Dispatcher,
    consumer::{
        consumer_metrics::ConsumerMetrics,
        event_metrics::EventMetrics,
        handle::SharedState,
        polling::{
            assignment::Assignment,
            poll_loop::{Exit, PollLoop},
            start_offsets::StartOffsets,
        },
        processing::processor::RecordProcessor,
        recovery::{
            dead_letters::DeadLetterPublisher,
            parking::{ParkedLogFollower, Parking, ParkingSettings},
        },
        scheduling::{
            lanes::{BatchSize, Lanes},
            ordering_key::OrderingKey,
        },
    },
};

pub(crate) use crate::consumer::processing::{
    handler_kind::HandlerKind,
    processor::class_of,
    source_record::SourceRecord,
    work_item::{HeaderPeek, InvalidRecord, RecordFilter},
};
pub use crate::consumer::{
    builder::{ConsumerBuilder, GroupProtocol},
    handle::{ConsumerHandle, ConsumerStatus},
};

pub use crate::consumer::{
    decoder::{DecodedRecord, RecordDecoder, UndecodableRecord},
    polling::start_offsets::OffsetReset,
};

/// Timeout of the final commit and of leaving the group, after the drain.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);

/// A Kafka consumer group member. Created by [`Consumer::builder`].
pub struct Consumer {
    settings: BusSettings,
    group: String,
    topics: Vec<String>,
    handler: HandlerKind,
    batch: Option<BatchSize>,
    catalogue: Option<Arc<dyn SchemaSource>>,
    registry: Registry,
    order: ProcessingOrder,
    parallel: usize,
    policy: RetryPolicy,
    drain: Duration,
    protocol: GroupProtocol,
    /// Maximum number of parked records per partition; `None` disables parking.
    parked: Option<usize>,
    start: StartOffsets,
    shared: Arc<SharedState>,
}

impl Consumer {
    /// Returns a builder for a member of `group`, named without prefix, such as `order-payment-consumer`.
    pub fn builder(settings: &BusSettings, group: impl Into<String>) -> ConsumerBuilder {
        ConsumerBuilder::new(settings, group.into())
    }

    /// Returns a handle to pause, resume and observe the running consumer.
    pub fn handle(&self) -> ConsumerHandle {
        ConsumerHandle::new(Arc::clone(&self.shared))
    }

    /// Consumes until `stop` is cancelled, then drains running attempts, commits and leaves the group.
    ///
    /// Waits for brokers and topics that are not available. If the future is dropped, the consumer stops
    /// in the background.
    ///
    /// # Errors
    /// Fails when a setting is invalid or the polling thread panicked; broker errors are retried.
    pub async fn run(self, stop: CancellationToken) -> Result<(), BusError> {
        // Stops the thread when this future is dropped.
        let stop = stop.child_token();
        let _guard = stop.clone().drop_guard();
        loop {
            match self.poll_until(&stop).await? {
                Exit::Stopped => return Ok(()),
                Exit::Unbuilt(error) => return Err(error.into()),
                Exit::Fatal(error) => {
                    tracing::error!(group = self.group, %error, "consumer failed fatally; creating it again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn poll_until(&self, stop: &CancellationToken) -> Result<Exit, BusError> {
        let buckets = self.batch.map(|_| self.parallel);
        let parking = self.parked.map(|limit| {
            Parking::new(&ParkingSettings {
                settings: &self.settings,
                registry: &self.registry,
                group: &self.group,
                order: self.order,
                buckets,
                limit,
                keys: &self.shared.keys,
            })
        });
        let worker = RecordProcessor {
            group: self.group.clone(),
            event_metrics: EventMetrics::new(&self.group),
            handler: self.handler.clone(),
            policy: self.policy.clone(),
            scheduler: Arc::clone(&self.shared.scheduler),
            dead_letters: DeadLetterPublisher::new(&self.settings),
            batches: OrderingKey::new(b"batches"),
            parking: parking.clone(),
        };
        let lanes = Lanes::new(worker, self.batch, Handle::current());
        let assignment = Assignment::new(
            self.settings.clone(),
            self.group.clone(),
            self.drain,
            self.start.clone(),
            Arc::clone(&self.shared.keys),
            parking.clone(),
            Arc::clone(&lanes),
        );
        let follower = parking.as_ref();
        let follower = follower
            .map(|parking| ParkedLogFollower::spawn(parking, &lanes))
            .transpose()?;
        let dispatcher = Dispatcher {
            group: self.group.clone(),
            filter: Arc::new(self.handler.clone()),
            catalogue: self.catalogue.clone(),
            registry: self.registry.clone(),
            order: self.order,
            buckets,
            limiter: Arc::clone(&self.shared.limiter),
            keys: Arc::clone(&self.shared.keys),
            metrics: ConsumerMetrics::new(self.group.clone(), Arc::clone(&self.shared)),
            lanes,
        };
        let topics = self.topics.iter();
        let poll = PollLoop {
            config: self.config(),
            topics: topics.map(|topic| self.settings.prefixed(topic)).collect(),
            dispatcher,
            parking,
            drain: self.drain,
            once: self.start.ends,
            stop: stop.clone(),
        };
        let (send, receive) = oneshot::channel();
        thread::Builder::new()
            .name(format!("bus {}", self.group))
            .spawn(move || send.send(poll.run(assignment)))
            .map_err(|error| BusError::Died(error.to_string()))?;
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(self.drain + LEAVE_PATIENCE).await;
        };
        let exit = tokio::select! {
            exit = receive => exit.map_err(|_| BusError::Died(format!("polling thread of {}", self.group))),
            () = overdue => {
                tracing::warn!(group = self.group, "leaving the group timed out; stopped without an answer from the broker");
                Ok(Exit::Stopped)
            }
        };
        if let Some(follower) = follower {
            follower.end().await;
        }
        exit
    }

    fn config(&self) -> rdkafka::ClientConfig {
        let mut config = self.settings.client();
        let defaults = [
            // New topics are found within this time.
            ("topic.metadata.refresh.interval.ms", "10000"),
            ("queued.max.messages.kbytes", "16384"),
            ("fetch.wait.max.ms", "100"),
            // When its queues are full, librdkafka would wait a second before it fetches again.
            ("fetch.queue.backoff.ms", "10"),
            ("statistics.interval.ms", "5000"),
        ];
        for (name, value) in defaults {
            if config.get(name).is_none() {
                config.set(name, value);
            }
        }
        let protocol: &[(&str, &str)] = match self.protocol {
            GroupProtocol::Classic => &[
                ("partition.assignment.strategy", "cooperative-sticky"),
                ("session.timeout.ms", "10000"),
                ("heartbeat.interval.ms", "2000"),
            ],
            // The broker keeps the times.
            GroupProtocol::Consumer => &[("group.protocol", "consumer")],
        };
        for (name, value) in protocol {
            if config.get(name).is_none() {
                config.set(*name, *value);
            }
        }
        config
            .set("group.id", self.settings.prefixed(&self.group))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "false")
            .set("allow.auto.create.topics", "false");
        config
    }
}
