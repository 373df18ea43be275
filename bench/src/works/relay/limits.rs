//! Limits of a relay: deleting the rows from the table, and producing the records.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{bail, ensure};
use event_bus::{Event as _, OutboundRecord};
use rdkafka::{
    ClientConfig, ClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};

use super::rows;
use crate::{
    environment::Environment,
    reading::{Clock, Reading},
    works::event::Placed,
};

const DRAIN: &str = "DELETE FROM outbox_0.outbox
    WHERE id IN (SELECT id FROM outbox_0.outbox ORDER BY id LIMIT 5000)
    RETURNING id, topic, envelope::text, datum";
/// Number of distinct records, which are produced repeatedly.
const RECORDS: u64 = 20_000;

/// Deletes all rows of the outbox, discarding them.
pub async fn drain(environment: &Environment, events: u64) -> anyhow::Result<Reading> {
    let mut conn = rows::connect(environment).await?;
    let clock = Clock::own();
    let mut drained = 0;
    loop {
        let batch = sqlx::query(DRAIN).fetch_all(&mut conn).await?;
        if batch.is_empty() {
            break;
        }
        drained += batch.len() as u64;
    }
    let reading = clock.read(events);
    ensure!(
        drained == events,
        "only {drained} of {events} rows were there"
    );
    Ok(reading)
}

/// A prepared record.
struct Ready {
    key: String,
    headers: OwnedHeaders,
    value: Vec<u8>,
}

impl Ready {
    fn of(record: &OutboundRecord) -> Self {
        let headers = record.envelope.to_headers();
        let empty = OwnedHeaders::new_with_capacity(headers.len());
        let headers = headers.iter().fold(empty, |owned, (name, value)| {
            owned.insert(Header {
                key: name,
                value: Some(value.as_str()),
            })
        });
        Self {
            key: record.envelope.partition_key.clone(),
            headers,
            value: framed(&record.datum),
        }
    }
}

/// The value with a prefix of the wire format's length.
pub fn framed(datum: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, 1], datum].concat()
}

#[derive(Default)]
struct Acknowledged(Arc<AtomicU64>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Produces at the maximum rate until all records are acknowledged.
pub fn produce(environment: &Environment, events: u64) -> anyhow::Result<Reading> {
    let law = rows::law();
    let ready = (0..RECORDS.min(events)).map(|n| Ok(Ready::of(&rows::row(&law, n)?)));
    let ready = ready.collect::<anyhow::Result<Vec<_>>>()?;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let producer = producer(environment, Acknowledged(Arc::clone(&acknowledged)))?;
    let topic = environment.bus().prefixed(Placed::TOPIC);

    // Resolving broker and topic takes half a second, which is excluded.
    send(&producer, &topic, &ready[0])?;
    producer.flush(super::PATIENCE)?;

    let clock = Clock::own();
    for (_, record) in (1..events).zip(ready.iter().cycle()) {
        send(&producer, &topic, record)?;
    }
    producer.flush(super::PATIENCE)?;
    let reading = clock.read(events - 1);
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    ensure!(
        acknowledged == events,
        "only {acknowledged} of {events} were acknowledged"
    );
    Ok(reading)
}

/// A producer with the durability and partitioner of the bus, and otherwise default settings.
fn producer(
    environment: &Environment,
    context: Acknowledged,
) -> anyhow::Result<ThreadedProducer<Acknowledged>> {
    let producer = ClientConfig::new()
        .set("bootstrap.servers", &environment.kafka)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .create_with_context(context)?;
    Ok(producer)
}

fn send(
    producer: &ThreadedProducer<Acknowledged>,
    topic: &str,
    record: &Ready,
) -> anyhow::Result<()> {
    let mut message = BaseRecord::to(topic)
        .key(record.key.as_bytes())
        .payload(record.value.as_slice())
        .headers(record.headers.clone());
    while let Err((error, refused)) = producer.send(message) {
        match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => {
                producer.poll(Duration::from_millis(10));
                message = refused;
            }
            other => bail!(other),
        }
    }
    Ok(())
}
