//! What a consumer reads, who does the work, and how.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use crate::{
    BatchHandler, BusError, BusSettings, Handler, Policy, ProcessingOrder, SchemaSource,
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

/// How the members of a group agree on who reads what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// Members negotiate, cooperatively: every broker understands it.
    #[default]
    Classic,
    /// The broker decides (KIP-848): brokers from version 4 on. Faster and without a stop for all. A group is moved from one protocol
    /// to the other by its members' restart.
    Consumer,
}

/// Says what a consumer reads, who does the work, and how.
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
    policy: Policy,
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
            policy: Policy::new(),
            drain: DRAIN,
            reset: OffsetReset::default(),
            rewind: false,
            once: false,
            protocol: GroupProtocol::default(),
            parks: false,
            max_parked: PARKED,
        }
    }

    /// The topics to read, without prefix.
    pub fn topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.topics = topics.into_iter().map(Into::into).collect();
        self
    }

    /// Who does the work: a [`Router`](crate::Router) or a [`Handler`] of your own.
    pub fn handler(mut self, handler: impl Handler) -> Self {
        self.handler = Some(HandlerKind::Single(Arc::new(handler)));
        self.batch = None;
        self
    }

    /// Who does the work of up to `events` events at once; fewer wait `linger` for more.
    ///
    /// With [`ProcessingOrder::Tenant`] the events of a batch are all of one tenant.
    pub fn batches(mut self, handler: impl BatchHandler, events: usize, linger: Duration) -> Self {
        self.handler = Some(HandlerKind::Batch(Arc::new(handler)));
        self.batch = Some(BatchSize { events, linger });
        self
    }

    /// What is known of types of events, so that a tenant's event without its tenant is put aside.
    pub fn catalogue(mut self, catalogue: impl SchemaSource) -> Self {
        self.catalogue = Some(Arc::new(catalogue));
        self
    }

    /// How many attempts run side by side; 64 unless set. Tenants take scheduler.
    pub fn parallel(mut self, attempts: usize) -> Self {
        self.parallel = attempts;
        self
    }

    /// What goes one after the other; aggregates unless set.
    pub fn order_by(mut self, order: ProcessingOrder) -> Self {
        self.order = order;
        self
    }

    /// How many records may be taken and not finished; 32 times `parallel` unless set. A tenant may have an eighth of
    /// them (or twice `parallel`); the others go on without one that has more to do.
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
        self.policy = self.policy.retry(pauses);
        self
    }

    /// How failures are met where the handler does not say otherwise; [`Policy::new`] unless set.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// How long running work may take to end on a rebalance or stop; 5 s unless set.
    pub fn drain(mut self, deadline: Duration) -> Self {
        self.drain = deadline;
        self
    }

    /// Where the group begins in a partition it has not committed anything for; with the oldest event unless set.
    pub fn offset_reset(mut self, reset: OffsetReset) -> Self {
        self.reset = reset;
        self
    }

    /// Goes back to `begin` in each partition once, whatever the group has committed.
    pub fn rewind(mut self, reset: OffsetReset) -> Self {
        self.reset = reset;
        self.rewind = true;
        self
    }

    /// Ends by itself when everything is done that was in the log when its partitions came.
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// How the group's members agree; [`GroupProtocol::Classic`] unless set.
    pub fn protocol(mut self, protocol: GroupProtocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Parks instead of dead-lettering: once an event ends in a dead letter, it and all later ones of its sequence (its
    /// aggregate, or its tenant with [`ProcessingOrder::Tenant`]) are put in order into `<topic>.<group>.parked`, and other
    /// sequences go on. [`Parked`](crate::dead_letters::parked::Parked) lists, shows and releases them; a released
    /// sequence is handled in order before what came later. Rebalances and restarts change nothing of it.
    ///
    /// What has no readable envelope has no sequence, and becomes a dead letter as without this. The topics are made
    /// where they are missing; work on a partition begins when it is known what is parked of it. Where the lanes' order
    /// is changed, what was parked in the old one keeps its sequence. Release everything before this is switched off: a
    /// consumer without it knows nothing of what is parked.
    pub fn park(mut self) -> Self {
        self.parks = true;
        self
    }

    /// How many records may be parked of one partition; 100,000 unless set. At that mark what is to be parked waits in its
    /// lane until something is released or discarded: its tenant falls behind, the others go on.
    pub fn max_parked(mut self, records: usize) -> Self {
        self.max_parked = records;
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
