//! Consuming: from a record of the log to its payload in a handler.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::ensure;
use event_bus::{
    BusSettings, Consumer, Envelope, Event as _, EventSchemas, Producer, Received, Record, Router,
};
use events::order::OrderCreated;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::order::{order, record};

/// Number of orders in the log, and so of lanes.
const ORDERS: u64 = 100;
const BATCH: usize = 500;
/// Time limit, generous because valgrind is slow.
const PATIENCE: Duration = Duration::from_mins(5);

/// Fills the log for [`whole`].
pub async fn fill(events: u64, bus: &BusSettings) -> anyhow::Result<()> {
    let producer = Producer::new(bus, EventSchemas::new().with::<OrderCreated>())?;
    let numbers: Vec<u64> = (0..events).collect();
    for batch in numbers.chunks(BATCH) {
        let batch = batch
            .iter()
            .map(|number| record(&order((number % ORDERS).cast_signed())));
        let batch = batch.collect::<anyhow::Result<Vec<_>>>()?;
        for published in producer.publish_batch(&batch).await {
            published?;
        }
    }
    Ok(())
}

/// Consumes events with a typed handler.
pub async fn whole(events: u64, bus: &BusSettings) -> anyhow::Result<()> {
    let (seen, all) = (AtomicU64::new(0), Arc::new(Notify::new()));
    let handler = {
        let all = Arc::clone(&all);
        move |created: Received<OrderCreated>| {
            black_box(created);
            if seen.fetch_add(1, Ordering::Relaxed) + 1 == events {
                all.notify_one();
            }
            async { Ok(()) }
        }
    };
    let stop = CancellationToken::new();
    let consumer = Consumer::builder(bus, "instructions")
        .topics([OrderCreated::TOPIC])
        .handler(Router::new().on(handler))
        .build()?;
    let running = tokio::spawn(consumer.run(stop.clone()));
    tokio::time::timeout(PATIENCE, all.notified()).await?;
    stop.cancel();
    Ok(running.await??)
}

/// Decodes a record repeatedly, as a consumer does.
pub async fn parts(events: u64, bus: &BusSettings) -> anyhow::Result<()> {
    let order = order(1);
    let (registry, schema) = (bus.registry()?, OrderCreated::schema());
    let id = registry.id("instructions", schema).await?;
    let wire = bytes::Bytes::from(schema.encode_framed(id, &order)?);
    let record = record(&order)?;
    let headers = record.envelope.to_headers();
    let key = record.envelope.partition_key.as_bytes();
    for _ in 0..events {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_bytes()));
        let parsed = Envelope::from_record(black_box(headers), Some(key), Some(wire.clone()))?;
        let record = Record::parsed(parsed, OrderCreated::TOPIC, &registry);
        let received = record.receive::<OrderCreated>().await?;
        ensure!(
            received.data.items.len() == order.items.len(),
            "the decoded order has missing lines"
        );
    }
    Ok(())
}
