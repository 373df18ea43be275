//! Producing: from an event to the record passed to librdkafka.

use std::hint::black_box;

use anyhow::ensure;
use event_bus::{BusSettings, Event as _, EventSchemas, OutboundRecord, Producer, StoredEvent};
use events::order::OrderCreated;

use crate::order::{order, record};

/// Batch size.
const BATCH: u64 = 500;
/// An arbitrary schema id.
const SCHEMA_ID: u32 = 1;

/// Creates events as for the outbox, and publishes them as the relay does.
pub async fn whole(events: u64, bus: &BusSettings) -> anyhow::Result<()> {
    let producer = Producer::new(bus, EventSchemas::new().with::<OrderCreated>())?;
    let order = order(1);
    for _ in 0..events / BATCH {
        let batch = (0..BATCH).map(|_| stored(record(&order)?));
        let batch = batch.collect::<anyhow::Result<Vec<_>>>()?;
        for published in producer.publish_stored(&batch).await {
            published?;
        }
    }
    Ok(())
}

/// Runs the single-threaded parts of producing.
pub fn parts(events: u64) -> anyhow::Result<()> {
    let order = order(1);
    for _ in 0..events {
        let record = record(black_box(&order))?;
        black_box(record.envelope.to_headers());
        let framed = OrderCreated::schema().encode_framed(SCHEMA_ID, black_box(&order))?;
        ensure!(
            framed.len() == record.datum.len() + 5,
            "the prefix of the wire format must have five bytes"
        );
        black_box(stored(record)?);
    }
    Ok(())
}

/// Converts a record to an outbox row and back.
fn stored(record: OutboundRecord) -> anyhow::Result<StoredEvent> {
    let envelope = serde_json::to_string(&record.envelope)?;
    Ok(StoredEvent::read(record.topic, &envelope, record.datum)?)
}
