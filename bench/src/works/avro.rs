//! Avro of an order event: what the bus adds to its codec, and what the reference implementation takes.

use std::{hint::black_box, time::Instant};

use anyhow::{Context, bail};
use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use async_trait::async_trait;
use event_bus::{Event as _, Parsed, Record};
use events::order::OrderCreated;
use futures::FutureExt as _;

use super::{Against, Bound, Figure, Goal, Side, Work};
use crate::{
    environment::Environment,
    order::{order, record},
    reading::{Clock, Reading},
};

/// Encoded a turn, and decoded.
const EVENTS: u64 = 500_000;
/// Of so many events, one is done before the clock starts.
const WARM_UP: u64 = 10;
const ENCODE: Figure = Figure::Also("encode_ns");
const DECODE: Figure = Figure::Also("decode_ns");

pub struct Avro;

const RESOLVING: &str = "apache-avro resolving";

#[async_trait]
impl Work for Avro {
    fn name(&self) -> &'static str {
        "avro"
    }

    fn title(&self) -> &'static str {
        "encode and decode order.created with three lines"
    }

    fn sides(&self) -> &'static [Side] {
        const {
            &[
                Side::every(
                    "event-bus",
                    "AvroSchema::encode, and a handler's Record::decode of the record's value",
                ),
                Side::every(
                    "serde_avro_fast",
                    "the codec the bus stands on, called directly",
                ),
                Side::every(
                    "apache-avro",
                    "the reference implementation through its Value; decoding fits nothing to a schema of the reader's",
                ),
                Side::every(
                    RESOLVING,
                    "the same, decoding for a reader's schema, as who reads events of other versions has to; the bus does",
                ),
            ]
        }
    }

    fn goals(&self) -> &'static [Goal] {
        const {
            &[
                at_most_bare(ENCODE),
                at_most_bare(DECODE),
                ahead_of_naive(ENCODE),
                ahead_of_naive(DECODE),
                Goal {
                    side: RESOLVING,
                    figure: DECODE,
                    against: Against::Side("event-bus"),
                    bound: None,
                },
            ]
        }
    }

    async fn run(&self, environment: &Environment, side: &str) -> anyhow::Result<Reading> {
        let events = environment.scaled(EVENTS);
        match side {
            "event-bus" => ours(environment, events).await,
            "serde_avro_fast" => bare(events),
            "apache-avro" => naive(events, Reader::AsWritten),
            RESOLVING => naive(events, Reader::Own),
            other => bail!("unknown side {other:?}"),
        }
    }
}

const fn at_most_bare(figure: Figure) -> Goal {
    Goal {
        side: "event-bus",
        figure,
        against: Against::Side("serde_avro_fast"),
        bound: Some(Bound::AtMost(1.3)),
    }
}

const fn ahead_of_naive(figure: Figure) -> Goal {
    Goal {
        side: "apache-avro",
        figure,
        against: Against::Side("event-bus"),
        bound: Some(Bound::AtLeast(10.0)),
    }
}

async fn ours(environment: &Environment, events: u64) -> anyhow::Result<Reading> {
    let (order, schema) = (order(1), OrderCreated::schema());
    let registry = environment.bus().registry()?;
    let id = registry
        .id(&format!("{}-avro", environment.run), schema)
        .await?;
    let parsed = Parsed {
        envelope: record(&order)?.envelope,
        payload: schema.encode_framed(id, &order)?.into(),
    };
    let record = Record::parsed(parsed, OrderCreated::TOPIC, &registry);
    // The first of a schema asks the registry; from then on nothing is waited for.
    let first: OrderCreated = record.decode().await?;
    anyhow::ensure!(first == order, "another order came back");
    both(
        events,
        || Ok(schema.encode(black_box(&order))?),
        || {
            let decoded = black_box(&record).decode::<OrderCreated>().now_or_never();
            Ok(decoded.context("the schema is not in memory")??)
        },
    )
}

fn bare(events: u64) -> anyhow::Result<Reading> {
    let order = order(1);
    let schema: serde_avro_fast::Schema = OrderCreated::schema().json().parse()?;
    let datum = OrderCreated::schema().encode(&order)?;
    both(
        events,
        || {
            let mut config = serde_avro_fast::ser::SerializerConfig::new(&schema);
            let (order, room) = (black_box(&order), Vec::with_capacity(128));
            Ok(serde_avro_fast::to_datum(order, room, &mut config)?)
        },
        || {
            Ok(serde_avro_fast::from_datum_slice(
                black_box(&datum),
                &schema,
            )?)
        },
    )
}

/// Whose schema the reference implementation decodes for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The writer's alone.
    AsWritten,
    /// One of its own, even where it is the same.
    Own,
}

/// As `to_avro_datum` and `from_avro_datum` do it, which make a writer and a reader each time.
fn naive(events: u64, reader: Reader) -> anyhow::Result<Reading> {
    // Otherwise it has UUIDs as bytes, which its own schema does not take.
    apache_avro::util::set_serde_human_readable(true);
    let order = order(1);
    let schema = Schema::parse_str(OrderCreated::schema().json())?;
    let datum = OrderCreated::schema().encode(&order)?;
    let encode = || {
        let value: Value = apache_avro::to_value(black_box(&order))?;
        let writer = GenericDatumWriter::builder(&schema).build()?;
        Ok(writer.write_value_to_vec(value.resolve(&schema)?)?)
    };
    anyhow::ensure!(encode()? == datum, "apache-avro writes other bytes");
    both(events, encode, || {
        let reader = GenericDatumReader::builder(&schema)
            .maybe_reader_schema((reader == Reader::Own).then_some(&schema))
            .build()?;
        let value = reader.read_value(&mut black_box(datum.as_slice()))?;
        Ok(apache_avro::from_value(&value)?)
    })
}

fn both(
    events: u64,
    encode: impl Fn() -> anyhow::Result<Vec<u8>>,
    decode: impl Fn() -> anyhow::Result<OrderCreated>,
) -> anyhow::Result<Reading> {
    for _ in 0..events.div_ceil(WARM_UP) {
        black_box((encode()?, decode()?));
    }
    let clock = Clock::own();
    let (encode, decode) = (nanos(events, encode)?, nanos(events, decode)?);
    let mut reading = clock.read(events);
    reading.also.insert("encode_ns".to_owned(), encode);
    reading.also.insert("decode_ns".to_owned(), decode);
    Ok(reading)
}

/// What one takes, in nanoseconds.
#[allow(clippy::cast_precision_loss)]
fn nanos<T>(events: u64, once: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<f64> {
    let began = Instant::now();
    for _ in 0..events {
        black_box(once()?);
    }
    Ok(began.elapsed().as_secs_f64() * 1e9 / events as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rivals_do_the_whole_work() {
        let readings = [bare(3), naive(3, Reader::AsWritten), naive(3, Reader::Own)];
        for reading in readings.map(Result::unwrap) {
            assert_eq!(reading.events, 3);
            assert!(reading.also["encode_ns"] > 0.0 && reading.also["decode_ns"] > 0.0);
        }
    }
}
