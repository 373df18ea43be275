//! Builder of a [`Consumer`].

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use crate::{
    BatchHandler, BusError, BusSettings, Handler, ProcessingOrder, RetryPolicy, SchemaSource,
    consumer::{
        Consumer, OffsetReset,
        handle::SharedState,
        polling::start_offsets::StartOffsets,
        processing::handler_kind::HandlerKind,
        recovery::parking::Parking,
        scheduling::{
            fair_scheduler::FairScheduler, in_flight_limiter::InFlightLimiter, lanes::BatchSize,
            ordering_key::KeyRegistry,
        },
    },
    metrics,
};

/// Attempts side by side.
const DEFAULT_PARALLEL: usize = 64;
/// Records in flight for each that may run.
const AHEAD: usize = 32;
/// Bytes in flight.
const IN_FLIGHT_BYTES: usize = 64 << 20;
/// Records parked of one partition.
const PARKED: usize = 100_000;
/// How long running work may take to end when its partition is revoked or the consumer stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Protocol by which the members of a consumer group are assigned partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// The classic protocol with the cooperative-sticky assignor; supported by every broker.
    #[default]
    Classic,
    /// The protocol of KIP-848: the broker computes the assignment. Requires brokers of version 4 or later; rebalances are
    /// faster and never stop the whole group. A group changes its protocol by a rolling restart of its members.
    Consumer,
}

/// Builds a [`Consumer`]: its topics, handler, concurrency, failure policy and start position.
#[must_use]
pub struct ConsumerBuilder {
    settings: BusSettings,
    group: String,
    topics: Vec<String>,
    handler: Option<HandlerKind>,
    batch: Option<BatchSize>,
    catalogue: Option<Arc<dyn SchemaSource>>,
    order: ProcessingOrder,
    parallel: usize,
    in_flight: Option<usize>,
    in_flight_bytes: usize,
    policy: RetryPolicy,
    drain: Duration,
    reset: OffsetReset,
    rewind: bool,
    once: bool,
    protocol: GroupProtocol,
    parks: bool,
    max_parked: usize,
}

impl ConsumerBuilder {
    pub(super) fn new(settings: &BusSettings, group: String) -> Self {
        Self {
            settings: settings.clone(),
            group,
            topics: Vec::new(),
            handler: None,
            batch: None,
            catalogue: None,
            order: ProcessingOrder::default(),
            parallel: DEFAULT_PARALLEL,
            in_flight: None,
            in_flight_bytes: IN_FLIGHT_BYTES,
            policy: RetryPolicy::new(),
            drain: DRAIN,
            reset: OffsetReset::default(),
            rewind: false,
            once: false,
            protocol: GroupProtocol::default(),
            parks: false,
            max_parked: PARKED,
        }
    }

    /// Sets the topics to read, without prefix.
    pub fn topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.topics = topics.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the handler: a [`Router`](crate::Router) or any other [`Handler`].
    pub fn handler(mut self, handler: impl Handler) -> Self {
        self.handler = Some(HandlerKind::Single(Arc::new(handler)));
        self.batch = None;
        self
    }

    /// Sets a handler of batches of up to `events` events; an incomplete batch waits `linger` for more.
    ///
    /// With [`ProcessingOrder::Tenant`] all events of a batch belong to one tenant.
    pub fn batches(mut self, handler: impl BatchHandler, events: usize, linger: Duration) -> Self {
        self.handler = Some(HandlerKind::Batch(Arc::new(handler)));
        self.batch = Some(BatchSize { events, linger });
        self
    }

    /// Sets the schemas that say which event types require a tenant; such an event without one is dead-lettered.
    pub fn catalogue(mut self, catalogue: impl SchemaSource) -> Self {
        self.catalogue = Some(Arc::new(catalogue));
        self
    }

    /// Sets the number of concurrent handler attempts; 64 by default. Tenants are scheduled round-robin.
    pub fn parallel(mut self, attempts: usize) -> Self {
        self.parallel = attempts;
        self
    }

    /// Sets which events are processed in order; [`ProcessingOrder::Aggregate`] by default.
    pub fn order_by(mut self, order: ProcessingOrder) -> Self {
        self.order = order;
        self
    }

    /// Sets the maximum number of records in flight; 32 times `parallel` by default. One tenant may have an eighth of
    /// them (or twice `parallel`); a tenant above its share falls behind without delaying the others.
    pub fn in_flight(mut self, records: usize) -> Self {
        self.in_flight = Some(records);
        self
    }

    /// Sets the maximum number of bytes in flight; 64 MiB by default.
    pub fn in_flight_bytes(mut self, bytes: usize) -> Self {
        self.in_flight_bytes = bytes;
        self
    }

    /// Sets the delays between attempts after transient failures; 200, 400, 800 ms by default.
    pub fn retry(mut self, pauses: impl IntoIterator<Item = Duration>) -> Self {
        self.policy = self.policy.retry(pauses);
        self
    }

    /// Sets the failure policy for handlers without a policy of their own; [`RetryPolicy::new`] by default.
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how long running attempts may take to finish on a rebalance or shutdown; 5 s by default.
    pub fn drain(mut self, deadline: Duration) -> Self {
        self.drain = deadline;
        self
    }

    /// Sets where reading starts in a partition without a committed offset; the oldest event by default.
    pub fn offset_reset(mut self, reset: OffsetReset) -> Self {
        self.reset = reset;
        self
    }

    /// Starts at `reset` once in each partition, regardless of committed offsets.
    pub fn rewind(mut self, reset: OffsetReset) -> Self {
        self.reset = reset;
        self.rewind = true;
        self
    }

    /// Makes the consumer stop when every event that was in the log at assignment is processed.
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Sets the group protocol; [`GroupProtocol::Classic`] by default.
    pub fn protocol(mut self, protocol: GroupProtocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Parks instead of dead-lettering: once an event ends in a dead letter, it and all later ones of its sequence (its
    /// aggregate, or its tenant with [`ProcessingOrder::Tenant`]) are written in order to `<topic>.<group>.parked`, and other
    /// sequences go on. [`Parked`](crate::dlq::parked::Parked) lists, shows and releases them; a released
    /// sequence is handled in order before what came later. Rebalances and restarts change nothing of it.
    ///
    /// A record without a valid envelope has no sequence and is dead-lettered. The topics are created
    /// if missing; processing of a partition starts when its parked log is loaded. If the processing order
    /// changes, records parked before keep their sequence. Release everything before parking is disabled: a
    /// consumer without it ignores parked records.
    pub fn park(mut self) -> Self {
        self.parks = true;
        self
    }

    /// Sets the maximum number of parked records per partition; 100,000 by default. At the limit further records wait in their
    /// lane until parked records are released or discarded: their tenant falls behind, the others continue.
    pub fn max_parked(mut self, records: usize) -> Self {
        self.max_parked = records;
        self
    }

    /// Builds the consumer without connecting.
    ///
    /// # Errors
    /// Fails when topics or the handler are missing, or a setting is invalid.
    pub fn build(self) -> Result<Consumer, BusError> {
        let wrong = |what: &str| BusError::Settings(format!("consumer {}: {what}", self.group));
        if self.topics.is_empty() {
            return Err(wrong("no topics"));
        }
        if self.parallel == 0 {
            return Err(wrong("parallel must be at least 1"));
        }
        if self.batch.is_some_and(|size| size.events == 0) {
            return Err(wrong("a batch must hold at least 1 event"));
        }
        if self.parks {
            if self.max_parked == 0 {
                return Err(wrong("max_parked must be at least 1"));
            }
            let topics = self.topics.iter();
            let mut objections =
                topics.filter_map(|topic| Parking::objection(&self.settings, topic, &self.group));
            if let Some(objection) = objections.next() {
                return Err(wrong(&objection));
            }
        }
        let handler = self.handler.clone().ok_or_else(|| wrong("no handler"))?;
        self.settings.security.check()?;
        let registry = self.settings.registry()?;
        let in_flight = self.in_flight.unwrap_or(self.parallel * AHEAD);
        let gauge = metrics::IN_FLIGHT.with_label_values(&[&self.group]);
        let limiter = InFlightLimiter::new(in_flight, self.in_flight_bytes, self.parallel, gauge);
        let shared = SharedState {
            keys: Arc::new(Mutex::new(KeyRegistry::default())),
            limiter: Arc::new(limiter),
            scheduler: FairScheduler::new(self.group.clone(), self.parallel),
            partitions: Mutex::default(),
            is_running: AtomicBool::new(false),
        };
        Ok(Consumer {
            shared: Arc::new(shared),
            start: StartOffsets {
                reset: self.reset,
                rewind: self.rewind,
                ends: self.once,
                rewound: Arc::new(Mutex::new(HashSet::new())),
            },
            settings: self.settings,
            group: self.group,
            topics: self.topics,
            handler,
            batch: self.batch,
            catalogue: self.catalogue,
            registry,
            order: self.order,
            parallel: self.parallel,
            policy: self.policy,
            drain: self.drain,
            protocol: self.protocol,
            parked: self.parks.then_some(self.max_parked),
        })
    }
}
