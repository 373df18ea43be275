//! Avro encoding and decoding of an order event with three lines. Needs no server.

#[path = "../src/order.rs"]
mod order;

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use event_bus::{AvroSchema, Event as _};
use events::order::OrderCreated;
use order::{order, record};

fn codec(criterion: &mut Criterion) {
    let (order, schema) = (order(1), OrderCreated::schema());
    let datum = schema.encode(&order).expect("the event fits its schema");

    let mut codec = criterion.benchmark_group("codec");
    codec.bench_function("encode", |bench| {
        bench.iter(|| schema.encode(black_box(&order)));
    });
    codec.bench_function("encode in its frame", |bench| {
        bench.iter(|| schema.encode_framed(1, black_box(&order)));
    });
    codec.bench_function("decode", |bench| {
        bench.iter(|| schema.decode::<OrderCreated>(black_box(&datum)));
    });
    codec.bench_function("event to outbound record", |bench| {
        bench.iter(|| record(black_box(&order)));
    });
    codec.bench_function("parse the schema", |bench| {
        bench.iter(|| AvroSchema::parse(black_box(schema.json())));
    });
    codec.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = short(); targets = codec }
criterion_main!(benches);
