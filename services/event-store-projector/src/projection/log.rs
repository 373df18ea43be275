//! The log: all partitions of the topics, from given offsets on.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use event_bus::{DecodedRecord, RecordDecoder};
use futures::{FutureExt, StreamExt};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer, StreamConsumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};

use super::Interrupted;

/// The next offset by topic and partition.
pub(super) type Offsets = HashMap<(String, i32), i64>;

/// Records of a batch, and bytes of their values, at the most.
const MAX_RECORDS: usize = 5_000;
const MAX_BYTES: usize = 8 << 20;
/// How often to look for new topics and partitions.
const LOOK_AROUND: Duration = Duration::from_secs(5);
/// How long the broker may take to say which partitions there are.
const METADATA_PATIENCE: Duration = Duration::from_secs(5);

/// A consumer of every partition.
pub(super) struct Log {
    consumer: Arc<StreamConsumer>,
    topics: Vec<String>,
    /// Partitions by topic, as assigned.
    assigned: BTreeMap<String, i32>,
    looked: Option<Instant>,
}

impl Log {
    /// Connects; nothing is assigned yet.
    pub(super) fn open(reader: &RecordDecoder, topics: &[String]) -> KafkaResult<Self> {
        Ok(Self {
            consumer: Arc::new(reader.client().create()?),
            topics: topics.to_vec(),
            assigned: BTreeMap::new(),
            looked: None,
        })
    }

    /// Looks around now and then, and assigns every partition there is, each from its next offset.
    pub(super) async fn assign(&mut self, offsets: &Offsets) -> Result<(), Interrupted> {
        if self
            .looked
            .is_some_and(|looked| looked.elapsed() < LOOK_AROUND)
        {
            return Ok(());
        }
        let (consumer, topics) = (Arc::clone(&self.consumer), self.topics.clone());
        let found = tokio::task::spawn_blocking(move || partitions(&consumer, &topics)).await?;
        self.looked = Some(Instant::now());
        let found = match found {
            Ok(found) => found,
            Err(error) if self.assigned.is_empty() => return Err(error.into()),
            Err(error) => {
                // What is assigned stays so: librdkafka goes on when the broker is back.
                tracing::debug!(%error, "kafka does not say which partitions there are");
                return Ok(());
            }
        };
        if found != self.assigned {
            let list = starting_points(&found, offsets)?;
            self.consumer.assign(&list)?;
            tracing::info!(
                topics = found.len(),
                partitions = list.count(),
                "log assigned"
            );
            self.assigned = found;
        }
        Ok(())
    }

    /// The next records, at least one unless it is time to look around again.
    pub(super) async fn next(&self, reader: &RecordDecoder) -> KafkaResult<Vec<DecodedRecord>> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut stream = self.consumer.stream();
        let Ok(mut next) = tokio::time::timeout(LOOK_AROUND, stream.next()).await else {
            return Ok(records);
        };
        loop {
            match next {
                Some(Ok(message)) => {
                    let record = reader.read(&message);
                    bytes += record.bytes();
                    records.push(record);
                }
                Some(Err(error)) if ends(&error) => return Err(error),
                Some(Err(error)) => tracing::debug!(%error, "kafka"),
                None => return Ok(records),
            }
            if records.len() >= MAX_RECORDS || bytes >= MAX_BYTES {
                return Ok(records);
            }
            match stream.next().now_or_never() {
                Some(another) => next = another,
                None => return Ok(records),
            }
        }
    }

    /// Commits the offsets to Kafka as well, for its tools to show; nobody reads from there.
    pub(super) fn show_progress(&self, offsets: &Offsets) {
        let shown = starting_points(&self.assigned, offsets)
            .and_then(|list| self.consumer.commit(&list, CommitMode::Async));
        if let Err(error) = shown {
            tracing::debug!(%error, "progress not shown in kafka");
        }
    }
}

/// How many partitions each topic has; topics that are not there yet are left out.
fn partitions(consumer: &StreamConsumer, topics: &[String]) -> KafkaResult<BTreeMap<String, i32>> {
    let mut found = BTreeMap::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), METADATA_PATIENCE)?;
        for known in metadata.topics() {
            let count = i32::try_from(known.partitions().len()).unwrap_or(i32::MAX);
            if known.name() == topic && known.error().is_none() && count > 0 {
                found.insert(topic.clone(), count);
            }
        }
    }
    Ok(found)
}

/// Each partition with its next offset; from its beginning where nothing was read.
fn starting_points(
    partitions: &BTreeMap<String, i32>,
    offsets: &Offsets,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (topic, count) in partitions {
        for partition in 0..*count {
            let offset = match offsets.get(&(topic.clone(), partition)) {
                Some(next) => Offset::Offset(*next),
                None => Offset::Beginning,
            };
            list.add_partition_offset(topic, partition, offset)?;
        }
    }
    Ok(list)
}

/// Whether the consumer cannot go on. Most errors are of a connection that librdkafka makes again.
fn ends(error: &KafkaError) -> bool {
    match error {
        KafkaError::MessageConsumptionFatal(_) => true,
        KafkaError::MessageConsumption(code) => *code == RDKafkaErrorCode::PollExceeded,
        _ => false,
    }
}
