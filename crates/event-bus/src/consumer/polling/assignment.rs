//! The partitions held now; the rebalance callbacks that change them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, Statistics, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    types::RDKafkaRespErr,
};

use crate::{
    BusSettings,
    consumer::{
        offsets::{partition::Partition, partition_state::PartitionState},
        polling::start_offsets::StartOffsets,
        recovery::parking::Parking,
        scheduling::{lanes::Lanes, ordering_key::KeyRegistry},
    },
    metrics,
    security::with_hint,
};

/// After the deadline, what is running is dropped; that takes a moment.
const ABORT_PATIENCE: Duration = Duration::from_millis(500);

/// A commit in a rebalance is tried this often, the last one longer, with this pause.
const COMMIT_TRIES: usize = 5;
const LEAVE_TRIES: usize = 30;
const COMMIT_PAUSE: Duration = Duration::from_millis(100);
const IN_REBALANCE: [RDKafkaErrorCode; 2] = [
    RDKafkaErrorCode::RebalanceInProgress,
    RDKafkaErrorCode::IllegalGeneration,
];

/// The context librdkafka calls back, always on the polling thread.
pub(in crate::consumer) struct Assignment {
    settings: BusSettings,
    group: String,
    drain: Duration,
    start: StartOffsets,
    keys: Arc<Mutex<KeyRegistry>>,
    parking: Option<Arc<Parking>>,
    lanes: Arc<Lanes>,
    partitions: Mutex<HashMap<String, HashMap<i32, Arc<Partition>>>>,
    /// Counts the changes.
    changes: AtomicUsize,
}

impl Assignment {
    pub(in crate::consumer) fn new(
        settings: BusSettings,
        group: String,
        drain: Duration,
        start: StartOffsets,
        keys: Arc<Mutex<KeyRegistry>>,
        parking: Option<Arc<Parking>>,
        lanes: Arc<Lanes>,
    ) -> Self {
        Self {
            settings,
            group,
            drain,
            start,
            keys,
            parking,
            lanes,
            partitions: Mutex::default(),
            changes: AtomicUsize::new(0),
        }
    }

    pub(in crate::consumer) fn get(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        self.lock().get(topic)?.get(&partition).cloned()
    }

    pub(in crate::consumer) fn all(&self) -> Vec<Arc<Partition>> {
        let partitions = self.lock();
        partitions
            .values()
            .flat_map(HashMap::values)
            .cloned()
            .collect()
    }

    /// How often partitions came or went.
    pub(in crate::consumer) fn changes(&self) -> usize {
        self.changes.load(Ordering::Acquire)
    }

    /// Stops the partitions' work and waits for what runs, up to the deadline.
    pub(in crate::consumer) fn drain(&self, partitions: &[Arc<Partition>], deadline: Instant) {
        for partition in partitions {
            partition.stop.cancel();
        }
        // What was read and not begun would be waited for in vain.
        self.lanes.start();
        for partition in partitions {
            if partition.wait_idle(deadline) {
                continue;
            }
            tracing::warn!(
                group = self.group,
                topic = %partition.logical,
                partition = partition.number,
                "work did not finish in time; it is dropped and will come again"
            );
            partition.abort.cancel();
            partition.wait_idle(Instant::now() + ABORT_PATIENCE);
        }
    }

    /// Commits what moved since last time, without waiting for it.
    pub(in crate::consumer) fn commit_moved(&self, consumer: &BaseConsumer<Self>) {
        let moved = moved(&self.all());
        if moved.count() > 0
            && let Err(error) = consumer.commit(&moved, CommitMode::Async)
        {
            self.not_committed(&moved, &error);
        }
    }

    /// Commits what moved before leaving. In the middle of a rebalance the broker refuses; then the
    /// rebalance must go on first, and once the consumer is closing it would not.
    pub(in crate::consumer) fn commit_to_leave(&self, consumer: &BaseConsumer<Self>) {
        // A record read meanwhile is dropped: it was not taken, so it comes again.
        let pause = || drop(consumer.poll(COMMIT_PAUSE));
        self.commit(consumer, &self.all(), LEAVE_TRIES, pause);
    }

    /// Commits what moved and waits for it. What is not committed comes again.
    fn commit(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &[Arc<Partition>],
        mut tries: usize,
        pause: impl Fn(),
    ) {
        for partition in partitions {
            // What an unanswered commit took with it is committed again.
            partition.with_state(PartitionState::not_committed);
        }
        let moved = moved(partitions);
        if moved.count() == 0 {
            return;
        }
        while let Err(error) = consumer.commit(&moved, CommitMode::Sync) {
            let code = error.rdkafka_error_code();
            tries -= 1;
            if tries == 0 || !code.is_some_and(|code| IN_REBALANCE.contains(&code)) {
                tracing::warn!(group = self.group, %error, "commit failed; the events will come again");
                return;
            }
            pause();
        }
    }

    fn not_committed(&self, list: &TopicPartitionList, error: &KafkaError) {
        tracing::debug!(group = self.group, %error, "not committed for now");
        for element in list.elements() {
            if let Some(partition) = self.get(element.topic(), element.partition()) {
                partition.with_state(PartitionState::not_committed);
            }
        }
    }

    /// Decides where each partition goes on and notes it in the list.
    fn assigned(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) {
        let begun = self.start.of(consumer, list, &self.keys);
        let mut partitions = self.lock();
        for begun in begun {
            let logical = self.settings.without_prefix(&begun.topic);
            if let Some(offset) = begun.state.read_from() {
                // Fails only for a partition that is not in the list.
                let _ =
                    list.set_partition_offset(&begun.topic, begun.number, Offset::Offset(offset));
            }
            let mut partition =
                Partition::resuming(&begun.topic, logical, begun.number, begun.state);
            partition.end = begun.end;
            let parking = self.parking.as_ref();
            partition.parked = parking.map(|parking| parking.of(logical));
            partitions
                .entry(begun.topic)
                .or_default()
                .insert(begun.number, Arc::new(partition));
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
        tracing::info!(group = self.group, partitions = %names(list), "partitions assigned");
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let is_lost = consumer.assignment_lost();
        let partitions: Vec<Arc<Partition>> = list
            .elements()
            .iter()
            .filter_map(|element| self.get(element.topic(), element.partition()))
            .collect();
        tracing::info!(group = self.group, partitions = %names(list), is_lost, "partitions revoked");
        if is_lost {
            // Another candidate may have them already: nothing may go on here.
            for partition in &partitions {
                partition.abort.cancel();
            }
            self.drain(&partitions, Instant::now());
        } else {
            self.drain(&partitions, Instant::now() + self.drain);
            let pause = || thread::sleep(COMMIT_PAUSE);
            self.commit(consumer, &partitions, COMMIT_TRIES, pause);
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
        let mut held = self.lock();
        for partition in &partitions {
            if let Some(numbers) = held.get_mut(&partition.topic) {
                numbers.remove(&partition.number);
            }
            let labels = [
                self.group.as_str(),
                &partition.logical,
                &partition.number.to_string(),
            ];
            let _ = metrics::LAG.remove_label_values(&labels);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<i32, Arc<Partition>>>> {
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Assignment {
    fn error(&self, error: KafkaError, reason: &str) {
        let error = with_hint(&error);
        tracing::warn!(
            group = self.group,
            error,
            reason,
            "consumer has trouble with the broker"
        );
    }

    fn stats(&self, statistics: Statistics) {
        for (name, topic) in &statistics.topics {
            let logical = self.settings.without_prefix(name);
            for (number, known) in &topic.partitions {
                let Some(partition) = self.get(name, *number) else {
                    continue;
                };
                let position = partition.with_state(|state| state.position());
                if let Some(position) = position
                    && known.hi_offset >= 0
                {
                    let labels = [self.group.as_str(), logical, &number.to_string()];
                    metrics::LAG
                        .with_label_values(&labels)
                        .set((known.hi_offset - position).max(0));
                }
            }
        }
    }
}

impl ConsumerContext for Assignment {
    /// As the default, but that partitions begin where [`Assignment::assigned`] says.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let is_cooperative = matches!(
            consumer.rebalance_protocol(),
            RebalanceProtocol::Cooperative
        );
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.assigned(consumer, list);
                if is_cooperative {
                    consumer.incremental_assign(list)
                } else {
                    consumer.assign(list)
                }
            }
            other => {
                if other == RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS {
                    self.revoked(consumer, list);
                } else {
                    tracing::warn!(group = self.group, error = ?other, "rebalance failed");
                }
                if is_cooperative {
                    consumer.incremental_unassign(list)
                } else {
                    consumer.unassign()
                }
            }
        };
        if let Err(error) = done {
            tracing::warn!(group = self.group, %error, "rebalance was not accepted");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        if let Err(error) = result {
            self.not_committed(offsets, &error);
        }
    }

    fn main_queue_min_poll_interval(&self) -> rdkafka::util::Timeout {
        Duration::from_millis(100).into()
    }
}

/// What moved since last asked, as a list to commit.
fn moved(partitions: &[Arc<Partition>]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        if let Some((offset, ahead)) = partition.with_state(PartitionState::take_commit) {
            let mut element = list.add_partition(&partition.topic, partition.number);
            // Fails only for offsets no broker gives.
            let _ = element.set_offset(Offset::Offset(offset));
            element.set_metadata(ahead);
        }
    }
    list
}

fn names(list: &TopicPartitionList) -> String {
    let names = list.elements();
    let names = names
        .iter()
        .map(|element| format!("{}:{}", element.topic(), element.partition()));
    names.collect::<Vec<_>>().join(" ")
}
