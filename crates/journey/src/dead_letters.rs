//! Publishing invalid messages and finding them in the dead-letter topic.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use event_bus::BusSettings;
use rdkafka::{
    ClientConfig, Message, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::{Header, Headers, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};

/// A dead letter.
pub struct DeadLetter {
    /// The original payload.
    pub payload: Vec<u8>,
    /// All headers that are valid UTF-8.
    pub headers: BTreeMap<String, String>,
}

/// Publishes a payload with headers to a topic.
pub async fn publish(
    bus: &BusSettings,
    topic: &str,
    key: &str,
    payload: &[u8],
    headers: &[(&str, &str)],
) -> Result<()> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &bus.bootstrap)
        .create()?;
    let headers = headers
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header {
                key,
                value: Some(*value),
            })
        });
    let topic = bus.prefixed(topic);
    let record = FutureRecord::to(&topic)
        .key(key)
        .payload(payload)
        .headers(headers);
    producer
        .send(record, Duration::from_secs(10))
        .await
        .map_err(|(error, _)| error)
        .with_context(|| format!("cannot publish to {topic}"))?;
    Ok(())
}

/// Returns the dead letters of a topic with this payload, one per consumer group that failed.
pub async fn find(bus: &BusSettings, topic: &str, payload: &[u8]) -> Result<Vec<DeadLetter>> {
    let (bus, topic, wanted) = (
        bus.clone(),
        bus.prefixed(&format!("{topic}.dlq")),
        payload.to_vec(),
    );
    tokio::task::spawn_blocking(move || read(&bus, &topic, &wanted)).await?
}

fn read(bus: &BusSettings, topic: &str, wanted: &[u8]) -> Result<Vec<DeadLetter>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &bus.bootstrap)
        .set("group.id", "journey-dead-letters")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10))?;
    let partitions = metadata
        .topics()
        .first()
        .map_or(0, |topic| topic.partitions().len());
    let mut all = TopicPartitionList::new();
    for partition in 0..i32::try_from(partitions)? {
        all.add_partition_offset(topic, partition, rdkafka::Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    let (mut found, mut ended) = (Vec::new(), 0);
    while ended < partitions {
        match consumer.poll(Duration::from_secs(10)) {
            Some(Ok(record)) if record.payload() == Some(wanted) => {
                let headers = record
                    .headers()
                    .into_iter()
                    .flat_map(|headers| headers.iter());
                let headers = headers.filter_map(|header| {
                    let value = String::from_utf8(header.value?.to_vec()).ok()?;
                    Some((header.key.to_owned(), value))
                });
                found.push(DeadLetter {
                    payload: wanted.to_vec(),
                    headers: headers.collect(),
                });
            }
            Some(Ok(_)) => {}
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => return Err(error.into()),
            None => anyhow::bail!("timed out reading {topic} to its end"),
        }
    }
    Ok(found)
}
