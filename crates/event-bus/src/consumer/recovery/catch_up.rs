//! The second reader: brings the records of keys that are behind, as they get on.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaResult,
    message::BorrowedMessage,
};

use crate::consumer::{
    offsets::partition::Partition,
    scheduling::{in_flight_limiter::InFlightLimiter, ordering_key::OrderingKey},
};

/// Reads beside the main reader, at positions of its own, and commits nothing.
pub(in crate::consumer) struct CatchUpConsumer {
    config: ClientConfig,
    /// Made when it is first needed.
    consumer: Option<BaseConsumer>,
    /// What it reads, and where it is.
    positions: HashMap<(String, i32), ReadPosition>,
}

struct ReadPosition {
    partition: Arc<Partition>,
    /// The offset after the last one seen.
    at: i64,
}

impl CatchUpConsumer {
    /// `config` is the main reader's: without the group's rights.
    pub(in crate::consumer) fn new(mut config: ClientConfig) -> Self {
        for name in [
            "group.protocol",
            "group.instance.id",
            "partition.assignment.strategy",
            "session.timeout.ms",
            "heartbeat.interval.ms",
            "statistics.interval.ms",
        ] {
            config.remove(name);
        }
        config
            .set("enable.auto.commit", "false")
            .set("queued.max.messages.kbytes", "4096")
            .set("fetch.wait.max.ms", "10");
        Self {
            config,
            consumer: None,
            positions: HashMap::new(),
        }
    }

    /// Whether it reads anything.
    pub(in crate::consumer) fn is_idle(&self) -> bool {
        self.positions.is_empty()
    }

    /// Goes where the keys that are behind need it, of the partitions held now.
    pub(in crate::consumer) fn direct(
        &mut self,
        partitions: &[Arc<Partition>],
        limiter: &InFlightLimiter,
    ) -> KafkaResult<()> {
        let is_held = |place: &ReadPosition| {
            partitions
                .iter()
                .any(|held| Arc::ptr_eq(held, &place.partition))
        };
        let was = self.positions.len();
        self.positions.retain(|_, place| is_held(place));
        let mut changed = self.positions.len() != was;
        for partition in partitions {
            let place = (partition.topic.clone(), partition.number);
            let is_here = self.positions.get(&place).map(|place| place.at);
            let wanted = partition.with_state(|state| {
                state.catch_up();
                let room = |key: &OrderingKey| !key.is_paused() && !limiter.is_full_of(key);
                let low = |key: &OrderingKey| !key.is_paused() && limiter.is_low_of(key);
                state.wanted(is_here, room, low)
            });
            if wanted == is_here {
                continue;
            }
            changed = true;
            match wanted {
                Some(at) => {
                    let partition = Arc::clone(partition);
                    self.positions.insert(place, ReadPosition { partition, at });
                }
                None => drop(self.positions.remove(&place)),
            }
        }
        if changed { self.assign() } else { Ok(()) }
    }

    fn assign(&mut self) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for ((topic, number), place) in &self.positions {
            list.add_partition_offset(topic, *number, Offset::Offset(place.at))?;
        }
        match &self.consumer {
            Some(consumer) if list.count() == 0 => consumer.unassign(),
            Some(consumer) => consumer.assign(&list),
            None if list.count() == 0 => Ok(()),
            None => {
                let consumer: BaseConsumer = self.config.create()?;
                consumer.assign(&list)?;
                self.consumer = Some(consumer);
                Ok(())
            }
        }
    }

    /// Reads up to `count` records and gives each to `bring` with its partition and the offset it had seen up to.
    pub(in crate::consumer) fn read(
        &mut self,
        count: usize,
        mut bring: impl FnMut(&Arc<Partition>, i64, &BorrowedMessage<'_>),
    ) {
        let Some(consumer) = &self.consumer else {
            return;
        };
        for _ in 0..count {
            let message = match consumer.poll(Duration::ZERO) {
                None => return,
                Some(Ok(message)) => message,
                Some(Err(error)) => {
                    tracing::debug!(%error, "nothing brought for keys that are behind");
                    return;
                }
            };
            let name = (message.topic().to_owned(), message.partition());
            let Some(place) = self.positions.get_mut(&name) else {
                continue;
            };
            let seen = place.partition.with_state(|state| state.seen());
            if seen.is_none_or(|seen| message.offset() >= seen) {
                // It never passes the main reader. What it fetched beyond is void: it is placed anew when needed.
                self.positions.remove(&name);
                continue;
            }
            if message.offset() < place.at {
                continue;
            }
            bring(&place.partition, place.at, &message);
            place.at = message.offset() + 1;
        }
    }
}
