//! Conversion of an envelope to headers and JSON, and back. Needs no server.

#[path = "../src/order.rs"]
mod order;

use std::{hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use event_bus::{Envelope, StoredEvent};
use order::{order, record};

fn envelope(criterion: &mut Criterion) {
    let record = record(&order(1)).expect("the event is valid");
    let headers = record.envelope.to_headers();
    let json = serde_json::to_string(&record.envelope).expect("an envelope is JSON");
    let (key, value) = (
        record.envelope.partition_key.clone(),
        Bytes::from(record.datum.clone()),
    );

    let mut envelope = criterion.benchmark_group("envelope");
    envelope.bench_function("to headers", |bench| {
        bench.iter(|| black_box(&record.envelope).to_headers());
    });
    envelope.bench_function("from a record", |bench| {
        bench.iter(|| {
            let headers = black_box(&headers).iter();
            let headers = headers.map(|(name, value)| (name.as_ref(), value.as_bytes()));
            Envelope::from_record(headers, Some(key.as_bytes()), Some(value.clone()))
        });
    });
    envelope.bench_function("to the outbox's JSON", |bench| {
        bench.iter(|| serde_json::to_string(black_box(&record.envelope)));
    });
    envelope.bench_function("stored event from the outbox's JSON", |bench| {
        let row = || (record.topic.clone(), record.datum.clone());
        bench.iter_batched(
            row,
            |(topic, datum)| StoredEvent::read(topic, black_box(&json), datum),
            BatchSize::SmallInput,
        );
    });
    envelope.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = short(); targets = envelope }
criterion_main!(benches);
