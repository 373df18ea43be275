//! Spans of partitions, read piece by piece: what is in memory is bounded, however much lies in the log.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::BorrowedMessage,
    metadata::MetadataTopic,
};
use time::OffsetDateTime;
use tokio::runtime::Handle;

use crate::{
    BusError, BusSettings, Registry,
    admin::watermarks,
    log_reader::{LogRecord, logged},
    security,
};

/// Records of a piece, and bytes of their values, at the most.
const PIECE_RECORDS: usize = 500;
const PIECE_BYTES: usize = 4 << 20;
const TICK: Duration = Duration::from_millis(50);

/// A consumer without a group. Every question ends when nothing came for `timeout`.
pub(super) struct Reader {
    /// Always there, until it is dropped where that may block.
    consumer: Option<Arc<security::Reader>>,
    settings: BusSettings,
    registry: Registry,
    timeout: Duration,
}

/// Offsets of one partition that are still to be read.
pub(super) struct Span {
    topic: String,
    partition: i32,
    next: i64,
    to: i64,
    assigned: bool,
}

impl Span {
    /// From the offset `from` to before `to`.
    pub(super) fn new(topic: &str, partition: i32, from: i64, to: i64) -> Self {
        Self {
            topic: topic.to_owned(),
            partition,
            next: from,
            to,
            assigned: false,
        }
    }
}

impl Reader {
    pub(super) fn open(
        settings: &BusSettings,
        registry: &Registry,
        timeout: Duration,
    ) -> Result<Self, BusError> {
        let mut config = settings.client();
        config
            .set("group.id", "event-bus-dead-letters")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.wait.max.ms", "50")
            .set("allow.auto.create.topics", "false");
        Ok(Self {
            consumer: Some(Arc::new(security::unconnected(&config)?)),
            settings: settings.clone(),
            registry: registry.clone(),
            timeout,
        })
    }

    /// The topics whose names end so, by name.
    pub(super) async fn topics(&self, suffix: &'static str) -> Result<Vec<String>, BusError> {
        let prefix = self.settings.topic_prefix.clone();
        self.ask(move |consumer, timeout| {
            let metadata = consumer.fetch_metadata(None, timeout)?;
            let names = metadata.topics().iter().map(MetadataTopic::name);
            let mut topics: Vec<String> = names
                .filter_map(|name| name.strip_prefix(&prefix))
                .filter(|name| name.ends_with(suffix))
                .map(str::to_owned)
                .collect();
            topics.sort_unstable();
            Ok(topics)
        })
        .await
    }

    /// How many partitions a topic has; 0 when there is none of that name.
    pub(super) async fn partitions(&self, topic: &str) -> Result<i32, BusError> {
        let name = self.settings.prefixed(topic);
        self.ask(move |consumer, timeout| {
            let metadata = consumer.fetch_metadata(Some(&name), timeout)?;
            let topic = metadata.topics().first();
            let partitions = topic.map_or(0, |topic| topic.partitions().len());
            Ok(i32::try_from(partitions).unwrap_or(i32::MAX))
        })
        .await
    }

    /// The first offset of a partition, and the one after the last.
    pub(super) async fn marks(&self, topic: &str, partition: i32) -> Result<(i64, i64), BusError> {
        let name = self.settings.prefixed(topic);
        self.ask(move |consumer, timeout| watermarks(consumer, &name, partition, timeout))
            .await
    }

    /// The first offset whose record the log got at `time` or later; `None` when there is none.
    pub(super) async fn offset_at(
        &self,
        topic: &str,
        partition: i32,
        time: OffsetDateTime,
    ) -> Result<Option<i64>, BusError> {
        let name = self.settings.prefixed(topic);
        let milliseconds = time.unix_timestamp_nanos().div_euclid(1_000_000);
        let milliseconds = i64::try_from(milliseconds.max(0)).unwrap_or(i64::MAX);
        self.ask(move |consumer, timeout| {
            let mut asked = TopicPartitionList::new();
            asked.add_partition_offset(&name, partition, Offset::Offset(milliseconds))?;
            let answer = consumer.offsets_for_times(asked, timeout)?;
            let found = answer.find_partition(&name, partition);
            Ok(found.and_then(|found| found.offset().to_raw().filter(|offset| *offset >= 0)))
        })
        .await
    }

    /// The next records of a span; none at its end.
    pub(super) async fn piece(&self, span: &mut Span) -> Result<Vec<LogRecord>, BusError> {
        if span.next >= span.to {
            return Ok(Vec::new());
        }
        let name = self.settings.prefixed(&span.topic);
        let (topic, partition) = (span.topic.clone(), span.partition);
        let (from, to, assigned) = (span.next, span.to, span.assigned);
        let registry = self.registry.clone();
        let read = self.ask(move |consumer, timeout| {
            if !assigned {
                let mut list = TopicPartitionList::new();
                list.add_partition_offset(&name, partition, Offset::Offset(from))?;
                consumer.assign(&list)?;
            }
            let keep = |message: &BorrowedMessage<'_>| logged(message, &topic, &registry);
            read(consumer, (&name, partition), (from, to), timeout, keep)
        });
        let (piece, next) = read.await?;
        span.next = next;
        span.assigned = true;
        Ok(piece)
    }

    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&security::Reader, Duration) -> KafkaResult<T> + Send + 'static,
    ) -> Result<T, BusError> {
        let consumer = self.consumer.clone();
        let gone = || BusError::Died("a reader of dead letters".to_owned());
        let (consumer, timeout) = (consumer.ok_or_else(gone)?, self.timeout);
        let asked = tokio::task::spawn_blocking(move || {
            security::answering(&consumer, timeout)?;
            Ok(ask(&consumer, timeout)?)
        });
        let died = |error: tokio::task::JoinError| BusError::Died(error.to_string());
        asked.await.map_err(died)?
    }
}

/// Reads offsets `from` to before `to`; the records, and the offset to go on from.
fn read(
    consumer: &security::Reader,
    (topic, partition): (&str, i32),
    (from, to): (i64, i64),
    timeout: Duration,
    keep: impl Fn(&BorrowedMessage<'_>) -> LogRecord,
) -> KafkaResult<(Vec<LogRecord>, i64)> {
    let (mut piece, mut bytes, mut next) = (Vec::new(), 0, from);
    let mut deadline = Instant::now() + timeout;
    let mut trouble = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
    while next < to && piece.len() < PIECE_RECORDS && bytes < PIECE_BYTES {
        match consumer.poll(TICK) {
            Some(Ok(message)) => {
                let is_asked = message.topic() == topic && message.partition() == partition;
                if !is_asked || message.offset() < next {
                    continue;
                }
                next = message.offset() + 1;
                if message.offset() < to {
                    bytes += message.payload_len();
                    piece.push(keep(&message));
                }
                deadline = Instant::now() + timeout;
            }
            // What is left holds no record that is shown, as a transaction's end.
            Some(Err(KafkaError::PartitionEOF(ended))) if ended == partition => next = to,
            Some(Err(error)) => trouble = error,
            None => {}
        }
        if Instant::now() > deadline {
            return Err(trouble);
        }
    }
    Ok((piece, next))
}

/// Closing a consumer waits for its threads.
impl Drop for Reader {
    fn drop(&mut self) {
        let consumer = self.consumer.take();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(consumer));
        }
    }
}
