//! The reader of parked logs: loads what is parked of the partitions held, and follows it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    BusError,
    admin::{Admin, watermarks},
    consumer::{
        offsets::partition::Partition,
        recovery::parking::{PATIENCE, Parking, state::Count, topic},
        scheduling::lanes::Lanes,
    },
    dlq::parked::Written,
    metrics, security,
};

const TICK: Duration = Duration::from_millis(50);
/// Records read before the partitions held are looked at again.
const TURN: usize = 500;
/// Before the broker is asked again for what it did not answer.
const RETRY: Duration = Duration::from_secs(1);
/// How often logs are looked at for cutting.
const TRIM_INTERVAL: Duration = Duration::from_secs(5);
/// So many records lie there before a log is cut: until then they are the audit's own copy, and quickly read.
const TRIM_AT: i64 = 1_000;

/// The running reader; it ends when this is dropped.
pub(in crate::consumer) struct ParkedLogFollower {
    thread: JoinHandle<()>,
    over: DropGuard,
}

impl ParkedLogFollower {
    pub(in crate::consumer) fn spawn(
        parking: &Arc<Parking>,
        lanes: &Arc<Lanes>,
    ) -> Result<Self, BusError> {
        let mut config = parking.settings.client();
        config
            .set("group.id", parking.settings.prefixed(&parking.group))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", "4096")
            .set("fetch.wait.max.ms", "100")
            .set("allow.auto.create.topics", "false");
        let over = CancellationToken::new();
        let reader = Follower {
            parking: Arc::clone(parking),
            lanes: Arc::clone(lanes),
            consumer: security::unconnected(&config)?,
            admin: Admin::new(&parking.settings, PATIENCE),
            runtime: Handle::current(),
            logs: HashMap::new(),
            is_assigned: true,
            shown: HashSet::new(),
            ask_at: Instant::now(),
            trim_at: Instant::now() + TRIM_INTERVAL,
            over: over.clone(),
        };
        let thread = thread::Builder::new()
            .name(format!("parked {}", parking.group))
            .spawn(move || reader.run())
            .map_err(|error| BusError::Died(error.to_string()))?;
        let over = over.drop_guard();
        Ok(Self { thread, over })
    }

    /// Ends it and waits for that.
    pub(in crate::consumer) async fn end(self) {
        drop(self.over);
        let ended = tokio::task::spawn_blocking(|| self.thread.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::error!("the reader of parked events died");
        }
    }
}

struct Follower {
    parking: Arc<Parking>,
    lanes: Arc<Lanes>,
    consumer: security::Reader,
    admin: Admin,
    runtime: Handle,
    /// By the parked topic's name on the broker and the partition.
    logs: HashMap<(String, i32), FollowedLog>,
    /// Whether the client reads at the logs.
    is_assigned: bool,
    /// Topics whose gauges are shown.
    shown: HashSet<Arc<str>>,
    ask_at: Instant,
    trim_at: Instant,
    over: CancellationToken,
}

/// A parked log that is followed.
struct FollowedLog {
    partition: Arc<Partition>,
    low: i64,
    /// The offset after the last one met.
    next: i64,
    /// Where the log ended when the partition came; none once that was reached.
    end: Option<i64>,
}

impl Follower {
    fn run(mut self) {
        while !self.over.is_cancelled() {
            self.follow();
            self.read();
            self.show();
            self.trim();
        }
        self.logs.clear();
        self.show();
    }

    /// Goes to the logs of the partitions held now.
    fn follow(&mut self) {
        let held = self.parking.held();
        let is_held = |log: &FollowedLog| held.iter().any(|held| Arc::ptr_eq(held, &log.partition));
        let was = self.logs.len();
        self.logs.retain(|_, log| is_held(log));
        self.is_assigned &= self.logs.len() == was;
        let new: Vec<Arc<Partition>> = held
            .into_iter()
            .filter(|partition| !self.logs.contains_key(&self.name(partition)))
            .collect();
        if !new.is_empty()
            && Instant::now() >= self.ask_at
            && let Err(error) = self.open(new)
        {
            tracing::warn!(
                group = self.parking.group, %error,
                "what is parked is not known yet; the partitions' work waits"
            );
            self.ask_at = Instant::now() + RETRY;
        }
        if !self.is_assigned {
            match self.assign() {
                Ok(()) => self.is_assigned = true,
                Err(error) => {
                    tracing::warn!(group = self.parking.group, %error, "parked events are not read for now");
                }
            }
        }
    }

    fn name(&self, partition: &Partition) -> (String, i32) {
        let topic = partition.parked.as_ref().map_or("", |parked| &parked.topic);
        (self.parking.settings.prefixed(topic), partition.number)
    }

    fn open(&mut self, new: Vec<Arc<Partition>>) -> Result<(), BusError> {
        let mut ensured: HashSet<&str> = HashSet::new();
        for partition in &new {
            let parked = partition.parked.as_ref().map_or("", |parked| &parked.topic);
            if ensured.insert(parked) {
                let made = topic::ensure(&self.admin, &partition.logical, parked);
                self.runtime.block_on(made)?;
            }
        }
        drop(ensured);
        for partition in new {
            let name = self.name(&partition);
            let (low, end) = watermarks(&self.consumer, &name.0, name.1, PATIENCE)?;
            let log = FollowedLog {
                partition,
                low,
                next: low,
                end: Some(end),
            };
            self.logs.insert(name.clone(), log);
            self.is_assigned = false;
            self.loaded(&name);
        }
        Ok(())
    }

    fn assign(&self) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::new();
        for ((topic, number), log) in &self.logs {
            list.add_partition_offset(topic, *number, Offset::Offset(log.next))?;
        }
        self.consumer.assign(&list)
    }

    fn read(&mut self) {
        let mut tick = TICK;
        for _ in 0..TURN {
            match self.consumer.poll(std::mem::take(&mut tick)) {
                None => return,
                Some(Ok(message)) => {
                    let name = (message.topic().to_owned(), message.partition());
                    let (offset, written) = (message.offset(), written(&message));
                    drop(message);
                    self.apply(&name, offset, written.as_ref());
                }
                // Where a log was cut meanwhile, its end is met without a record.
                Some(Err(KafkaError::PartitionEOF(number))) => self.at_end(number),
                Some(Err(error)) => {
                    tracing::debug!(group = self.parking.group, %error, "parked events are not read for now");
                }
            }
        }
    }

    fn apply(&mut self, name: &(String, i32), offset: i64, written: Option<&Written>) {
        let Some(log) = self.logs.get_mut(name).filter(|log| offset >= log.next) else {
            return;
        };
        log.next = offset + 1;
        let partition = Arc::clone(&log.partition);
        let parked = partition.parked.as_ref();
        if let Some(start) = parked
            .zip(written)
            .and_then(|(parked, written)| parked.apply(offset, written))
        {
            self.start(&partition, &start);
        }
        self.loaded(name);
    }

    fn at_end(&mut self, number: i32) {
        let waiting = |(name, log): (&(String, i32), &FollowedLog)| {
            (name.1 == number && log.end.is_some()).then(|| name.clone())
        };
        let waiting: Vec<(String, i32)> = self.logs.iter().filter_map(waiting).collect();
        for name in waiting {
            let marks = watermarks(&self.consumer, &name.0, name.1, PATIENCE);
            if let (Ok((low, _)), Some(log)) = (marks, self.logs.get_mut(&name)) {
                log.next = log.next.max(low);
                log.low = low;
            }
            self.loaded(&name);
        }
    }

    /// Lets the partition's work begin if its log was read as far as it had to be.
    fn loaded(&mut self, name: &(String, i32)) {
        let Some(log) = self.logs.get_mut(name) else {
            return;
        };
        if log.end.is_none_or(|end| log.next < end) {
            return;
        }
        log.end = None;
        let partition = Arc::clone(&log.partition);
        let starts = partition.parked.as_ref().map_or_else(Vec::new, |parked| {
            let count = parked.count();
            tracing::info!(
                group = self.parking.group, topic = %partition.logical, partition = partition.number,
                sequences = count.sequences, records = count.records, "what is parked is known"
            );
            parked.load()
        });
        for start in starts {
            self.start(&partition, &start);
        }
    }

    fn start(&self, partition: &Arc<Partition>, (sequence, key): &(String, Box<[u8]>)) {
        let (lane, release) = self.parking.release(partition, sequence, key);
        tracing::info!(
            group = self.parking.group, topic = %partition.logical, partition = partition.number,
            sequence, "parked events go on"
        );
        self.lanes.push_release(lane, release);
    }

    /// Shows what is parked, by topic.
    fn show(&mut self) {
        let mut counts: HashMap<Arc<str>, Count> = HashMap::new();
        for log in self.logs.values() {
            let sum = counts
                .entry(Arc::clone(&log.partition.logical))
                .or_default();
            if let Some(parked) = &log.partition.parked {
                let count = parked.count();
                sum.sequences += count.sequences;
                sum.records += count.records;
            }
        }
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (topic, count) in &counts {
            let labels = [self.parking.group.as_str(), topic];
            metrics::PARKED_SEQUENCES
                .with_label_values(&labels)
                .set(gauge(count.sequences));
            metrics::PARKED_RECORDS
                .with_label_values(&labels)
                .set(gauge(count.records));
        }
        for gone in self
            .shown
            .iter()
            .filter(|topic| !counts.contains_key(*topic))
        {
            let labels = [self.parking.group.as_str(), gone];
            // They were shown, so they are there.
            let _ = metrics::PARKED_SEQUENCES.remove_label_values(&labels);
            let _ = metrics::PARKED_RECORDS.remove_label_values(&labels);
        }
        self.shown = counts.into_keys().collect();
    }

    /// Cuts logs in which nothing is parked any more. What was met is decided, so cutting before it loses nothing, even by a
    /// reader that has lost the partition.
    fn trim(&mut self) {
        if Instant::now() < self.trim_at {
            return;
        }
        self.trim_at = Instant::now() + TRIM_INTERVAL;
        for log in self.logs.values_mut() {
            let Some(parked) = &log.partition.parked else {
                continue;
            };
            let is_due = log.end.is_none() && log.next - log.low >= TRIM_AT;
            if !is_due || parked.count().records > 0 {
                continue;
            }
            let cut = self
                .admin
                .delete_records(&parked.topic, log.partition.number, log.next);
            match self.runtime.block_on(cut) {
                Ok(()) => log.low = log.next,
                Err(error) => tracing::warn!(topic = parked.topic, %error, "parked log not cut"),
            }
        }
    }
}

fn written(message: &BorrowedMessage<'_>) -> Option<Written> {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    let pairs = headers.map(|header| (header.key, header.value.unwrap_or_default()));
    Written::of(message.key(), pairs)
}
