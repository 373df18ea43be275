//! Reading a topic without a group: for looking at it, and for tests.

use std::{collections::HashMap, sync::Arc, thread, time::Duration};

use bytes::Bytes;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};
use tokio::sync::mpsc;

use crate::{
    BusError, BusSettings, Envelope, InvalidEnvelope, Parsed, Record, Registry,
    admin::watermarks,
    record::Payload,
    security::{self, with_hint},
};

/// Records read ahead.
const AHEAD: usize = 256;
const TICK: Duration = Duration::from_millis(100);

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// At the oldest record.
    Beginning,
    /// After the newest.
    End,
}

/// Where to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadUntil {
    /// At what was newest when reading began.
    End,
    /// Never.
    Forever,
}

/// A record as it lies in the log, and the event in it if there is one.
pub struct LogRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// When the log got it, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<(String, Bytes)>,
    /// The event, or why it is none. A batch is an error here, unless it is of one: see [`LogRecord::events`].
    pub event: Result<Record, InvalidEnvelope>,
    topic: Arc<str>,
    registry: Registry,
}

impl LogRecord {
    /// The value of a header as text; the last, if it is there more than once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().rev().find(|(found, _)| found == name);
        std::str::from_utf8(&header?.1).ok()
    }

    /// The events of the record in order: one, or all of a batch.
    ///
    /// # Errors
    /// Says which rule is broken, in a batch by which event.
    pub fn events(&self) -> Result<Vec<Record>, InvalidEnvelope> {
        let pairs = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref()));
        let content = Envelope::all_from_record(pairs, self.key.as_deref(), self.value.clone())?;
        Ok(content
            .into_iter()
            .map(|event| self.record(event))
            .collect())
    }

    fn record(&self, mut event: Parsed) -> Record {
        event.envelope.arrived(self.timestamp);
        Record {
            envelope: Arc::new(event.envelope),
            topic: Arc::clone(&self.topic),
            partition: self.partition,
            offset: self.offset,
            timestamp: self.timestamp,
            attempt: 1,
            payload: Payload::Wire(event.payload, self.registry.clone()),
        }
    }
}

/// A topic's records, one after the other; within a partition in order. Reading stops when it is dropped.
pub struct LogReader(mpsc::Receiver<Result<LogRecord, BusError>>);

impl LogReader {
    /// Begins to read a topic, named without prefix.
    ///
    /// # Errors
    /// When the broker does not answer within `timeout`, or there is no such topic.
    pub async fn open(
        settings: &BusSettings,
        topic: &str,
        from: ReadFrom,
        until: ReadUntil,
        timeout: Duration,
    ) -> Result<Self, BusError> {
        let registry = settings.registry()?;
        let reader = Reader {
            name: settings.prefixed(topic),
            logical: topic.to_owned(),
            registry,
        };
        let mut config = settings.client();
        config
            .set("group.id", "event-bus-tail")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("allow.auto.create.topics", "false");
        let open = move || -> Result<Self, BusError> {
            let consumer = security::reader(&config, timeout)?;
            let ends = reader.assign(&consumer, from, timeout)?;
            let ends = (until == ReadUntil::End).then_some(ends);
            let (send, receive) = mpsc::channel(AHEAD);
            thread::Builder::new()
                .name(format!("tail {}", reader.name))
                .spawn(move || reader.run(&consumer, ends, &send))
                .map_err(|error| BusError::Died(error.to_string()))?;
            Ok(Self(receive))
        };
        let opened = tokio::task::spawn_blocking(open).await;
        opened.unwrap_or_else(|error| Err(BusError::Died(error.to_string())))
    }

    /// The next record; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<LogRecord, BusError>> {
        self.0.recv().await
    }
}

struct Reader {
    name: String,
    logical: String,
    registry: Registry,
}

impl Reader {
    /// Assigns all partitions; where each ended just now.
    fn assign(
        &self,
        consumer: &security::Reader,
        from: ReadFrom,
        timeout: Duration,
    ) -> Result<HashMap<i32, i64>, BusError> {
        let metadata = consumer.fetch_metadata(Some(&self.name), timeout)?;
        let topic = metadata.topics().first();
        let partitions = topic.map_or(&[][..], |topic| topic.partitions());
        if partitions.is_empty() {
            return Err(BusError::Settings(format!(
                "there is no topic {}",
                self.logical
            )));
        }
        let (mut list, mut ends) = (TopicPartitionList::new(), HashMap::new());
        for partition in partitions {
            let (low, end) = watermarks(consumer, &self.name, partition.id(), timeout)?;
            let begin = match from {
                ReadFrom::Beginning => low,
                ReadFrom::End => end,
            };
            list.add_partition_offset(&self.name, partition.id(), Offset::Offset(begin))?;
            if begin < end {
                ends.insert(partition.id(), end);
            }
        }
        consumer.assign(&list)?;
        Ok(ends)
    }

    fn run(
        &self,
        consumer: &security::Reader,
        mut ends: Option<HashMap<i32, i64>>,
        send: &mpsc::Sender<Result<LogRecord, BusError>>,
    ) {
        while !send.is_closed() && ends.as_ref().is_none_or(|ends| !ends.is_empty()) {
            let passed_on = match consumer.poll(TICK) {
                None => Ok(()),
                // The last offsets of a partition may hold no record that is shown, as a transaction's end.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if let Some(ends) = &mut ends {
                        ends.remove(&partition);
                    }
                    Ok(())
                }
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    if let Some(ends) = &mut ends
                        && ends.get(&partition).is_some_and(|end| offset + 1 >= *end)
                    {
                        ends.remove(&partition);
                    }
                    send.blocking_send(Ok(logged(&message, &self.logical, &self.registry)))
                }
                Some(Err(error)) => send.blocking_send(Err(BusError::Broker(with_hint(&error)))),
            };
            if passed_on.is_err() {
                return;
            }
        }
    }
}

/// A copy of a record of the topic `logical`, with its envelope read.
pub(crate) fn logged(
    message: &BorrowedMessage<'_>,
    logical: &str,
    registry: &Registry,
) -> LogRecord {
    let headers: Vec<(String, Bytes)> = message.headers().map_or_else(Vec::new, |headers| {
        let owned = headers.iter().map(|header| {
            let value = header.value.unwrap_or_default();
            (header.key.to_owned(), Bytes::copy_from_slice(value))
        });
        owned.collect()
    });
    let value = message.payload().map(Bytes::copy_from_slice);
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_ref()));
    let parsed = Envelope::from_record(pairs, message.key(), value.clone());
    let mut logged = LogRecord {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(Bytes::copy_from_slice),
        value,
        headers,
        event: Err(InvalidEnvelope::Batch(0)),
        topic: logical.into(),
        registry: registry.clone(),
    };
    logged.event = parsed.map(|parsed| logged.record(parsed));
    logged
}
