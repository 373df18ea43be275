//! Parking: once an event ended in a dead letter, the later events of its sequence wait behind it, in order, until an operator
//! releases them together. Other sequences go on.
//!
//! A sequence is what a lane is: a tenant's aggregate, or a whole tenant with [`ProcessingOrder::Tenant`]. The log is the only store: for
//! each topic and group there is a topic `<topic>.<group>.parked`, and what is parked of partition 3 lies in its partition 3, with
//! *marks* behind it that say what became of it ([`Mark`](crate::dlq::parked::Mark)). The state in memory is folded from
//! that log alone. A partition's work begins when its parked log was read to the end, and a reader follows it from there, so
//! whoever gets the partition knows what the last owner knew, and goes on with a release that was not finished.
//!
//! A record counts as done in its topic when all replicas have it parked. If the process dies in between, it comes again and is
//! known by its offset and id. A release handles the records one by one in the sequence's lane, each followed by a mark; if the
//! process dies between effect and mark, that record is handled again, and the handler's inbox drops it.
//!
//! A late writer that has lost the partition may still park an event that the new owner has handled. Then the sequence is parked
//! for nothing and the event is handled again when it is released, which the inbox drops too: nothing is lost, nothing takes
//! effect twice. What it parks behind a sequence that is gone goes on by itself.

mod log_follower;
mod park;
mod release;
mod state;
mod topic;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    BusError, BusSettings, ProcessingOrder, Record, Registry,
    consumer::{
        offsets::partition::Partition, processing::work_item::lane_of,
        scheduling::ordering_key::KeyRegistry,
    },
    dlq::parked::ParkedReader,
    log_format::{
        parked_sequence::{Sequence, parked_topic},
        parked_state::Entry,
    },
};

pub(in crate::consumer) use crate::consumer::recovery::parking::{
    log_follower::ParkedLogFollower,
    park::{ParkCandidate, ParkDecision},
    release::Release,
    state::Parked,
};

/// Timeout of one broker request.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest name Kafka lets a topic have.
const LONGEST_TOPIC: usize = 249;

/// What one consumer needs to park.
pub(in crate::consumer) struct Parking {
    settings: BusSettings,
    registry: Registry,
    group: String,
    order: ProcessingOrder,
    buckets: Option<usize>,
    /// Records parked of one partition, at the most.
    limit: usize,
    keys: Arc<Mutex<KeyRegistry>>,
    /// The partitions whose parked logs are to be followed.
    held: Mutex<Vec<Arc<Partition>>>,
    /// Reads what is released; one release at a time.
    reader: tokio::sync::Mutex<Option<ParkedReader>>,
}

/// How a consumer parks.
pub(in crate::consumer) struct ParkingSettings<'a> {
    pub(in crate::consumer) settings: &'a BusSettings,
    pub(in crate::consumer) registry: &'a Registry,
    pub(in crate::consumer) group: &'a str,
    pub(in crate::consumer) order: ProcessingOrder,
    pub(in crate::consumer) buckets: Option<usize>,
    pub(in crate::consumer) limit: usize,
    pub(in crate::consumer) keys: &'a Arc<Mutex<KeyRegistry>>,
}

impl Parking {
    pub(in crate::consumer) fn new(with: &ParkingSettings<'_>) -> Arc<Self> {
        Arc::new(Self {
            settings: with.settings.clone(),
            registry: with.registry.clone(),
            group: with.group.to_owned(),
            order: with.order,
            buckets: with.buckets,
            limit: with.limit,
            keys: Arc::clone(with.keys),
            held: Mutex::default(),
            reader: tokio::sync::Mutex::default(),
        })
    }

    /// What is wrong with the name of the topic where `group` would park what it reads of `topic`.
    pub(in crate::consumer) fn objection(
        settings: &BusSettings,
        topic: &str,
        group: &str,
    ) -> Option<String> {
        let name = settings.prefixed(&parked_topic(topic, group));
        let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if name.len() > LONGEST_TOPIC {
            let length = name.len();
            return Some(format!(
                "it would park in {name}, {length} characters; a topic has at most {LONGEST_TOPIC}: shorten the group's name"
            ));
        }
        (!name.bytes().all(is_legal)).then(|| {
            format!(
                "it would park in {name}, which is no topic's name: name the group with letters, digits, '.', '_' and '-'"
            )
        })
    }

    /// What is parked of a partition of `topic`: not known yet.
    pub(in crate::consumer) fn of(&self, topic: &str) -> Parked {
        Parked::new(parked_topic(topic, &self.group), self.limit)
    }

    /// Whose parked logs are followed from now on.
    pub(in crate::consumer) fn follow(&self, partitions: Vec<Arc<Partition>>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = partitions;
    }

    fn held(&self) -> Vec<Arc<Partition>> {
        let held = self.held.lock();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The work of letting `sequence` go on, and its lane.
    fn release(&self, partition: &Arc<Partition>, sequence: &str, key: &[u8]) -> (u64, Release) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let release = Release {
            guard: partition.guard(),
            key: keys.get(key),
            sequence: sequence.to_owned(),
        };
        let Sequence { tenant, subject } = Sequence::read(sequence);
        let is_whole = self.order == ProcessingOrder::Tenant && tenant.is_some();
        let subject = subject.as_deref().filter(|_| !is_whole);
        (lane_of(tenant, subject, self.buckets), release)
    }

    /// The first of these records, as many as may be in memory; one that cannot be had is told why.
    async fn read(
        &self,
        partition: &Partition,
        entries: &[Entry],
    ) -> Result<Vec<Result<Record, String>>, BusError> {
        let mut place = self.reader.lock().await;
        let mut reader = match place.take() {
            Some(reader) => reader,
            None => ParkedReader::open(&self.settings, &self.registry, PATIENCE)?,
        };
        let topic = parked_topic(&partition.logical, &self.group);
        let read = reader.records(&topic, partition.number, entries).await?;
        *place = Some(reader);
        let records = read.into_iter().zip(entries).map(|(record, entry)| {
            record.map(|mut record| {
                record.topic = Arc::clone(&partition.logical);
                record.partition = partition.number;
                record.offset = entry.identity.offset;
                record
            })
        });
        Ok(records.collect())
    }
}
