//! Where a partition goes on when it is assigned.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaError,
};
use time::OffsetDateTime;

use crate::consumer::{
    offsets::partition_state::PartitionState, scheduling::ordering_key::KeyRegistry,
};

/// How long one question to the broker may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked before going on without an answer.
const TRIES: usize = 3;

/// Where reading begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OffsetReset {
    /// With the oldest event.
    #[default]
    Earliest,
    /// With what comes after the partition's first assignment.
    Latest,
    /// With the first event that came to the log at this time or later.
    At(OffsetDateTime),
}

/// What decides it.
#[derive(Clone)]
pub(in crate::consumer) struct StartOffsets {
    pub(in crate::consumer) reset: OffsetReset,
    /// Go back there once even where offsets are committed.
    pub(in crate::consumer) rewind: bool,
    /// Whether to note where the log ends.
    pub(in crate::consumer) ends: bool,
    /// Partitions that were rewound.
    pub(in crate::consumer) rewound: Arc<Mutex<HashSet<(String, i32)>>>,
}

/// A partition with the offset it goes on from.
pub(in crate::consumer) struct PartitionStart {
    pub(in crate::consumer) topic: String,
    pub(in crate::consumer) number: i32,
    pub(in crate::consumer) state: PartitionState,
    pub(in crate::consumer) end: Option<i64>,
}

impl StartOffsets {
    /// Where each partition of the list goes on. Where the broker gives no answer the client decides, by the committed
    /// offset alone: some events are handled again.
    pub(in crate::consumer) fn of<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        list: &TopicPartitionList,
        keys: &Arc<Mutex<KeyRegistry>>,
    ) -> Vec<PartitionStart> {
        let committed = ask(|| consumer.committed_offsets(list.clone(), PATIENCE));
        let committed = committed.as_ref().unwrap_or(list);
        let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
        let elements = committed.elements();
        let starts = elements.iter().map(|element| {
            let (topic, number) = (element.topic(), element.partition());
            let state = match element.offset() {
                Offset::Offset(offset) if !self.rewinds(topic, number) => {
                    PartitionState::resume(offset, element.metadata(), &mut keys)
                }
                _ => {
                    let first = self.first(consumer, topic, number);
                    first.map_or_else(PartitionState::default, PartitionState::begin)
                }
            };
            let end = self.ends.then(|| {
                let watermarks = ask(|| consumer.fetch_watermarks(topic, number, PATIENCE));
                // Without an answer there is no end to wait for: the next run goes on.
                watermarks.map_or(0, |(_, end)| end)
            });
            PartitionStart {
                topic: topic.to_owned(),
                number,
                state,
                end,
            }
        });
        starts.collect()
    }

    /// Whether this partition goes back now; once for each.
    fn rewinds(&self, topic: &str, number: i32) -> bool {
        let mut rewound = self.rewound.lock().unwrap_or_else(PoisonError::into_inner);
        self.rewind && rewound.insert((topic.to_owned(), number))
    }

    /// The first offset to read; `None` defer it to the client, which takes the oldest.
    fn first<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        topic: &str,
        number: i32,
    ) -> Option<i64> {
        let watermarks = || ask(|| consumer.fetch_watermarks(topic, number, PATIENCE));
        match self.reset {
            OffsetReset::Earliest if self.rewind => Some(watermarks()?.0),
            OffsetReset::Earliest => None,
            OffsetReset::Latest => Some(watermarks()?.1),
            OffsetReset::At(time) => {
                let milliseconds = time.unix_timestamp_nanos() / 1_000_000;
                let mut list = TopicPartitionList::new();
                let wanted = Offset::Offset(i64::try_from(milliseconds).unwrap_or(i64::MAX));
                list.add_partition_offset(topic, number, wanted).ok()?;
                let found = ask(|| consumer.offsets_for_times(list.clone(), PATIENCE))?;
                match found.elements().first()?.offset() {
                    Offset::Offset(offset) => Some(offset),
                    // Nothing is that young.
                    _ => Some(watermarks()?.1),
                }
            }
        }
    }
}

fn ask<T>(question: impl Fn() -> Result<T, KafkaError>) -> Option<T> {
    for _ in 0..TRIES {
        match question() {
            Ok(answer) => return Some(answer),
            Err(error) => tracing::warn!(%error, "the broker does not say where to go on"),
        }
    }
    None
}
