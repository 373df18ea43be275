//! The partitions held now; the rebalance callbacks that change them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, Statistics, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::partition::Partition;
use crate::{BusSettings, metrics};

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
pub(super) struct Assignment {
    settings: BusSettings,
    group: String,
    drain: Duration,
    partitions: Mutex<HashMap<String, HashMap<i32, Arc<Partition>>>>,
    changed: AtomicBool,
}

impl Assignment {
    pub(super) fn new(settings: BusSettings, group: String, drain: Duration) -> Self {
        Self {
            settings,
            group,
            drain,
            partitions: Mutex::default(),
            changed: AtomicBool::new(false),
        }
    }

    pub(super) fn get(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        self.lock().get(topic)?.get(&partition).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Partition>> {
        let partitions = self.lock();
        partitions
            .values()
            .flat_map(HashMap::values)
            .cloned()
            .collect()
    }

    /// Whether partitions came since last asked.
    pub(super) fn changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// Stops the partitions' work and waits for what runs, up to the deadline.
    pub(super) fn drain(&self, partitions: &[Arc<Partition>], deadline: Instant) {
        for partition in partitions {
            partition.stop.cancel();
        }
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

    /// The offsets that moved, as a list to store or commit.
    pub(super) fn moved(partitions: &[Arc<Partition>]) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            if let Some(position) = partition.moved_to() {
                let offset = Offset::Offset(position);
                // Fails only for offsets no broker gives.
                let _ = list.add_partition_offset(&partition.topic, partition.number, offset);
            }
        }
        list
    }

    /// Stores what moved; librdkafka commits what is stored each second.
    pub(super) fn store(consumer: &BaseConsumer<Self>, partitions: &[Arc<Partition>]) {
        let moved = Self::moved(partitions);
        if moved.count() == 0 {
            return;
        }
        if let Err(error) = consumer.store_offsets(&moved) {
            tracing::debug!(%error, "offsets of a lost partition are not stored");
        }
    }

    /// Commits what is stored before leaving. In the middle of a rebalance the broker refuses; then the
    /// rebalance must go on first, and once the consumer is closing it would not.
    pub(super) fn commit_to_leave(&self, consumer: &BaseConsumer<Self>) {
        // A record read meanwhile is dropped: it was not taken, so it comes again.
        self.commit(consumer, LEAVE_TRIES, || drop(consumer.poll(COMMIT_PAUSE)));
    }

    /// Commits what is stored and waits for it. What is not committed comes again.
    fn commit(&self, consumer: &BaseConsumer<Self>, mut tries: usize, pause: impl Fn()) {
        while let Err(error) = consumer.commit_consumer_state(CommitMode::Sync) {
            let code = error.rdkafka_error_code();
            if code == Some(RDKafkaErrorCode::NoOffset) {
                return;
            }
            tries -= 1;
            if tries == 0 || !code.is_some_and(|code| IN_REBALANCE.contains(&code)) {
                tracing::warn!(group = self.group, %error, "commit failed; the events will come again");
                return;
            }
            pause();
        }
    }

    fn assigned(&self, list: &TopicPartitionList) {
        let mut partitions = self.lock();
        for element in list.elements() {
            let (topic, number) = (element.topic(), element.partition());
            let logical = self.settings.without_prefix(topic);
            let partition = Arc::new(Partition::new(topic, logical, number));
            partitions
                .entry(topic.to_owned())
                .or_default()
                .insert(number, partition);
        }
        self.changed.store(true, Ordering::Release);
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
            // Another member may have them already: nothing may go on here.
            for partition in &partitions {
                partition.abort.cancel();
            }
            self.drain(&partitions, Instant::now());
        } else {
            self.drain(&partitions, Instant::now() + self.drain);
            Self::store(consumer, &partitions);
            self.commit(consumer, COMMIT_TRIES, || thread::sleep(COMMIT_PAUSE));
        }
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
        tracing::warn!(group = self.group, %error, reason, "consumer has trouble with the broker");
    }

    fn stats(&self, statistics: Statistics) {
        for (name, topic) in &statistics.topics {
            let logical = self.settings.without_prefix(name);
            for (number, partition) in &topic.partitions {
                if partition.consumer_lag_stored >= 0 && self.get(name, *number).is_some() {
                    let labels = [self.group.as_str(), logical, &number.to_string()];
                    metrics::LAG
                        .with_label_values(&labels)
                        .set(partition.consumer_lag_stored);
                }
            }
        }
    }
}

impl ConsumerContext for Assignment {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.assigned(list),
            Rebalance::Revoke(list) => self.revoked(consumer, list),
            Rebalance::Error(error) => {
                tracing::warn!(group = self.group, %error, "rebalance failed");
            }
        }
    }

    fn main_queue_min_poll_interval(&self) -> rdkafka::util::Timeout {
        Duration::from_millis(100).into()
    }
}

fn names(list: &TopicPartitionList) -> String {
    let names = list.elements();
    let names = names
        .iter()
        .map(|element| format!("{}:{}", element.topic(), element.partition()));
    names.collect::<Vec<_>>().join(" ")
}
