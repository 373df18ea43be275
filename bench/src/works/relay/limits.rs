//! What a relay cannot be faster than: taking the rows out of the table, and producing the records.

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
    place::Place,
    reading::{Clock, Reading},
    works::event::Placed,
};

const DRAIN: &str = "DELETE FROM outbox_0.outbox
    WHERE id IN (SELECT id FROM outbox_0.outbox ORDER BY id LIMIT 5000)
    RETURNING id, topic, envelope::text, datum";
/// Different records; they are produced again and again.
const RECORDS: u64 = 20_000;

/// Empties the outbox; what is read is looked at by nobody.
pub async fn drain(place: &Place, events: u64) -> anyhow::Result<Reading> {
    let mut conn = rows::connect(place).await?;
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
    ensure!(drained == events, "of {events} rows {drained} were there");
    Ok(reading)
}

/// A record that lies ready.
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

/// With the registry's frame before it, as long as the real one.
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

/// Produces as fast as librdkafka takes it, until all is acknowledged.
pub fn produce(place: &Place, events: u64) -> anyhow::Result<Reading> {
    let law = rows::law();
    let ready = (0..RECORDS.min(events)).map(|n| Ok(Ready::of(&rows::row(&law, n)?)));
    let ready = ready.collect::<anyhow::Result<Vec<_>>>()?;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let producer = producer(place, Acknowledged(Arc::clone(&acknowledged)))?;
    let topic = place.bus().prefixed(Placed::TOPIC);

    // Finding the broker and the topic takes half a second, which is no part of the limit.
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
        "{acknowledged} of {events} were acknowledged"
    );
    Ok(reading)
}

/// Durable as the bus's, its partitions found by the same rule, and otherwise as librdkafka comes.
fn producer(
    place: &Place,
    context: Acknowledged,
) -> anyhow::Result<ThreadedProducer<Acknowledged>> {
    let producer = ClientConfig::new()
        .set("bootstrap.servers", &place.kafka)
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
