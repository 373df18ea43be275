//! Avro encoding and decoding of an order event: the bus, its codec alone, and apache-avro through `Value`.

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

/// Events encoded and decoded per turn.
const EVENTS: u64 = 500_000;
/// One in so many events is processed before the measurement, as warm-up.
const WARM_UP: u64 = 10;
const ENCODE: Figure = Figure::Also("encode_ns");
const DECODE: Figure = Figure::Also("decode_ns");

pub struct Avro;

const BARE: &str = "apache-avro serde";
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
                    BARE,
                    "the codec of the bus, called directly with a prepared reader and writer",
                ),
                Side::every(
                    "apache-avro",
                    "apache-avro through its Value, decoding without a reader's schema",
                ),
                Side::every(
                    RESOLVING,
                    "the same, resolving to a reader's schema, as events of other versions require; the bus does so",
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
            BARE => bare(events),
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
        against: Against::Side(BARE),
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
    // The first record of a schema requests it from the registry; later ones do not wait.
    let first: OrderCreated = record.decode().await?;
    anyhow::ensure!(first == order, "the decoded order differs");
    both(
        events,
        || Ok(schema.encode(black_box(&order))?),
        || {
            let decoded = black_box(&record).decode::<OrderCreated>().now_or_never();
            Ok(decoded.context("the schema is not cached")??)
        },
    )
}

fn bare(events: u64) -> anyhow::Result<Reading> {
    let order = order(1);
    let schema = Schema::parse_str(OrderCreated::schema().json())?;
    let writer = GenericDatumWriter::builder(&schema)
        .human_readable(true)
        .build()?;
    let reader = GenericDatumReader::builder(&schema)
        .human_readable(true)
        .build()?;
    let datum = OrderCreated::schema().encode(&order)?;
    both(
        events,
        || {
            let mut datum = Vec::with_capacity(128);
            writer.write_ser(&mut datum, black_box(&order))?;
            Ok(datum)
        },
        || Ok(reader.read_deser(&mut black_box(datum.as_slice()))?),
    )
}

/// The schema to which apache-avro resolves a datum.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The writer's schema only.
    AsWritten,
    /// A reader's schema, although it equals the writer's.
    Own,
}

/// Encodes and decodes like `to_avro_datum` and `from_avro_datum`, which create a writer and a reader each time.
fn naive(events: u64, reader: Reader) -> anyhow::Result<Reading> {
    // Otherwise UUIDs are bytes, which the schema does not accept.
    apache_avro::util::set_serde_human_readable(true);
    let order = order(1);
    let schema = Schema::parse_str(OrderCreated::schema().json())?;
    let datum = OrderCreated::schema().encode(&order)?;
    let encode = || {
        let value: Value = apache_avro::to_value(black_box(&order))?;
        let writer = GenericDatumWriter::builder(&schema).build()?;
        Ok(writer.write_value_to_vec(value.resolve(&schema)?)?)
    };
    anyhow::ensure!(
        encode()? == datum,
        "apache-avro encodes the order differently"
    );
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

/// Returns the time per event in nanoseconds.
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
